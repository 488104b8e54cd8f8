// Portals and calls: synchronous messages between a caller and a server's thread, with deadlines.
#pragma once
#include "kernel/object.h"
#include "kernel/thread.h"

struct portal {
    struct object object;
    struct thread *server;
    uint64_t server_generation;
    uint64_t badge;
};

NODISCARD int portal_create(struct pd *pd, struct thread *server, uint64_t badge, struct portal **out);
void portal_destroy(struct portal *portal);

// The current thread calls: it is blocked, or its result says why not.
void portal_call(struct thread *caller, struct portal *portal, uint64_t words, uint64_t deadline_tsc);

// The current thread answers its caller (words, or WAIT_NO_REPLY) and waits for a message or events.
void reply_wait(struct thread *server, uint64_t words, uint64_t event_mask, uint64_t deadline_tsc);

// A server works at least at the priority of the best caller that it keeps waiting, and whom it calls does likewise.
void call_update_priority(struct thread *server);

// The caller no longer waits: its server, if it has the call, will answer nobody.
void call_abandon(struct thread *caller);
// The server is gone: all who wait for it hear so.
void call_fail_all(struct thread *server);

// A page shared between the core and user level.
struct kernel_page {
    struct object object;
    void *memory;
    struct pd *pd;    // in whose host space it is mapped
    uint64_t address; // there
    uint32_t users;   // threads and vCPUs that the core uses it for; destroyed only without any
};

NODISCARD int kernel_page_create(struct pd *pd, uint64_t address, struct kernel_page **out);
void kernel_page_destroy(struct kernel_page *page);
