// Calibration of the TSC and the local APIC timer, and the timer's arming.
#include "kernel/clock.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/time_source.h"
#include "lib/tsc_deadline.h"

#define TRIAL_TICKS 1000000u

uint64_t tsc_hz, kernel_start_tsc;
static uint64_t lapic_per_tsc; // bus ticks per TSC tick, 32 fraction bits

uint64_t clock_ns_since_start(void) {
    if (!tsc_hz)
        return 0;
    uint64_t ticks = rdtsc() - kernel_start_tsc;
    return ticks / tsc_hz * 1000000000 + ticks % tsc_hz * 1000000000 / tsc_hz;
}

struct sample {
    uint64_t tsc, bus;
};

// TSC and bus ticks at the same moment: the closest of some readings, for an emulator may delay any access.
static struct sample sample_take(void) {
    struct sample best = {0, 0};
    uint64_t closest = UINT64_MAX;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t before = rdtsc(), bus = UINT32_MAX - lapic_timer_now(), after = rdtsc();
        if (after - before >= closest)
            continue;
        closest = after - before;
        best = (struct sample){before, bus};
    }
    return best;
}

// Does the timer go by the TSC? Errata have it overlook that the TSC was set, Bochs that a reset did so: all deadlines
// are over then, and a thread that waits for one is kept from running by its interrupts. They are off here.
static bool deadline_timer_works(void) {
    uint64_t now, deadline = rdtsc() + TRIAL_TICKS;
    bool fired;
    lapic_timer_deadline(deadline);
    do {
        fired = lapic_timer_pending();
        now = rdtsc();
    } while (!fired && now < deadline + TRIAL_TICKS);
    lapic_timer_deadline(0);
    return fired && now >= deadline;
}

static void choose_timer(void) {
    uint32_t needed = tsc_deadline_microcode(host.signature);
    if (!host.tsc_deadline || (host.microcode >= needed && deadline_timer_works()))
        return;
    if (host.microcode < needed)
        log_print("the TSC deadline timer may be late on this CPU with microcode %#x, before %#x, and is not used",
                  host.microcode, needed);
    else
        log_print("the TSC deadline timer does not go by the TSC, and is not used");
    host.tsc_deadline = false;
    lapic_init_self();
}

void clock_calibrate(const struct acpi_machine *machine) {
    uint64_t hz[TSC_SOURCES];
    choose_timer();
    time_source_init(machine);
    lapic_timer_start(UINT32_MAX);
    struct sample start = sample_take();
    time_source_measure(hz);
    struct sample end = sample_take();
    lapic_timer_start(0);
    unsigned source = tsc_choose(hz);
    if (source == TSC_SOURCES)
        PANIC("no clock to measure the TSC with: no HPET, no ACPI PM timer, no 8254, no CPUID leaf 15h or 16h");
    tsc_hz = hz[source];
    ASSERT(host.tsc_deadline || end.bus != start.bus); // a timer that stands still would never end a turn
    lapic_per_tsc = ((end.bus - start.bus) << 32) / (end.tsc - start.tsc);
    log_print("TSC %llu kHz by the %s", (unsigned long long)tsc_hz / 1000, time_source_names[source]);
    log_print(host.tsc_deadline ? "timers: TSC deadline" : "timers: local APIC's at %llu kHz",
              (unsigned long long)(tsc_hz / 1000 * lapic_per_tsc >> 32));
    for (unsigned i = 0; i < TSC_SOURCES; i++)
        if (hz[i] && !tsc_agree(hz[i], tsc_hz))
            log_print("TSC: the %s says %llu kHz, and is not believed", time_source_names[i],
                      (unsigned long long)hz[i] / 1000);
}

void clock_arm(uint64_t deadline_tsc) {
    struct cpu *cpu = cpu_self();
    if (deadline_tsc >= cpu->armed_tsc)
        return; // it fires early at worst, and is armed anew then: cheaper than a write for each way in and out
    cpu->armed_tsc = deadline_tsc;
    if (host.tsc_deadline) {
        lapic_timer_deadline(deadline_tsc ? deadline_tsc : 1); // 0 would disarm
        return;
    }
    uint64_t now = rdtsc(), left = deadline_tsc > now ? deadline_tsc - now : 0;
    uint64_t longest = tsc_hz; // re-armed at least once a second: no overflow
    if (left > longest)
        left = longest;
    lapic_timer_start((uint32_t)(left * lapic_per_tsc >> 32) + 1);
}
