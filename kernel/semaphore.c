// Semaphores.
#include "kernel/semaphore.h"
#include "kernel/instructions.h"
#include "kernel/interrupt.h"
#include "kernel/pd.h"

int semaphore_create(struct pd *pd, uint64_t count, struct thread *bound, unsigned bit, struct semaphore **out) {
    struct semaphore *semaphore = (struct semaphore *)object_create(OBJECT_SEMAPHORE, pd);
    if (!semaphore)
        return ERROR_MEMORY;
    list_init(&semaphore->waiters);
    semaphore->count = count;
    if (bound) {
        semaphore->bound = bound;
        semaphore->bound_generation = bound->object.generation;
        semaphore->bound_bit = 1ull << bit;
    }
    *out = semaphore;
    return OK;
}

void semaphore_destroy(struct semaphore *semaphore) {
    interrupt_unbind(semaphore);
    while (!list_empty(&semaphore->waiters))
        thread_wake(CONTAINER(semaphore->waiters.next, struct thread, queue), ERROR_GONE, 0);
    object_free(&semaphore->object);
}

void semaphore_up(struct semaphore *semaphore) {
    if (!list_empty(&semaphore->waiters)) {
        thread_wake(CONTAINER(semaphore->waiters.next, struct thread, queue), OK, 1);
        return;
    }
    if (semaphore->count < UINT64_MAX)
        semaphore->count++;
    struct thread *bound = semaphore->bound;
    if (bound && object_lives(&bound->object, OBJECT_THREAD, semaphore->bound_generation))
        thread_signal(bound, semaphore->bound_bit);
}

void semaphore_down(struct thread *thread, struct semaphore *semaphore, uint64_t deadline_tsc) {
    if (semaphore->count > 0) {
        semaphore->count--;
        thread_result(thread, OK, 1);
    } else if (deadline_tsc <= rdtsc()) {
        thread_result(thread, ERROR_TIMEOUT, 0);
    } else {
        thread_block(thread, WAIT_SEMAPHORE, deadline_tsc);
        list_insert(&semaphore->waiters, &thread->queue);
    }
}
