// Start of the other CPUs.
#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/features.h"
#include "kernel/instructions.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/scheduler.h"
#include "kernel/start.h"
#include "kernel/tsc.h"
#include "kernel/vendor.h"
#include "lib/string.h"

#define TRAMPOLINE 0x8000ull
// Seconds: a CPU starts in microseconds, but an emulated one perhaps not before its host has a thread to spare.
#define START_WAIT_TSC 10000000000ull
#define SIPI_AGAIN_TSC 1000000ull // 200 us, for any TSC below 5 GHz

uint64_t cpu_start_stack; // boot.asm
static struct cpu *starting;
static uint32_t started;    // atomic: count of CPUs that have arrived
static uint32_t unsuitable; // atomic: the one that starts lacks what the core needs

extern char trampoline[], trampoline_end[];

void cpu_start_copy_trampoline(void) {
    memcpy((void *)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
}

// First C code of a further CPU, on its own stack.
_Noreturn void cpu_start_main(void) {
    struct cpu *cpu = starting;
    if (!features_check()) {
        __atomic_store_n(&unsuitable, 1, __ATOMIC_SEQ_CST);
        for (;;)
            __asm__ volatile("cli; hlt");
    }
    cpu_init_self(cpu);
    vendor_start(cpu);
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    tsc_follow();
    lock_acquire_kernel();
    cpu->slice_start_tsc = rdtsc();
    scheduler_dispatch();
}

enum outcome { STARTED, LEFT_OUT, LOST };

static enum outcome start_one(uint32_t apic_id) {
    starting = cpu_create(cpu_count, apic_id);
    if (!starting)
        return LOST;
    cpus[cpu_count] = starting;
    cpu_start_stack = starting->stack_top;
    uint32_t before = __atomic_load_n(&started, __ATOMIC_SEQ_CST);
    lapic_send_init_sipi(apic_id, TRAMPOLINE >> 12);
    bool again = false;
    for (uint64_t start = rdtsc(), waited = 0; waited < START_WAIT_TSC; waited = rdtsc() - start, cpu_relax()) {
        if (__atomic_exchange_n(&unsuitable, 0, __ATOMIC_SEQ_CST)) {
            lapic_send_init(apic_id); // where no NMI reaches it
            features_complain(apic_id);
            cpus[cpu_count] = NULL;
            return LEFT_OUT;
        }
        if (__atomic_load_n(&started, __ATOMIC_SEQ_CST) != before) {
            if (!tsc_lead(apic_id))
                break;
            cpu_count++;
            features_join(apic_id);
            return STARTED;
        }
        // Not for one that has come: it may take it behind the INIT that leaves it out (QEMU), and would run on with
        // the stack of the next.
        if (!again && waited > SIPI_AGAIN_TSC) {
            again = true;
            lapic_send_sipi(apic_id, TRAMPOLINE >> 12);
        }
    }
    cpus[cpu_count] = NULL;
    return LOST;
}

void cpu_start_others(const struct acpi_machine *machine) {
    for (uint32_t i = 0; i < machine->cpus; i++) {
        uint32_t apic_id = machine->apic_id[i];
        if (apic_id == cpu_self()->apic_id || start_one(apic_id) != LOST)
            continue;
        // It may still come, and would take what is meant for the next one.
        log_print("CPU with APIC id %u did not start, or its TSC cannot be set; going on without it and those after it",
                  apic_id);
        break;
    }
    log_print("%u CPU%s%s", cpu_count, cpu_count == 1 ? "" : "s", lapic_is_x2apic() ? ", x2APIC" : "");
    tsc_report();
}
