// Run queues, accounting, time-outs, and the switch between threads.
#include "kernel/scheduler.h"
#include "kernel/barrier.h"
#include "kernel/clock.h"
#include "kernel/fpu.h"
#include "kernel/instructions.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/turn.h"
#include "kernel/vcpu.h"
#include "lib/string.h"

_Noreturn void resume_user(struct registers *regs);
void idle_wait(void);

#define SLICE_HZ        200u
#define WEIGHT_DEFAULT  256u
#define FS_BASE_UNKNOWN UINT64_MAX

static bool better(const struct thread *a, const struct thread *b) {
    return turn_before(a->effective, a->vtime, b->effective, b->vtime);
}

void scheduler_enqueue(struct thread *thread) {
    struct cpu *cpu = thread->cpu;
    cpu->deadlines_changed = true;
    thread->pd->queued++;
    if (thread->effective == 0 && thread->vtime < cpu->min_vtime)
        thread->vtime = cpu->min_vtime;
    struct list_node *at = cpu->run_queue.next;
    while (at != &cpu->run_queue && !better(thread, CONTAINER(at, struct thread, queue)))
        at = at->next;
    list_insert(at, &thread->queue);
    bool first = cpu->run_queue.next == &thread->queue;
    // The first one's turn has an end only if somebody waits: its CPU has to know of the second.
    bool second = !first && cpu->run_queue.next->next == &thread->queue;
    if (first)
        cpu->reschedule = true;
    if ((first || second) && cpu != cpu_self())
        cpu_notify(cpu);
}

void scheduler_dequeue(struct thread *thread) {
    if (!list_empty(&thread->queue))
        thread->pd->queued--;
    list_remove(&thread->queue);
}

void timeout_set(struct thread *thread, uint64_t deadline_tsc) {
    thread->deadline_tsc = deadline_tsc;
    if (deadline_tsc == NO_DEADLINE)
        return;
    thread->cpu->deadlines_changed = true;
    struct list_node *head = &thread->cpu->timeouts, *at = head->next;
    while (at != head && timeout_stays_before(CONTAINER(at, struct thread, timeout)->deadline_tsc, deadline_tsc))
        at = at->next;
    list_insert(at, &thread->timeout);
}

void timeout_cancel(struct thread *thread) {
    list_remove(&thread->timeout);
}

void timeout_expire(void) {
    struct list_node *head = &cpu_self()->timeouts;
    while (!list_empty(head)) {
        struct thread *thread = CONTAINER(head->next, struct thread, timeout);
        if (thread->deadline_tsc > rdtsc())
            return;
        thread_wake(thread, ERROR_TIMEOUT, 0);
    }
}

void scheduler_account(void) {
    struct cpu *cpu = cpu_self();
    struct thread *thread = cpu->current;
    uint64_t now = rdtsc(), ran = now - cpu->slice_start_tsc;
    cpu->slice_start_tsc = now;
    if (!thread)
        return;
    thread->run_tsc += ran;
    thread->pd->cap_used += ran;
    // A server works on its caller's time.
    struct thread *payer = thread->caller && thread->caller->cpu == cpu ? thread->caller : thread;
    // The weight is the domain's: its threads that want to run share it.
    uint32_t sharers = payer->pd->queued ? payer->pd->queued : 1;
    payer->vtime += ran * WEIGHT_DEFAULT * sharers / payer->pd->weight;
}

// The end of the turn of the thread at the head of the queue: none if no equal waits.
static uint64_t turn_end(const struct cpu *cpu, const struct thread *head) {
    if (head->queue.next == &cpu->run_queue)
        return NO_DEADLINE;
    const struct thread *next = CONTAINER(head->queue.next, struct thread, queue);
    return next->effective == head->effective ? cpu->turn_end_tsc : NO_DEADLINE;
}

bool scheduler_must_switch(const struct thread *current, uint64_t now) {
    const struct cpu *cpu = cpu_self();
    return cpu->reschedule || cpu->run_queue.next != &current->queue || now >= cpu->turn_end_tsc;
}

static uint64_t first_deadline(const struct cpu *cpu, uint64_t deadline) {
    if (!list_empty(&cpu->timeouts)) {
        uint64_t first = CONTAINER(cpu->timeouts.next, struct thread, timeout)->deadline_tsc;
        deadline = first < deadline ? first : deadline;
    }
    const struct thread *current = cpu->current;
    if (current && cpu->run_queue.next == &current->queue) {
        uint64_t end = turn_end(cpu, current);
        deadline = end < deadline ? end : deadline;
    }
    return deadline;
}

// Apart from the question whether there is anything to do, which each way in and out asks.
static __attribute__((noinline)) void arm_anew(struct cpu *cpu, uint64_t deadline) {
    if (cpu->deadlines_changed) {
        cpu->deadlines_changed = false;
        deadline = first_deadline(cpu, deadline);
    }
    clock_arm(deadline);
}

void scheduler_arm(uint64_t deadline) {
    struct cpu *cpu = cpu_self();
    if (cpu->deadlines_changed || deadline < cpu->armed_tsc)
        arm_anew(cpu, deadline);
}

void scheduler_timer_fired(void) {
    struct cpu *cpu = cpu_self();
    cpu->armed_tsc = NO_DEADLINE;
    cpu->deadlines_changed = true;
}

// Puts the head of the queue behind its equals if its slice is over.
static void rotate(struct cpu *cpu) {
    struct thread *current = cpu->current;
    if (!current || current->wait != WAIT_NOTHING || current->paused || list_empty(&current->queue))
        return;
    uint64_t now = rdtsc();
    bool over = now >= cpu->turn_end_tsc;
    if (over)
        cpu->turn_end_tsc = now + tsc_hz / SLICE_HZ;
    bool alone = cpu->run_queue.next == cpu->run_queue.previous;
    if (over || !alone)
        scheduler_account();
    if (!alone && (current->effective == 0 || over)) {
        scheduler_dequeue(current);
        scheduler_enqueue(current);
    }
}

// Hands a thread over to the CPU that it is to run on.
static void migrate(struct cpu *from, struct thread *thread) {
    if (from->current == thread) { // charged now: in the other CPU's queue its time must not change
        scheduler_account();
        from->current = NULL;
    }
    scheduler_dequeue(thread);
    fpu_release(thread);
    thread->cpu = thread->cpu_wanted;
    thread->vtime = 0;
    scheduler_enqueue(thread);
}

static struct thread *choose(struct cpu *cpu) {
    while (!list_empty(&cpu->run_queue)) {
        struct thread *thread = CONTAINER(cpu->run_queue.next, struct thread, queue);
        if (thread->cpu_wanted == cpu)
            return thread;
        migrate(cpu, thread);
    }
    return NULL;
}

static void idle(struct cpu *cpu) {
    cpu->current = NULL;
    scheduler_arm(NO_DEADLINE);
    lock_release_kernel();
    idle_wait();
    lock_acquire_kernel();
    cpu->slice_start_tsc = rdtsc();
    timeout_expire();
}

static void load_ports(struct cpu *cpu, struct pd *pd) {
    if (!pd->ports) {
        cpu->tss.io_map_base = IO_MAP_NONE;
        return;
    }
    cpu->tss.io_map_base = (uint16_t)offsetof(struct tss, io_map);
    if (cpu->tss_cut)
        cpu_load_tss(cpu);
    if (cpu->io_map_owner == pd)
        return;
    for (unsigned i = 0; i < 8192; i++)
        cpu->tss.io_map[i] = (uint8_t)~pd->ports[i];
    cpu->io_map_owner = pd;
}

static void switch_to(struct cpu *cpu, struct thread *thread) {
    count(COUNTER_SWITCH);
    cpu->current = thread;
    cpu->deadlines_changed = true;
    cpu->turn_end_tsc = cpu->slice_start_tsc + tsc_hz / SLICE_HZ;
    cpu->tss.rsp[0] = (uint64_t)(uintptr_t)(&thread->regs + 1);
    if (cpu->fpu_owner != thread)
        cpu->fs_base = FS_BASE_UNKNOWN; // loading a selector into FS changes it without the core
    fpu_load(thread);
    if (cpu->domain != thread->pd->id) { // behind what has saved the other domain's state
        cpu->domain = thread->pd->id;
        barrier_domain();
    }
    if (thread->effective == 0 && thread->vtime > cpu->min_vtime)
        cpu->min_vtime = thread->vtime;
}

// Has this CPU nothing else to do? The usual case on the way into a guest, which looks at the turn's end by itself.
static bool alone(const struct cpu *cpu, const struct thread *thread) {
    return thread && cpu->run_queue.next == &thread->queue && cpu->run_queue.previous == &thread->queue &&
           thread->vcpu && thread->cpu_wanted == cpu;
}

void scheduler_dispatch(void) {
    struct cpu *cpu = cpu_self();
    for (bool quick = alone(cpu, cpu->current);; quick = false) {
        if (!quick)
            rotate(cpu);
        struct thread *thread = quick ? cpu->current : choose(cpu);
        cpu->reschedule = false; // the best thread is known now, whoever came to the queue on the way
        if (!thread) {
            scheduler_account();
            idle(cpu);
            continue;
        }
        if (thread != cpu->current) {
            scheduler_account();
            switch_to(cpu, thread);
        }
        if (thread->vcpu && !vcpu_continue(thread))
            continue;
        if (cpu->loaded != &thread->pd->host)
            cpu_load_space(&thread->pd->host);
        load_ports(cpu, thread->pd);
        if (cpu->fs_base != thread->fs_base) {
            cpu->fs_base = thread->fs_base;
            wrmsr(MSR_FS_BASE, thread->fs_base);
        }
        if (cpu->deadlines_changed)
            arm_anew(cpu, NO_DEADLINE);
        lock_release_kernel();
        resume_user(&thread->regs);
    }
}
