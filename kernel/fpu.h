// Extended state of threads: XSAVE components, XCR0 and DR0..3, switched eagerly. A thread that runs a vCPU holds the
// guest's: neither the core nor the VMM's exit path touches it.
#pragma once
#include "kernel/thread.h"

NODISCARD void *fpu_create(struct pd *pd);
void fpu_destroy(struct pd *pd, void *area);
// Puts the thread's state on this CPU and saves whose was there.
void fpu_load(struct thread *thread);
// Saves the thread's state if this CPU holds it.
void fpu_release(struct thread *thread);
// Drops the state of a thread that ends.
void fpu_forget(const struct thread *thread);
// XCR0 of the guest whose state this CPU holds; what the host has not, or XSETBV refuses, is left out.
void fpu_set_guest_xcr0(uint64_t xcr0);
// Brings dr and xcr0 of a thread up to date, if this CPU holds its state; another CPU's are as of its last switch.
void fpu_peek(struct thread *thread);
