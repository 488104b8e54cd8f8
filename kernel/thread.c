// Life, waits and events of threads.
#include "kernel/thread.h"
#include "kernel/fpu.h"
#include "kernel/instructions.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/portal.h"
#include "kernel/scheduler.h"
#include "kernel/vcpu.h"

_Static_assert(offsetof(struct thread, regs) == 40, "entry.asm: THREAD_REGS");
_Static_assert((offsetof(struct thread, regs) + sizeof(struct registers)) % 16 == 0, "RSP0 is aligned");

int thread_create(struct pd *pd, struct kernel_page *buffer, struct cpu *cpu, uint64_t entry, uint64_t stack,
                  struct thread **out) {
    struct object *object = object_create(OBJECT_THREAD, pd);
    if (!object)
        return ERROR_MEMORY;
    struct thread *thread = CONTAINER(object, struct thread, object);
    thread->fpu = fpu_create(pd);
    if (!thread->fpu) {
        object_free(object);
        return ERROR_MEMORY;
    }
    thread->pd = pd;
    thread->cpu = thread->cpu_wanted = cpu;
    thread->buffer_page = buffer;
    thread->buffer = buffer->memory;
    buffer->users++;
    list_init(&thread->queue);
    list_init(&thread->timeout);
    list_init(&thread->callers);
    thread->wait = WAIT_START;
    thread->xcr0 = host.xcr0;
    thread->regs.rip = entry;
    thread->regs.rsp = stack;
    thread->regs.cs = SELECTOR_USER_CODE;
    thread->regs.ss = SELECTOR_USER_DATA;
    thread->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
    pd->threads++;
    *out = thread;
    return OK;
}

void thread_start(struct thread *thread, uint64_t argument) {
    thread->regs.gpr[RDI] = argument;
    thread->wait = WAIT_NOTHING;
    if (!thread->paused)
        scheduler_enqueue(thread);
}

void thread_block(struct thread *thread, enum thread_wait wait, uint64_t deadline_tsc) {
    scheduler_dequeue(thread);
    thread->wait = (uint8_t)wait;
    timeout_set(thread, deadline_tsc);
}

// Takes a thread out of what it waits for.
static void leave_wait(struct thread *thread) {
    timeout_cancel(thread);
    if (thread->wait == WAIT_CALL_QUEUED || thread->wait == WAIT_SEMAPHORE)
        list_remove(&thread->queue);
    if (thread->wait == WAIT_CALL_QUEUED || thread->wait == WAIT_REPLY)
        call_abandon(thread);
}

void thread_wake(struct thread *thread, int status, uint64_t result) {
    ASSERT(thread->wait > WAIT_START && thread->wait < WAIT_ENDED);
    leave_wait(thread);
    if (thread->wait != WAIT_HALTED && thread->wait != WAIT_CAP)
        thread_result(thread, status, result);
    thread->wait = WAIT_NOTHING;
    if (!thread->paused)
        scheduler_enqueue(thread);
}

void thread_signal(struct thread *thread, uint64_t bits) {
    thread->events |= bits;
    if (!(thread->events & thread->event_mask))
        return;
    if (thread->wait == WAIT_FOR_MESSAGE) {
        thread->buffer->events = thread->events & thread->event_mask;
        thread->events &= ~thread->event_mask;
        thread_wake(thread, OK, WAIT_EVENTS);
    } else if (thread->wait == WAIT_HALTED || thread->wait == WAIT_CAP) {
        thread_wake(thread, OK, 0);
    } else if (thread->vcpu && thread->cpu != cpu_self()) {
        cpu_notify(thread->cpu);
    }
}

void thread_set_paused(struct thread *thread, bool paused) {
    if (thread->paused == paused)
        return;
    thread->paused = paused;
    if (thread->wait != WAIT_NOTHING)
        return;
    if (paused) {
        scheduler_dequeue(thread);
        thread->cpu->reschedule = true;
        if (thread->cpu != cpu_self())
            cpu_notify(thread->cpu);
    } else {
        scheduler_enqueue(thread);
    }
}

void thread_end(struct thread *thread) {
    if (thread->wait == WAIT_ENDED)
        return;
    leave_wait(thread);
    scheduler_dequeue(thread);
    thread->wait = WAIT_ENDED;
    call_fail_all(thread);
    vcpu_leave(thread);
    if (thread->cpu != cpu_self() && thread->cpu->current == thread) {
        thread->cpu->reschedule = true;
        cpu_stop_current(thread->cpu);
    }
}

void thread_destroy(struct thread *thread) {
    thread_end(thread);
    fpu_forget(thread);
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpus[i]->current == thread && cpus[i] == cpu_self())
            cpus[i]->current = NULL;
    thread->pd->threads--;
    thread->pd->run_tsc += thread->run_tsc;
    thread->buffer_page->users--;
    fpu_destroy(thread->object.owner, thread->fpu);
    object_free(&thread->object);
}
