// The kernel lock: a ticket lock.
#include "kernel/lock.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"

static struct { uint32_t next, serving; } ticket;

void lock_acquire_kernel(void) {
    uint32_t mine = __atomic_fetch_add(&ticket.next, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&ticket.serving, __ATOMIC_ACQUIRE) != mine) {
        cpu_answer_requests();
        cpu_relax();
    }
}

void lock_forget_waiters(void) {
    __atomic_store_n(&ticket.next, ticket.serving + 1, __ATOMIC_RELAXED);
}

void lock_release_kernel(void) {
    __atomic_store_n(&ticket.serving, ticket.serving + 1, __ATOMIC_RELEASE);
}
