// A lock between the threads of a VMM: an atomic count, and a semaphore of the core for those who have to wait.
#pragma once
#include "lib/syscall.h"

struct machine_lock {
    uint32_t users; // who holds it and who waits
    uint64_t semaphore;
};

static inline void machine_lock(struct machine_lock *lock) {
    if (__atomic_fetch_add(&lock->users, 1, __ATOMIC_ACQUIRE) != 0)
        while (sys_semaphore_control(lock->semaphore, SEMAPHORE_DOWN, NO_DEADLINE).status != OK)
            ;
}

static inline void machine_unlock(struct machine_lock *lock) {
    if (__atomic_fetch_sub(&lock->users, 1, __ATOMIC_RELEASE) != 1)
        sys_semaphore_control(lock->semaphore, SEMAPHORE_UP, 0);
}
