// Calibration of the TSC and the local APIC timer, and the timer's arming.
#include "kernel/clock.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/log.h"

// 8254 channel 2, gated through port 61h
#define PIT_HZ           1193182u
#define PIT_CHANNEL_2    0x42
#define PIT_COMMAND      0x43
#define PIT_MODE_0_CH2   0xb0
#define PORT_B           0x61
#define PORT_B_GATE      0x01
#define PORT_B_SPEAKER   0x02
#define PORT_B_OUT       0x20
#define CALIBRATE_TICKS  (PIT_HZ / 100) // 10 ms
#define CALIBRATE_ROUNDS 3u

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

// TSC ticks that CALIBRATE_TICKS of the 8254 last, or a little more: a delay can only add.
static uint64_t measure_tsc(void) {
    outb(PIT_COMMAND, PIT_MODE_0_CH2);
    outb(PIT_CHANNEL_2, CALIBRATE_TICKS & 0xff);
    uint64_t start = rdtsc();
    outb(PIT_CHANNEL_2, CALIBRATE_TICKS >> 8);
    while (!(inb(PORT_B) & PORT_B_OUT))
        cpu_relax();
    return rdtsc() - start;
}

void clock_calibrate(void) {
    uint64_t shortest = UINT64_MAX;
    outb(PORT_B, (uint8_t)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE));
    lapic_timer_start(UINT32_MAX);
    struct sample start = sample_take();
    for (unsigned i = 0; i < CALIBRATE_ROUNDS; i++) {
        uint64_t ticks = measure_tsc();
        shortest = ticks < shortest ? ticks : shortest;
    }
    struct sample end = sample_take();
    lapic_timer_start(0);
    tsc_hz = shortest * PIT_HZ / CALIBRATE_TICKS;
    lapic_per_tsc = ((end.bus - start.bus) << 32) / (end.tsc - start.tsc);
    log_print("TSC %llu kHz, local APIC timer %llu kHz%s", (unsigned long long)tsc_hz / 1000,
              (unsigned long long)(tsc_hz / 1000 * lapic_per_tsc >> 32), host.tsc_deadline ? ", TSC deadline" : "");
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
