// Kernel objects: kinds, life and death, and the memory they live in. Memory of one kind is used for that kind for ever
// (slabs), so that a stale capability may always look at the generation of what it once named.
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
    uint32_t generation; // increases when the object is destroyed: capabilities of older generations are dead
    uint8_t kind;        // enum object_kind
    bool alive;
    struct pd *owner; // whose quota it is charged to
    struct list_node in_owner;
};

// A zeroed object of `kind`, charged to `owner`. Null if quota or pool is used up. Needs the kernel lock.
NODISCARD struct object *object_create(enum object_kind kind, struct pd *owner);

// Ends every capability to the object and gives its memory and quota back. The object's own destructor has run.
void object_free(struct object *object);

// Charges `bytes` of kernel memory to `owner`, or says false and charges nothing.
NODISCARD bool quota_charge(struct pd *owner, uint64_t bytes);
void quota_refund(struct pd *owner, uint64_t bytes);

// Zeroed pages of the pool, physically contiguous, charged to `owner` (null: the core itself). Null if used up.
NODISCARD void *pages_allocate(struct pd *owner, uint64_t pages);
void pages_free(struct pd *owner, void *pages, uint64_t count);

// Destroys an object of whatever kind.
void object_destroy(struct object *object);
