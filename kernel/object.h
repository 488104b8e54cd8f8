// Kernel objects: kinds, life and death, and the memory they live in: slabs, pages of objects of one kind and one
// owner, which pays for them. A page is given back with its last object, so whoever kept a pointer asks object_lives.
#pragma once
#include "kernel/abi.h"
#include "kernel/list.h"

enum object_kind {
    OBJECT_NONE,
    OBJECT_PD,
    OBJECT_SPACE,
    OBJECT_THREAD,
    OBJECT_PORTAL,
    OBJECT_SEMAPHORE,
    OBJECT_PAGE,
    OBJECT_VCPU,
    OBJECT_MEMORY,   // the root of all memory, init's
    OBJECT_PORTS,    // the root of all I/O ports, init's
    OBJECT_HARDWARE, // interrupts, CPUs
    OBJECT_KINDS
};

struct pd;

struct object {
    uint64_t generation; // no other object has had it or will have it
    uint8_t kind;        // enum object_kind
    bool alive;
    struct pd *owner; // whose quota it is charged to
    struct list_node in_owner;
};

#define OBJECT_ALIGN 64u // of each; so 32 bits name its place in the pool

// A zeroed object of `kind`, charged to `owner`. Null if quota or pool is used up. Needs the kernel lock.
NODISCARD struct object *object_create(enum object_kind kind, struct pd *owner);

// Ends every capability to the object and gives its memory and quota back. The object's own destructor has run.
void object_free(struct object *object);

// Does the object of this kind and generation that was once there still live? Its memory may be anything's by now.
bool object_lives(const struct object *object, enum object_kind kind, uint64_t generation);

// Charges `bytes` of kernel memory to `owner`, or says false and charges nothing.
NODISCARD bool quota_charge(struct pd *owner, uint64_t bytes);
void quota_refund(struct pd *owner, uint64_t bytes);

// Zeroed pages of the pool, physically contiguous, charged to `owner` (null: the core itself). Null if used up.
NODISCARD void *pages_allocate(struct pd *owner, uint64_t pages);
void pages_free(struct pd *owner, void *pages, uint64_t count);

// Destroys an object of whatever kind.
void object_destroy(struct object *object);
