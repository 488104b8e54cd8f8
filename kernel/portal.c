// Calls through portals.
#include "kernel/portal.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/pd.h"
#include "kernel/scheduler.h"
#include "lib/string.h"

int portal_create(struct pd *pd, struct thread *server, uint64_t badge, struct portal **out) {
    struct portal *portal = (struct portal *)object_create(OBJECT_PORTAL, pd);
    if (!portal)
        return ERROR_MEMORY;
    portal->server = server;
    portal->server_generation = server->object.generation;
    portal->badge = badge;
    *out = portal;
    return OK;
}

void portal_destroy(struct portal *portal) {
    object_free(&portal->object);
}

static void copy_words(struct message_buffer *to, const struct message_buffer *from, uint64_t words) {
    memcpy(to->data, from->data, words * sizeof(uint64_t));
    to->words = words;
}

static uint8_t best_priority(const struct thread *server) {
    uint8_t best = server->priority;
    if (server->caller && server->caller->effective > best)
        best = server->caller->effective;
    for (struct list_node *at = server->callers.next; at != &server->callers; at = at->next) {
        uint8_t lent = CONTAINER(at, struct thread, queue)->effective;
        best = lent > best ? lent : best;
    }
    return best;
}

void call_update_priority(struct thread *server) {
    // Ends, even if threads call each other in a circle: each step goes the same way, up or down, as the first.
    for (; server && server->effective != best_priority(server); server = server->server) {
        server->effective = best_priority(server);
        if (server->wait == WAIT_NOTHING && !server->paused) {
            scheduler_dequeue(server);
            scheduler_enqueue(server);
        }
        if (server->cpu->current == server && server->cpu != cpu_self())
            cpu_notify(server->cpu); // another one may be better now
    }
}

// The server takes the call of a thread that is blocked in it.
static void take_call(struct thread *server, struct thread *caller) {
    copy_words(server->buffer, caller->buffer, caller->call_words);
    server->buffer->badge = caller->call_badge;
    server->caller = caller;
    caller->wait = WAIT_REPLY;
}

// A server that owes a reply is given no further call.
static bool takes_call(const struct thread *server) {
    return server->wait == WAIT_FOR_MESSAGE && !server->caller && !server->events_only;
}

static void take_next_call(struct thread *server) {
    struct thread *caller = CONTAINER(server->callers.next, struct thread, queue);
    list_remove(&caller->queue);
    take_call(server, caller);
}

void portal_call(struct thread *caller, struct portal *portal, uint64_t words, uint64_t deadline_tsc) {
    struct thread *server = portal->server;
    bool gone = !object_lives(&server->object, OBJECT_THREAD, portal->server_generation) || server->wait == WAIT_ENDED;
    if (gone || server == caller || words > MESSAGE_WORDS) {
        thread_result(caller, gone ? ERROR_GONE : ERROR_ARGUMENT, 0);
        return;
    }
    count(COUNTER_CALL);
    caller->server = server;
    caller->call_words = words;
    caller->call_badge = portal->badge;
    if (takes_call(server)) {
        thread_block(caller, WAIT_REPLY, deadline_tsc);
        take_call(server, caller);
        if (server->effective < caller->effective)
            server->effective = caller->effective;
        thread_wake(server, OK, WAIT_MESSAGE);
    } else {
        thread_block(caller, WAIT_CALL_QUEUED, deadline_tsc);
        list_insert(&server->callers, &caller->queue);
        call_update_priority(server);
    }
}

static void reply(struct thread *server, uint64_t words) {
    struct thread *caller = server->caller;
    if (!caller)
        return;
    copy_words(caller->buffer, server->buffer, words);
    thread_wake(caller, OK, words);
}

void reply_wait(struct thread *server, uint64_t words, uint64_t event_mask, uint64_t deadline_tsc) {
    bool answers = words != WAIT_NO_REPLY && words != WAIT_NO_CALL;
    if (answers && words > MESSAGE_WORDS) {
        thread_result(server, ERROR_ARGUMENT, 0);
        return;
    }
    if (answers)
        reply(server, words);
    server->events_only = words == WAIT_NO_CALL;
    server->event_mask = event_mask;
    if (server->events & event_mask) {
        server->buffer->events = server->events & event_mask;
        server->events &= ~event_mask;
        thread_result(server, OK, WAIT_EVENTS);
    } else if (!server->events_only && !server->caller && !list_empty(&server->callers)) {
        take_next_call(server);
        thread_result(server, OK, WAIT_MESSAGE);
    } else if (deadline_tsc <= rdtsc()) {
        thread_result(server, ERROR_TIMEOUT, 0);
    } else {
        thread_block(server, WAIT_FOR_MESSAGE, deadline_tsc);
    }
}

void call_abandon(struct thread *caller) {
    struct thread *server = caller->server;
    caller->server = NULL;
    if (!server)
        return;
    if (server->caller == caller) {
        server->caller = NULL;
        // A server that waits while it owes this reply: the next call in line has waited for just that.
        if (takes_call(server) && !list_empty(&server->callers)) {
            take_next_call(server);
            thread_wake(server, OK, WAIT_MESSAGE);
        }
    }
    call_update_priority(server); // what this caller has lent is his again
}

void call_fail_all(struct thread *server) {
    if (server->caller)
        thread_wake(server->caller, ERROR_GONE, 0);
    while (!list_empty(&server->callers))
        thread_wake(CONTAINER(server->callers.next, struct thread, queue), ERROR_GONE, 0);
}

int kernel_page_create(struct pd *pd, uint64_t address, struct kernel_page **out) {
    struct kernel_page *page = (struct kernel_page *)object_create(OBJECT_PAGE, pd);
    if (!page)
        return ERROR_MEMORY;
    page->memory = pages_allocate(pd, 1);
    int status =
        page->memory ? space_map_kernel_page(&pd->host, address, pool_address(page->memory), true) : ERROR_MEMORY;
    if (status != OK) {
        if (page->memory)
            pages_free(pd, page->memory, 1);
        object_free(&page->object);
        return status;
    }
    page->pd = pd;
    page->address = address;
    *out = page;
    return OK;
}

void kernel_page_destroy(struct kernel_page *page) {
    space_unmap_kernel_page(&page->pd->host, page->address);
    pages_free(page->object.owner, page->memory, 1);
    object_free(&page->object);
}
