// Threads: what runs. A thread blocks only with its registers saved and its continuation in `wait`; the core has one
// stack a CPU, not one a thread.
#pragma once
#include "kernel/captable.h"
#include "kernel/cpu.h"
#include "kernel/object.h"

enum thread_wait {
    WAIT_NOTHING,     // runnable
    WAIT_START,       // not started yet
    WAIT_CALL_QUEUED, // its call waits for the server
    WAIT_REPLY,       // its call is being served
    WAIT_FOR_MESSAGE, // in reply_wait
    WAIT_SEMAPHORE,
    WAIT_HALTED, // runs a vCPU that is halted
    WAIT_CAP,    // runs a vCPU whose cap is used up
    WAIT_ENDED   // never again
};

struct thread {
    struct object object;
    struct registers regs; // entry.asm
    struct pd *pd;
    struct cpu *cpu;        // where it runs
    struct cpu *cpu_wanted; // where it is to run; its CPU moves it there
    struct kernel_page *buffer_page;
    struct message_buffer *buffer;
    struct list_node queue; // run queue, a semaphore's waiters, or a server's callers
    struct list_node timeout;
    uint64_t deadline_tsc;
    uint8_t wait; // enum thread_wait
    bool paused;
    bool events_only;  // in reply_wait, with WAIT_NO_CALL
    uint8_t priority;  // own: 1..255, or 0: fair class
    uint8_t effective; // with what callers lend
    uint64_t vtime;
    uint64_t run_tsc;
    uint64_t events, event_mask;
    struct thread *caller;    // whose call it serves
    struct thread *server;    // who serves its call
    struct list_node callers; // calls that wait for it
    uint64_t call_words, call_badge;
    struct vcpu *vcpu; // whose run it is in
    uint64_t exits;
    void *fpu; // XSAVE area
    uint64_t fs_base, xcr0, dr[4];
};

// Created stopped. Errors: MEMORY, BUSY (buffer in use).
NODISCARD int thread_create(struct pd *pd, struct kernel_page *buffer, struct cpu *cpu, uint64_t entry, uint64_t stack,
                            struct thread **out);
void thread_destroy(struct thread *thread);

void thread_start(struct thread *thread, uint64_t argument);
// Blocks the thread; its CPU goes on with another one. deadline NO_DEADLINE: for ever.
void thread_block(struct thread *thread, enum thread_wait wait, uint64_t deadline_tsc);
// Ends a wait: results in RAX and RDX.
void thread_wake(struct thread *thread, int status, uint64_t result);
// Sets bits of the event word and ends what tests them.
void thread_signal(struct thread *thread, uint64_t bits);
void thread_set_paused(struct thread *thread, bool paused);
// Stops it for ever, and everything that it waits for or that waits for it.
void thread_end(struct thread *thread);

// Results of the system call that the thread is in.
static inline void thread_result(struct thread *thread, int status, uint64_t result) {
    thread->regs.gpr[RAX] = (uint64_t)(int64_t)status;
    thread->regs.gpr[RDX] = result;
}
