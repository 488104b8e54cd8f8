// Owner and number of mappings of each frame of memory. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FRAME_OWNER_NONE   0u
#define FRAME_OWNER_KERNEL 0xffffu // never mapped for user level

struct frame {
    uint16_t owner; // id of a protection domain
    uint16_t reserved;
    uint32_t mappings;
};

struct frame_table {
    struct frame *frames;
    uint64_t count; // frames beyond are device memory: no owner, not counted
};

// May `count` frames from `first` be mapped (none is the core's, no count overflows), and, if `own`, change owner (none is mapped)?
bool frame_can_map(const struct frame_table *table, uint64_t first, uint64_t count, bool own);

// Counts a mapping of each; with `owner` not FRAME_OWNER_NONE, makes it the owner. Requires frame_can_map.
void frame_map(struct frame_table *table, uint64_t first, uint64_t count, uint16_t owner);

// Counts a mapping of each less. Requires: each is mapped.
void frame_unmap(struct frame_table *table, uint64_t first, uint64_t count);
