// Protection domains: a host-virtual space, I/O ports, a table of capabilities, and the quota that pays for objects.
#pragma once
#include "kernel/captable.h"
#include "kernel/object.h"
#include "kernel/quota.h"
#include "kernel/space.h"

struct thread;

struct pd {
    struct object object;
    uint32_t id;   // owner of frames
    uint8_t depth; // 0: init's, else its creator's and one more
    bool ended;    // a fault or PD_EXIT: its threads run no more
    struct space host;
    struct captable captable;
    uint64_t captable_pages;
    struct quota quota;
    struct list_node owned;                    // objects that it pays for
    struct list_node open_slabs[OBJECT_KINDS]; // pages of such objects, with room for more (object.c)
    uint64_t threads;
    uint64_t run_tsc; // of threads that are gone
    uint8_t priority_max;
    uint16_t weight; // share of the fair class, of all its threads together
    uint32_t queued; // threads in run queues
    uint32_t cap_percent;
    uint64_t cap_window_end, cap_used; // TSC
    struct capability supervisor;      // semaphore that hears of its end
    struct pd_fault fault;
    bool has_fault;
    uint8_t *ports; // bit set: allowed; null: none
};

#define PD_DEPTH_MAX 8u // destroying a domain destroys those that it created: bounds the stack

// `creator` pays for the domain and its quota; null for init's own.
NODISCARD struct pd *pd_create(struct pd *creator, uint64_t slots, uint64_t quota_bytes, struct capability supervisor);
void pd_destroy(struct pd *pd);

// Ends what runs in a domain and takes a part of its memory away, so little that an interrupt can wait for it. True
// when no large page is left, and destroying takes not long.
NODISCARD bool pd_shrink(struct pd *pd);
// Is a domain the other one, or created by it or its descendants?
bool pd_is_within(const struct pd *pd, const struct pd *ancestor);

// Stops all threads of a domain for the reason in `fault`, and tells its supervisor. The first reason stays.
void pd_end(struct pd *pd, const struct pd_fault *fault);

// The domain that owns frames under an id; null if it is gone. Needs the kernel lock.
struct pd *pd_by_owner(uint32_t owner);

// Gives or takes 2^order ports. Errors: ARGUMENT, MEMORY.
NODISCARD int pd_set_ports(struct pd *pd, uint64_t port, unsigned order, bool allowed);
bool pd_has_ports(const struct pd *pd, uint64_t port, unsigned order);

// The living object of a kind that a capability names, if it has all of `rights`; else null and the error in *status.
struct object *capability_object(struct capability capability, enum object_kind kind, uint16_t rights, int *status);
struct object *pd_object(const struct pd *pd, uint64_t selector, enum object_kind kind, uint16_t rights, int *status);
struct capability capability_to(struct object *object, uint16_t rights);
