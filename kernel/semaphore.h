// Semaphores: wake-ups that are counted, waited for with a deadline, or turned into an event bit of a thread.
#pragma once
#include "kernel/object.h"
#include "kernel/thread.h"

struct interrupt;

struct semaphore {
    struct object object;
    uint64_t count;
    struct list_node waiters;
    struct thread *bound; // thread to signal, if its generation still is
    uint64_t bound_generation;
    uint64_t bound_bit;
    struct interrupt *interrupt; // whose arrival ups it
};

NODISCARD int semaphore_create(struct pd *pd, uint64_t count, struct thread *bound, unsigned bit,
                               struct semaphore **out);
void semaphore_destroy(struct semaphore *semaphore);
void semaphore_up(struct semaphore *semaphore);
// The current thread takes one, or waits.
void semaphore_down(struct thread *thread, struct semaphore *semaphore, uint64_t deadline_tsc);
