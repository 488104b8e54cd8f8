// Where the entries of entry.asm for exceptions, interrupts and NMIs lead.
#include "kernel/trap.h"
#include "kernel/apic.h"
#include "kernel/instructions.h"
#include "kernel/interrupt.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/machine_check.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/scheduler.h"
#include "kernel/vendor.h"
#include "lib/string.h"

#define VECTOR_NMI           2u
#define VECTOR_MACHINE_CHECK 18u
#define VECTOR_PAGE_FAULT    14u
#define STOP_WAIT_TSC        1000000000ull

static uint32_t stopping; // atomic: CPUs that get an NMI stop
static uint32_t stopped;  // atomic: how many have

static void handle_interrupt(unsigned vector) {
    if (vector >= VECTOR_DEVICE_FIRST && vector <= VECTOR_DEVICE_LAST)
        interrupt_deliver(vector); // masks a level-triggered line, which would else come again at the EOI
    if (vector != VECTOR_SPURIOUS)
        lapic_eoi();
    if (vector == VECTOR_TIMER) {
        scheduler_timer_fired();
        machine_check_poll();
    } else if (vector == VECTOR_NOTIFY) {
        cpu_self()->reschedule = true;
        machine_check_finish();
    }
    timeout_expire();
}

static void end_faulting_domain(const struct thread *thread) {
    const struct registers *regs = &thread->regs;
    struct pd_fault fault = {
        .vector = regs->vector,
        .error_code = regs->error,
        .address = regs->vector == VECTOR_PAGE_FAULT ? read_cr2() : 0,
        .rip = regs->rip,
        .rsp = regs->rsp,
        .rflags = regs->rflags,
    };
    memcpy(fault.gpr, regs->gpr, sizeof(fault.gpr));
    fault.gpr[RSP] = regs->rsp;
    count(COUNTER_FAULT);
    trace(TRACE_FAULT, (uint32_t)regs->vector, regs->rip, fault.address);
    pd_end(thread->pd, &fault);
}

_Noreturn void interrupt_from_user(struct thread *thread) {
    unsigned vector = (unsigned)thread->regs.vector; // the thread may be gone once requests are answered
    cpu_answer_requests();
    lock_acquire_kernel();
    if (vector >= 32)
        handle_interrupt(vector);
    else if (cpu_self()->current == thread)
        end_faulting_domain(thread);
    scheduler_dispatch();
}

_Noreturn static void panic_in_core(const struct registers *regs) {
    panic_exception(regs, "exception %llu in the core, error code %#llx, address %#llx",
                    (unsigned long long)regs->vector, (unsigned long long)regs->error, (unsigned long long)read_cr2());
}

// In the core interrupts are open only while it idles or takes what ended a guest's run, without the lock.
void interrupt_from_kernel(struct registers *regs) {
    if (regs->vector < 32)
        panic_in_core(regs);
    lock_acquire_kernel();
    handle_interrupt((unsigned)regs->vector);
    lock_release_kernel();
}

_Noreturn static void stop_self(const struct registers *regs) {
    __atomic_store_n(&cpu_self()->stopped, regs, __ATOMIC_RELEASE);
    if (vendor)
        VENDOR(cpu_stop);
    __atomic_fetch_add(&stopped, 1, __ATOMIC_SEQ_CST);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void nmi_handle(struct registers *regs) {
    if (regs->vector == VECTOR_NMI) {
        if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
            stop_self(regs);
        log_print("NMI on CPU %u: no source known, ignored", cpu_self()->id);
        return;
    }
    if (regs->vector == VECTOR_MACHINE_CHECK)
        machine_check(regs);
    else
        panic_in_core(regs);
}

void trap_stop_others(void) {
    if (__atomic_exchange_n(&stopping, 1, __ATOMIC_SEQ_CST))
        return;
    lapic_send_nmi_all();
    for (uint64_t start = rdtsc(); rdtsc() - start < STOP_WAIT_TSC;)
        if (__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) + 1 >= cpu_count)
            break;
}
