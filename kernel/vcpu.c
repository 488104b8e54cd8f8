// The run loop of a vCPU: what it is given before each entry, and where each exit goes.
#include "kernel/vcpu.h"
#include "kernel/clock.h"
#include "kernel/fpu.h"
#include "kernel/instructions.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/scheduler.h"
#include "kernel/turn.h"
#include "kernel/vendor.h"
#include "lib/apic_priority.h"
#include "lib/string.h"

void take_interrupt(void);

// Virtual-APIC page (SDM 3C 32.1)
#define APIC_TPR 0x80u
#define APIC_PPR 0xa0u
#define APIC_ISR 0x100u
#define APIC_IRR 0x200u

#define CAP_WINDOW_HZ 10u

int vcpu_create(struct pd *pd, struct space *guest, struct kernel_page *state, struct kernel_page *apic,
                struct cpu *cpu, struct vcpu **out) {
    if (!vendor)
        return ERROR_FEATURE;
    struct vcpu *vcpu = (struct vcpu *)object_create(OBJECT_VCPU, pd);
    if (!vcpu)
        return ERROR_MEMORY;
    vcpu->guest = guest;
    vcpu->guest_generation = guest->object.generation;
    vcpu->cpu = cpu;
    vcpu->state_page = state;
    vcpu->apic_page = apic;
    vcpu->page = state->memory;
    vcpu->apic = apic->memory;
    vcpu->page->apic_access = NO_APIC_ACCESS;
    vcpu->control_pages = vendor->control_pages;
    vcpu->control = pages_allocate(pd, vcpu->control_pages);
    if (!vcpu->control) {
        object_free(&vcpu->object);
        return ERROR_MEMORY;
    }
    VENDOR(vcpu_create, vcpu);
    state->users++;
    apic->users++;
    vcpu->page->deadline_tsc = NO_DEADLINE;
    vcpu->page->features = vcpu->virtual_delivery ? VCPU_FEATURE_APIC_ACCESS : 0;
    *out = vcpu;
    return OK;
}

void vcpu_destroy(struct vcpu *vcpu) {
    struct thread *runner = vcpu->runner;
    if (runner) {
        if (runner->cpu != cpu_self() && runner->cpu->current == runner)
            cpu_stop_current(runner->cpu);
        if (runner->wait == WAIT_HALTED || runner->wait == WAIT_CAP)
            thread_wake(runner, OK, 0);
        vcpu_leave(runner);
        thread_result(runner, ERROR_GONE, 0);
    }
    if (vendor) // else HARDWARE_STOP: no CPU has virtualization on
        VENDOR(vcpu_forget, vcpu);
    pages_free(vcpu->object.owner, vcpu->control, vcpu->control_pages);
    vcpu->state_page->users--;
    vcpu->apic_page->users--;
    object_free(&vcpu->object);
}

int vcpu_run(struct thread *thread, struct vcpu *vcpu, uint64_t event_mask) {
    if (vcpu->runner)
        return ERROR_BUSY;
    vcpu->runner = vcpu->last_runner = thread;
    vcpu->last_runner_generation = thread->object.generation;
    thread->vcpu = vcpu;
    thread->event_mask = event_mask;
    return OK;
}

void vcpu_leave(struct thread *thread) {
    if (!thread->vcpu)
        return;
    thread->vcpu->runner = NULL;
    thread->vcpu = NULL;
}

static bool leave_with(struct thread *thread, int status) {
    thread->vcpu->runner = NULL;
    thread->vcpu = NULL;
    thread_result(thread, status, 0);
    return true;
}

static bool leave_exit(struct thread *thread, enum vcpu_exit reason) {
    thread->vcpu->page->exit_reason = reason;
    core_info.exits[reason]++;
    return leave_with(thread, OK);
}

// An exit that is not the guest's doing: what the guest did since the last one is not in the page yet.
static bool leave_between(struct thread *thread, enum vcpu_exit reason) {
    thread->vcpu->page->valid = 0;
    VENDOR(fetch, thread->vcpu, GROUP_HOT | (uint32_t)thread->vcpu->page->wanted_other);
    return leave_exit(thread, reason);
}

static uint8_t apic_highest(const volatile uint32_t *apic, uint32_t base) {
    for (unsigned word = 8; word-- > 0;) {
        uint32_t bits = apic[(base + 16 * word) / 4];
        if (bits)
            return (uint8_t)(32 * word + 31 - (unsigned)__builtin_clz(bits));
    }
    return 0;
}

static void apic_set(volatile uint32_t *apic, uint32_t base, uint8_t vector, bool value) {
    volatile uint32_t *word = &apic[(base + 16u * (vector / 32)) / 4];
    *word = value ? *word | 1u << vector % 32 : *word & ~(1u << vector % 32);
}

static bool apic_any(const volatile uint32_t *apic, uint32_t base) {
    uint32_t bits = 0;
    for (unsigned word = 0; word < 8; word++)
        bits |= apic[(base + 16 * word) / 4];
    return bits != 0;
}

static bool apic_several(const volatile uint32_t *apic, uint32_t base) {
    uint32_t all = 0;
    bool several = false;
    for (unsigned word = 0; word < 8; word++) {
        uint32_t bits = apic[(base + 16 * word) / 4];
        several |= bits && (all || (bits & (bits - 1)));
        all |= bits;
    }
    return several;
}

// Moves what is posted to IRR.
static void take_posted(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    if (!__atomic_load_n(&page->posted, __ATOMIC_RELAXED))
        return;
    vcpu->apic_changed = true;
    __atomic_store_n(&page->posted, 0, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 4; i++) {
        // Who posts after this look finds `posted` clear, and kicks.
        if (!__atomic_load_n(&page->pir[i], __ATOMIC_SEQ_CST))
            continue;
        uint64_t bits = __atomic_exchange_n(&page->pir[i], 0, __ATOMIC_SEQ_CST);
        vcpu->apic[(APIC_IRR + 32 * i) / 4] |= (uint32_t)bits;
        vcpu->apic[(APIC_IRR + 32 * i + 16) / 4] |= (uint32_t)(bits >> 32);
    }
}

static struct inject_state inject_collect(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    take_posted(vcpu);
    uint32_t requests = __atomic_load_n(&page->requests, __ATOMIC_RELAXED);
    if (requests & VCPU_REQUEST_NMI) {
        __atomic_fetch_and(&page->requests, ~VCPU_REQUEST_NMI, __ATOMIC_RELAXED);
        vcpu->nmi_pending = true;
    }
    struct inject_state state = {
        .event = (vcpu->event & EVENT_VALID) != 0,
        .nmi_pending = vcpu->nmi_pending,
        .nmi_blocked = vcpu->nmi_blocked,
        .extint = (requests & VCPU_REQUEST_EXTINT) || vcpu->held,
        // Of several the first is injected: the others come behind a window then, which the processor knows nothing of
        // (vmx_apic_hand_over).
        .virtual_delivery = vcpu->virtual_delivery && !apic_several(vcpu->apic, APIC_IRR),
    };
    // With nothing requested, what is in service holds nothing up; but the processor counts on with it.
    if (vcpu->apic_mode && (vcpu->virtual_delivery || apic_any(vcpu->apic, APIC_IRR))) {
        state.irr_highest = apic_highest(vcpu->apic, APIC_IRR);
        state.isr_highest = apic_highest(vcpu->apic, APIC_ISR);
        state.tpr = (uint8_t)vcpu->apic[APIC_TPR / 4];
    }
    VENDOR(interruptibility, vcpu, &state);
    return state;
}

static void inject(struct vcpu *vcpu, struct inject_decision decision, const struct inject_state *state) {
    uint64_t event = 0;
    switch (decision.action) {
    case INJECT_EVENT:
        event = vcpu->event;
        count(COUNTER_INJECT_EVENT);
        break;
    case INJECT_NMI:
        event = EVENT_VALID | EVENT_NMI | 2;
        vcpu->nmi_pending = false;
        vcpu->nmi_blocked = true;
        break;
    case INJECT_INTERRUPT:
        event = EVENT_VALID | EVENT_INTERRUPT | decision.vector;
        vcpu->from_apic = true;
        apic_set(vcpu->apic, APIC_IRR, decision.vector, false);
        apic_set(vcpu->apic, APIC_ISR, decision.vector, true);
        vcpu->apic[APIC_PPR / 4] = apic_ppr(state->tpr, decision.vector);
        count(COUNTER_INJECT_INTERRUPT);
        break;
    case INJECT_EXTINT:
        event = vcpu->held;
        vcpu->held = 0;
        vcpu->from_apic = false;
        break;
    case INJECT_NOTHING:
        break;
    }
    vcpu->event = 0;
    vcpu->apic_changed = vcpu->virtual_delivery || (vcpu->apic_mode && apic_any(vcpu->apic, APIC_IRR));
    bool injected = decision.action == INJECT_INTERRUPT;
    vcpu->requested = injected && vcpu->virtual_delivery ? apic_highest(vcpu->apic, APIC_IRR) : state->irr_highest;
    vcpu->in_service = injected ? decision.vector : state->isr_highest;
    if (decision.interrupt_window)
        count(COUNTER_WINDOW);
    VENDOR(prepare, vcpu, event, decision);
}

void vcpu_take_back_event(struct vcpu *vcpu) {
    uint64_t type = vcpu->event & (EVENT_VALID | EVENT_TYPE);
    if (type == (EVENT_VALID | EVENT_NMI)) {
        vcpu->nmi_pending = true;
        vcpu->nmi_blocked = false;
    } else if (type == (EVENT_VALID | EVENT_INTERRUPT) && vcpu->from_apic) {
        apic_set(vcpu->apic, APIC_ISR, EVENT_VECTOR(vcpu->event), false);
        apic_set(vcpu->apic, APIC_IRR, EVENT_VECTOR(vcpu->event), true);
        vcpu->apic_changed = true;
    } else if (type == (EVENT_VALID | EVENT_INTERRUPT)) {
        vcpu->held = vcpu->event;
    }
}

// What inject_decide says nothing of: nobody asks for anything. What is in service alone asks for nothing either.
// While the processor delivers, what it knows of waits for nobody else; of a halted vCPU, for the core.
static bool nothing_waits(const struct vcpu *vcpu, bool halted) {
    const struct vcpu_page *page = vcpu->page;
    return !(vcpu->event | vcpu->held | vcpu->nmi_pending | __atomic_load_n(&page->posted, __ATOMIC_RELAXED) |
             __atomic_load_n(&page->requests, __ATOMIC_RELAXED)) &&
           !(vcpu->virtual_delivery && halted ? apic_any(vcpu->apic, APIC_IRR) : vcpu->apic_changed);
}

static bool halt(struct thread *thread, uint64_t deadline) {
    count(COUNTER_HALT);
    thread_block(thread, WAIT_HALTED, deadline);
    return false;
}

// Is the cap of its domain used up? Then the thread waits for the next window.
static bool capped(struct thread *thread, uint64_t now) {
    struct pd *pd = thread->pd;
    if (!pd->cap_percent)
        return false;
    uint64_t window = tsc_hz / CAP_WINDOW_HZ, budget = window / 100 * pd->cap_percent;
    scheduler_account();
    if (now >= pd->cap_window_end) {
        pd->cap_used = turn_debt(pd->cap_used, budget, (now - pd->cap_window_end) / window + 1);
        pd->cap_window_end = now + window;
    }
    if (pd->cap_used < budget)
        return false;
    thread_block(thread, WAIT_CAP, pd->cap_window_end);
    return true;
}

static uint64_t cap_end(const struct thread *thread, uint64_t now, uint64_t deadline) {
    const struct pd *pd = thread->pd;
    if (!pd->cap_percent)
        return deadline;
    uint64_t end = now + tsc_hz / CAP_WINDOW_HZ / 100 * pd->cap_percent - pd->cap_used;
    return end < deadline ? end : deadline;
}

// Enters the guest once. The kernel lock is released and taken again.
static void enter(struct thread *thread, struct vcpu *vcpu, uint64_t deadline) {
    struct cpu *cpu = cpu_self();
    scheduler_arm(deadline);
    __atomic_store_n(&cpu->running_guest, 1, __ATOMIC_RELAXED);
    cpu->guest_loaded = vcpu;
    vcpu->cpu = cpu;
    thread->exits++;
    lock_release_kernel();
    uint64_t entered = rdtsc();
    bool interrupted;
    VENDOR_RESULT(interrupted =, enter, vcpu);
    uint64_t ran = rdtsc() - entered;
    __atomic_store_n(&cpu->running_guest, 0, __ATOMIC_RELEASE);
    if (interrupted)
        take_interrupt();
    lock_acquire_kernel();
    count(COUNTER_EXIT_TOTAL);
    core_info.counters[COUNTER_EXIT_INTERRUPT] += interrupted;
    core_info.counters[COUNTER_GUEST_TSC] += ran;
}

// What ends a run before the guest is entered. *back: to user level, else another thread goes on.
static bool interrupted_run(struct thread *thread, struct vcpu *vcpu, uint64_t now, uint64_t deadline, bool *back) {
    *back = true;
    if (!object_lives(&vcpu->guest->object, OBJECT_SPACE, vcpu->guest_generation))
        return leave_with(thread, ERROR_GONE);
    if (thread->paused || scheduler_must_switch(thread, now)) {
        *back = false;
        return true;
    }
    if (thread->events & thread->event_mask) {
        thread->buffer->events = thread->events & thread->event_mask;
        thread->events &= ~thread->event_mask;
        return leave_between(thread, VCPU_EXIT_EVENTS);
    }
    if (vcpu->poked) {
        vcpu->poked = false;
        return leave_between(thread, VCPU_EXIT_POKE);
    }
    if (deadline <= now)
        return leave_between(thread, VCPU_EXIT_DEADLINE);
    *back = false;
    return capped(thread, now);
}

// Groups of which the core keeps something itself; GROUP_RIP, which most exits change, apart.
#define GROUP_KEPT (GROUP_EVENT | GROUP_INTERCEPT | GROUP_XCR0 | GROUP_APIC)

static __attribute__((noinline)) void keep_dirty(struct vcpu *vcpu, uint32_t dirty) {
    const struct vcpu_page *page = vcpu->page;
    if (dirty & GROUP_EVENT) {
        vcpu->event = page->event;
        vcpu->from_apic = false;
    }
    if (dirty & GROUP_INTERCEPT)
        vcpu->exception_intercepts = page->exception_intercepts;
    if (dirty & GROUP_APIC) {
        vcpu->apic_mode = __atomic_load_n(&page->apic_mode, __ATOMIC_RELAXED);
        vcpu->apic_changed = vcpu->virtual_delivery || apic_any(vcpu->apic, APIC_IRR);
    }
    if ((dirty & GROUP_XCR0) && host.xsave)
        fpu_set_guest_xcr0(__atomic_load_n(&page->xcr0, __ATOMIC_RELAXED));
}

// Loads what the VMM changed.
static void load_dirty(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    uint32_t dirty = __atomic_load_n(&page->dirty, __ATOMIC_RELAXED) & GROUP_ALL;
    page->dirty = 0;
    if (dirty & GROUP_RIP)
        vcpu->nmi_blocked = (page->interruptibility & VCPU_NMI_BLOCKED) != 0;
    if (dirty & GROUP_KEPT)
        keep_dirty(vcpu, dirty);
    VENDOR(load, vcpu, dirty);
}

// Something may wait: what the entry is given. False: there is none, *back says what vcpu_continue does.
static __attribute__((noinline)) bool deliver(struct thread *thread, struct vcpu *vcpu, uint64_t deadline, bool *back) {
    struct inject_state state = inject_collect(vcpu);
    if (vcpu->page->activity == VCPU_HALTED && !inject_wakes(state)) {
        *back = halt(thread, deadline);
        return false;
    }
    vcpu->page->activity = VCPU_ACTIVE;
    struct inject_decision decision = inject_decide(state);
    if (decision.action == INJECT_EXTINT && !vcpu->held) {
        *back = leave_between(thread, VCPU_EXIT_EXTINT);
        return false;
    }
    inject(vcpu, decision, &state);
    return true;
}

bool vcpu_continue(struct thread *thread) {
    struct vcpu *vcpu = thread->vcpu;
    if (!vendor)
        return leave_with(thread, ERROR_FEATURE); // HARDWARE_STOP
    struct vcpu_page *page = vcpu->page;
    for (;;) {
        uint64_t now = rdtsc(), deadline = __atomic_load_n(&page->deadline_tsc, __ATOMIC_RELAXED);
        bool back;
        load_dirty(vcpu);
        if (interrupted_run(thread, vcpu, now, deadline, &back))
            return back;
        bool halted = page->activity == VCPU_HALTED;
        if (nothing_waits(vcpu, halted)) {
            if (halted)
                return halt(thread, deadline);
            VENDOR(prepare, vcpu, 0, (struct inject_decision){0});
        } else if (!deliver(thread, vcpu, deadline, &back)) {
            return back;
        }
        enter(thread, vcpu, cap_end(thread, now, deadline));
        if (cpu_self()->current != thread || thread->vcpu != vcpu)
            return false; // ended, or the vCPU destroyed, by another CPU meanwhile
        int reason;
        VENDOR_RESULT(reason =, exit, vcpu);
        page->exits = thread->exits;
        if (reason != EXIT_HANDLED)
            return leave_exit(thread, (enum vcpu_exit)reason);
    }
}

void vcpu_poke(struct vcpu *vcpu) {
    vcpu->poked = true;
    vcpu_kick(vcpu);
}

void vcpu_kick(struct vcpu *vcpu) {
    struct thread *runner = vcpu->runner;
    if (!runner)
        return;
    if (runner->wait == WAIT_HALTED || runner->wait == WAIT_CAP)
        thread_wake(runner, OK, 0);
    else if (runner->wait == WAIT_NOTHING && runner->cpu != cpu_self())
        cpu_notify(runner->cpu);
}

int vcpu_fetch(struct vcpu *vcpu, uint32_t groups) {
    if (!vendor)
        return ERROR_FEATURE;
    if (vcpu->runner)
        return ERROR_BUSY;
    // Some groups are in the page since the last exit; what the VMM changed and the core has not loaded is newer there.
    groups &= GROUP_ALL & ~GROUP_ALWAYS & ~vcpu->page->dirty;
    VENDOR(fetch, vcpu, groups);
    if (!vcpu->last_runner || !object_lives(&vcpu->last_runner->object, OBJECT_THREAD, vcpu->last_runner_generation))
        return OK; // its memory may be another thread's by now
    if (groups & (GROUP_DEBUG | GROUP_XCR0))
        fpu_peek(vcpu->last_runner);
    if (groups & GROUP_DEBUG)
        memcpy(vcpu->page->dr, vcpu->last_runner->dr, sizeof(vcpu->page->dr));
    if (groups & GROUP_XCR0)
        vcpu->page->xcr0 = vcpu->last_runner->xcr0;
    vcpu->page->valid |= groups & GROUP_XCR0;
    return OK;
}
