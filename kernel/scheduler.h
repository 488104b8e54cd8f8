// Which thread runs: fixed priorities, and beneath them virtual-time fair shares by weight, with caps. A run queue per
// CPU, sorted. No tick: the timer is armed for the next deadline, and for the end of a slice only if somebody waits.
#pragma once
#include "kernel/thread.h"

// A runnable thread enters, or leaves, its CPU's queue.
void scheduler_enqueue(struct thread *thread);
void scheduler_dequeue(struct thread *thread);

// The thread's wait ends at a deadline; that it ends no more by one.
void timeout_set(struct thread *thread, uint64_t deadline_tsc);
void timeout_cancel(struct thread *thread);

// Goes on with the best thread of this CPU. Needs the kernel lock, which is released on the way. Never returns.
_Noreturn void scheduler_dispatch(void);

// Charges the time since slice start to the current thread.
void scheduler_account(void);

// Is a thread better than the current one waiting, or has the current one's slice ended?
bool scheduler_must_switch(const struct thread *current, uint64_t now);

// Arms the timer for the earliest of the CPU's timeouts, the slice's end, and `extra`.
void scheduler_arm(uint64_t extra_tsc);

// The timer has fired, perhaps a little early: it is armed for nothing.
void scheduler_timer_fired(void);

// A timer interrupt or any entry that finds deadlines passed: ends those waits.
void timeout_expire(void);
