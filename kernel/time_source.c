// HPET, ACPI PM timer, 8254 and CPUID: readings for tsc_rate.c.
#include "kernel/time_source.h"
#include "kernel/instructions.h"
#include "kernel/memory.h"

// 8254 channel 2, gated through port 61h
#define PIT_HZ         1193182u
#define PIT_CHANNEL_2  0x42
#define PIT_COMMAND    0x43
#define PIT_MODE_0_CH2 0xb0
#define PIT_LATCH_CH2  0x80
#define PORT_B         0x61
#define PORT_B_GATE    0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUT     0x20

#define PM_TIMER_HZ   3579545u
#define PM_TIMER_MASK 0xffffffu // some have 32 bits

// IA-PC HPET 1.0a, 2.3
#define HPET_PERIOD     1u // in fs; dword of the capability register
#define HPET_CONFIG     4u
#define HPET_COUNTER    60u
#define HPET_ENABLE     1u
#define HPET_PERIOD_MAX 100000000u
#define FS_PER_SECOND   1000000000000000ull

#define MEASURE_FRACTION 40u         // of a second; the 8254 runs out after 55 ms
#define MEASURE_TSC      1000000000u // time enough for all of them, at any rate: all that move have moved
#define READINGS         8u

const char *const time_source_names[TSC_SOURCES] = {
    [TSC_BY_HPET] = "HPET",
    [TSC_BY_PM_TIMER] = "ACPI PM timer",
    [TSC_BY_PIT] = "8254",
    [TSC_BY_LEAF_15] = "CPUID leaf 15h",
    [TSC_BY_LEAF_16] = "CPUID leaf 16h",
};

static volatile uint32_t *hpet;
static uint16_t pm_timer_port;

static uint32_t hpet_now(void) {
    return hpet[HPET_COUNTER];
}

static uint32_t pm_timer_now(void) {
    return inl(pm_timer_port);
}

// Counts from FFFFh down.
static uint32_t pit_now(void) {
    outb(PIT_COMMAND, PIT_LATCH_CH2);
    uint32_t low = inb(PIT_CHANNEL_2);
    return ~(low | (uint32_t)inb(PIT_CHANNEL_2) << 8);
}

static struct clock {
    uint32_t (*now)(void);
    uint64_t hz; // 0: absent
    uint32_t mask;
    uint64_t start_tsc;
    uint32_t start;
} clocks[] = {
    [TSC_BY_HPET] = {hpet_now, 0, UINT32_MAX, 0, 0},
    [TSC_BY_PM_TIMER] = {pm_timer_now, 0, PM_TIMER_MASK, 0, 0},
    [TSC_BY_PIT] = {pit_now, PIT_HZ, 0xffff, 0, 0},
};
#define CLOCKS (sizeof(clocks) / sizeof(clocks[0]))

void time_source_init(const struct acpi_machine *machine) {
    pm_timer_port = machine->pm_timer_port;
    clocks[TSC_BY_PM_TIMER].hz = pm_timer_port ? PM_TIMER_HZ : 0;
    if (!machine->hpet || machine->hpet % 8)
        return;
    hpet = (volatile uint32_t *)((char *)memory_map_device(machine->hpet & ~0xfffull) + (machine->hpet & 0xfff));
    uint32_t period = hpet[HPET_PERIOD];
    clocks[TSC_BY_HPET].hz = period && period <= HPET_PERIOD_MAX ? FS_PER_SECOND / period : 0;
}

// Clock and TSC at the same moment: the closest of some readings, for SMIs or an emulator may delay any access.
static uint32_t sample(const struct clock *clock, uint64_t *tsc) {
    uint64_t closest = UINT64_MAX;
    uint32_t value = 0;
    for (unsigned i = 0; i < READINGS; i++) {
        uint64_t before = rdtsc();
        uint32_t now = clock->now();
        uint64_t took = rdtsc() - before;
        if (took >= closest)
            continue;
        closest = took;
        *tsc = before + took / 2;
        value = now;
    }
    return value;
}

static uint32_t passed(const struct clock *clock, uint32_t now) {
    return (now - clock->start) & clock->mask;
}

// Waits for two of the clocks to say that it is enough, or for all that move; where none does, the TSC ends it.
static void wait(void) {
    for (uint64_t start = rdtsc(); rdtsc() - start < MEASURE_TSC; cpu_relax()) {
        unsigned moving = 0, done = 0;
        for (unsigned i = 0; i < CLOCKS; i++) {
            uint32_t ticks = clocks[i].hz ? passed(&clocks[i], clocks[i].now()) : 0;
            moving += ticks > 0;
            done += ticks >= clocks[i].hz / MEASURE_FRACTION && ticks;
        }
        if (done >= 2 || (done && done == moving))
            return;
    }
}

static uint64_t leaf_hz(uint32_t leaf) {
    if (cpuid(0, 0).eax < leaf)
        return 0;
    struct cpuid r = cpuid(leaf, 0); // SDM 2A, CPUID: crystal * EBX / EAX; base frequency in MHz
    if (leaf == 0x16)
        return (uint64_t)(r.eax & 0xffff) * 1000000;
    return r.eax ? (uint64_t)r.ecx * r.ebx / r.eax : 0;
}

void time_source_measure(uint64_t hz[TSC_SOURCES]) {
    uint32_t config = hpet ? hpet[HPET_CONFIG] : 0;
    if (hpet)
        hpet[HPET_CONFIG] = config | HPET_ENABLE;
    outb(PORT_B, (uint8_t)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE));
    outb(PIT_COMMAND, PIT_MODE_0_CH2);
    outb(PIT_CHANNEL_2, 0xff);
    outb(PIT_CHANNEL_2, 0xff);
    for (unsigned i = 0; i < CLOCKS; i++)
        if (clocks[i].hz)
            clocks[i].start = sample(&clocks[i], &clocks[i].start_tsc);
    wait();
    for (unsigned i = 0; i < CLOCKS; i++) {
        uint64_t end_tsc = 0;
        uint32_t ticks = clocks[i].hz ? passed(&clocks[i], sample(&clocks[i], &end_tsc)) : 0;
        hz[i] = ticks ? (end_tsc - clocks[i].start_tsc) * clocks[i].hz / ticks : 0;
    }
    if (inb(PORT_B) & PORT_B_OUT)
        hz[TSC_BY_PIT] = 0; // it has run out, or is none
    if (hpet)
        hpet[HPET_CONFIG] = config;
    hz[TSC_BY_LEAF_15] = leaf_hz(0x15);
    hz[TSC_BY_LEAF_16] = leaf_hz(0x16);
}
