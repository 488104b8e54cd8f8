// The kernel lock: test and test-and-set. Not a ticket lock: where CPUs are themselves virtual, the one whose turn it
// is may not be running, and everybody would wait for it.
#include "kernel/lock.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"

static uint32_t held __attribute__((aligned(64)));

// Apart from the usual case, which each way in takes.
static __attribute__((noinline)) void wait(void) {
    do {
        while (__atomic_load_n(&held, __ATOMIC_RELAXED)) {
            cpu_answer_requests();
            cpu_relax();
        }
    } while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE));
}

void lock_acquire_kernel(void) {
    if (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE))
        wait();
}

void lock_release_kernel(void) {
    __atomic_store_n(&held, 0, __ATOMIC_RELEASE);
}
