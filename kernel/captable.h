// Capability table of a protection domain. Pure; proved: rights only shrink, a removed capability is gone.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct capability {
    uint64_t object; // address of a struct object, 0: empty slot
    uint32_t generation;
    uint16_t kind; // enum object_kind
    uint16_t rights;
};

struct captable {
    struct capability *slots;
    uint64_t count;
};

#define CAPABILITY_NULL ((struct capability){0})

// The capability at a selector, or the null capability. Total: any selector may be asked.
struct capability captable_get(const struct captable *table, uint64_t selector);

bool captable_can_insert(const struct captable *table, uint64_t selector);

// Requires captable_can_insert.
void captable_insert(struct captable *table, uint64_t selector, struct capability capability);

void captable_remove(struct captable *table, uint64_t selector);

// The same capability with at most the rights in `mask`.
struct capability capability_reduce(struct capability capability, uint16_t mask);

// Has it all of `rights`?
bool capability_has(struct capability capability, uint16_t rights);
