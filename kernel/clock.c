// Calibration of the TSC and the local APIC timer, and the timer's arming.
#include "kernel/clock.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/log.h"

// 8254 channel 2, gated through port 61h
#define PIT_HZ         1193182u
#define PIT_CHANNEL_2  0x42
#define PIT_COMMAND    0x43
#define PIT_MODE_0_CH2 0xb0
#define PORT_B         0x61
#define PORT_B_GATE    0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUT     0x20
#define CALIBRATE_TICKS (PIT_HZ / 50) // 20 ms

uint64_t tsc_hz, kernel_start_tsc;
static uint64_t lapic_hz;
static uint64_t lapic_per_tsc; // bus ticks per TSC tick, 32 fraction bits

uint64_t clock_ns_since_start(void) {
    if (!tsc_hz)
        return 0;
    uint64_t ticks = rdtsc() - kernel_start_tsc;
    return ticks / tsc_hz * 1000000000 + ticks % tsc_hz * 1000000000 / tsc_hz;
}

void clock_calibrate(void) {
    outb(PORT_B, (uint8_t)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE));
    outb(PIT_COMMAND, PIT_MODE_0_CH2);
    outb(PIT_CHANNEL_2, CALIBRATE_TICKS & 0xff);
    lapic_timer_start(UINT32_MAX);
    outb(PIT_CHANNEL_2, CALIBRATE_TICKS >> 8);
    uint64_t tsc = rdtsc();
    uint32_t bus = lapic_timer_now();
    while (!(inb(PORT_B) & PORT_B_OUT))
        cpu_relax();
    tsc = rdtsc() - tsc;
    bus -= lapic_timer_now();
    lapic_timer_start(0);
    tsc_hz = tsc * PIT_HZ / CALIBRATE_TICKS;
    lapic_hz = (uint64_t)bus * PIT_HZ / CALIBRATE_TICKS;
    lapic_per_tsc = (lapic_hz << 32) / tsc_hz;
    log_print("TSC %llu kHz, local APIC timer %llu kHz%s", (unsigned long long)tsc_hz / 1000,
              (unsigned long long)lapic_hz / 1000, host.tsc_deadline ? ", TSC deadline" : "");
}

void clock_arm(uint64_t deadline_tsc) {
    struct cpu *cpu = cpu_self();
    if (cpu->armed_tsc == deadline_tsc)
        return;
    cpu->armed_tsc = deadline_tsc;
    if (host.tsc_deadline) {
        lapic_timer_deadline(deadline_tsc == NO_DEADLINE ? 0 : deadline_tsc);
        return;
    }
    if (deadline_tsc == NO_DEADLINE) {
        lapic_timer_start(0);
        return;
    }
    uint64_t now = rdtsc(), left = deadline_tsc > now ? deadline_tsc - now : 0;
    uint64_t longest = tsc_hz; // re-armed at least once a second: no overflow
    if (left > longest)
        left = longest;
    lapic_timer_start((uint32_t)(left * lapic_per_tsc >> 32) + 1);
}
