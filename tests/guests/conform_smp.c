// Four CPUs: their start, the work that the boot processor gives them, IPIs and waiting. The checks are by theme.
#include "tests/guests/conform_smp.h"
#include "lib/string.h"

#define IDLE_PAGE 0x40u // start-up vector where it does not matter
#define PIT_10MS  11932u
#define SLOW_10MS 2000000u // 200 MHz

extern char smp_start[], smp_start_end[], smp_entries[];
volatile struct cpu smp_cpus[CPUS] __attribute__((aligned(4096)));

struct __attribute__((packed)) table {
    uint16_t limit;
    uint64_t base;
};

static uint64_t idt[512];
const struct table smp_idtr = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};

// ---- Time

static uint64_t tsc_10ms;
static uint32_t timer_10ms; // of the local APIC, divided by 16

// Channel 2 of the PIT counts 10 ms, port 61h says when.
static void calibrate(void) {
    lapic_set(LAPIC_DIV, DIVIDE_16);
    outb(0x61, (inb(0x61) & 0xfc) | 1);
    outb(0x43, 0xb0);
    outb(0x42, PIT_10MS & 0xff);
    outb(0x42, PIT_10MS >> 8);
    lapic_set(LAPIC_COUNT, ~0u);
    uint64_t start = rdtsc();
    while (!(inb(0x61) & 0x20))
        ;
    tsc_10ms = rdtsc() - start;
    timer_10ms = ~lapic_get(LAPIC_LEFT);
    lapic_set(LAPIC_COUNT, 0);
}

uint64_t smp_ticks_10ms(void) {
    return tsc_10ms;
}

// A clock that is instructions, as Bochs has it: long in coming, but nobody else takes of its time.
static bool slow(void) {
    return tsc_10ms < SLOW_10MS;
}

uint64_t smp_patience(void) {
    return (slow() ? 50 : 1000) * tsc_10ms;
}

uint32_t smp_scaled(uint32_t number) {
    return slow() ? number / 4 : number;
}

void smp_delay(uint64_t ticks) {
    uint64_t start = rdtsc();
    while (rdtsc() - start < ticks)
        __asm__ volatile("pause");
}

// ---- Interrupts

static void gates_set(uint64_t *table, unsigned vector) {
    uint64_t entry = (uint64_t)(uintptr_t)smp_entries + 16 * vector;
    table[2 * vector] = (entry & 0xffff) | 8ull << 16 | 0x8eull << 40 | (entry >> 16 & 0xffff) << 48;
    table[2 * vector + 1] = entry >> 32;
}

// Interrupts and NMIs are counted by CPU; the boot processor's exceptions stay with guest.c.
static void interrupts_by_cpu(void) {
    struct table own;
    __asm__ volatile("sidt %0" : "=m"(own));
    for (unsigned vector = 0; vector < 256; vector++) {
        gates_set(idt, vector);
        if (vector == NMI || vector >= 32)
            gates_set((uint64_t *)(uintptr_t)own.base, vector);
    }
    wrmsr(0xc0000101, (uint64_t)(uintptr_t)&smp_cpus[0]);
}

void smp_send(uint32_t destination, uint32_t icr) {
    icr |= icr & ICR_LEVEL ? 0 : ICR_ASSERT;
    if (guest_x2apic) {
        __asm__ volatile("mfence; lfence" : : : "memory"); // a WRMSR of the x2APIC orders nothing (SDM 3A 10.12.3)
        wrmsr(0x830, (uint64_t)destination << 32 | icr);
        return;
    }
    lapic_set(LAPIC_ICR + 0x10, destination << 24);
    lapic_set(LAPIC_ICR, icr);
    (void)COMES(!(lapic_get(LAPIC_ICR) & ICR_PENDING));
}

void smp_guard(void) {
    lapic_set(LAPIC_LVT, VECTOR_TIMER);
    lapic_set(LAPIC_DIV, DIVIDE_16);
    lapic_set(LAPIC_COUNT, 1000 * timer_10ms);
    smp_cpus[0].counts[VECTOR_TIMER] = 0;
}

bool smp_await(volatile struct cpu *cpu, unsigned vector, uint64_t count) {
    bool guarded = cpu == &smp_cpus[0];
    __asm__ volatile("cli");
    while (cpu->counts[vector] < count && !(guarded && cpu->counts[VECTOR_TIMER]))
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    return cpu->counts[vector] >= count;
}

static void send_work(volatile struct cpu *cpu) {
    smp_send((uint32_t)(cpu->argument >> 32), (uint32_t)cpu->argument);
}

// The mark is sent later and taken later: who has it, has the other one, too, if it ever comes.
unsigned smp_receivers(unsigned from, uint32_t destination, uint32_t icr) {
    uint64_t probes[CPUS], marks[CPUS];
    unsigned got = 0;
    for (unsigned i = 0; i < CPUS; i++) {
        probes[i] = smp_cpus[i].counts[VECTOR_PROBE];
        marks[i] = smp_cpus[i].counts[VECTOR_MARK];
    }
    __asm__ volatile("sti");
    if (from == 0)
        smp_send(destination, icr | VECTOR_PROBE);
    else
        smp_give(from, send_work, (uint64_t)destination << 32 | icr | VECTOR_PROBE);
    if (from != 0 && !smp_done(from))
        got = ~0u;
    smp_send(0, ICR_ALL | VECTOR_MARK);
    for (unsigned i = 0; i < CPUS; i++) {
        if (!COMES(smp_cpus[i].counts[VECTOR_MARK] > marks[i]) || smp_cpus[i].counts[VECTOR_PROBE] > probes[i] + 1)
            got = ~0u;
        got |= (unsigned)(smp_cpus[i].counts[VECTOR_PROBE] > probes[i]) << i;
    }
    __asm__ volatile("cli");
    return got;
}

// ---- The others

// First C of an application processor, which has its stack, GS base and interrupt table.
_Noreturn void smp_main(volatile struct cpu *cpu, uint32_t page) {
    lapic_init();
    cpu->work = 0;
    cpu->id = guest_x2apic ? lapic_get(LAPIC_ID) : lapic_get(LAPIC_ID) >> 24;
    cpu->page = page >> 8;
    cpu->starts = cpu->starts + 1;
    for (;;) {
        while (!cpu->work)
            __asm__ volatile("sti; hlt; cli" : : : "memory");
        cpu->work(cpu);
        cpu->work = 0;
    }
}

void smp_give(unsigned cpu, void (*work)(volatile struct cpu *), uint64_t argument) {
    smp_cpus[cpu].argument = argument;
    smp_cpus[cpu].result = 0;
    smp_cpus[cpu].work = work;
    smp_send(cpu, VECTOR_WAKE);
}

bool smp_done(unsigned cpu) {
    return COMES(!smp_cpus[cpu].work);
}

bool smp_everywhere(void (*work)(volatile struct cpu *), uint64_t argument) {
    bool good = true;
    for (unsigned i = 1; i < CPUS; i++)
        smp_give(i, work, argument);
    smp_cpus[0].argument = argument;
    smp_cpus[0].result = 0;
    work(&smp_cpus[0]);
    for (unsigned i = 1; i < CPUS; i++)
        good &= smp_done(i);
    return good;
}

uint64_t smp_results(void) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < CPUS; i++)
        sum += smp_cpus[i].result;
    return sum;
}

// ---- Start (SDM 3A 8.4.4.1)

volatile struct start_registers *smp_start_page(uint8_t vector) {
    struct start_page *page = (struct start_page *)((uintptr_t)vector << 12);
    struct table gdt;
    uint64_t cr3;
    __asm__ volatile("sgdt %0; mov %%cr3, %1" : "=m"(gdt), "=r"(cr3));
    memset(page, 0, sizeof(*page));
    memcpy(page->code, smp_start, (uint64_t)(smp_start_end - smp_start));
    page->gdtr_limit = gdt.limit;
    page->gdtr_base = (uint32_t)gdt.base;
    page->tables[0] = (uint32_t)cr3;
    return &page->registers;
}

bool smp_start_one(unsigned cpu, uint8_t vector) {
    uint64_t before = smp_cpus[cpu].starts;
    smp_send(cpu, ICR_INIT);
    smp_delay(smp_ticks_10ms());
    smp_send(cpu, ICR_STARTUP | vector);
    return COMES(smp_cpus[cpu].starts > before);
}

bool smp_start_others(uint8_t vector) {
    uint64_t before[CPUS];
    bool good = true;
    for (unsigned i = 1; i < CPUS; i++)
        before[i] = smp_cpus[i].starts;
    smp_send(0, ICR_ALL_BUT_SELF | ICR_INIT);
    smp_delay(smp_ticks_10ms());
    smp_send(0, ICR_ALL_BUT_SELF | ICR_STARTUP | vector);
    for (unsigned i = 1; i < CPUS; i++)
        good &= COMES(smp_cpus[i].starts > before[i]);
    return good;
}

static void explain(void) {
    for (unsigned i = 1; i < CPUS; i++)
        if (smp_cpus[i].starts)
            print("  CPU %u: started %llu times, at work %u, exception %llu error %llx at %llx\n", i,
                  (unsigned long long)smp_cpus[i].starts, smp_cpus[i].work != 0,
                  (unsigned long long)smp_cpus[i].exception[0], (unsigned long long)smp_cpus[i].exception[1],
                  (unsigned long long)smp_cpus[i].exception[2]);
}

bool smp_ready(void) {
    bool idle = true;
    for (unsigned i = 1; i < CPUS; i++)
        idle &= smp_cpus[i].starts && !smp_cpus[i].work;
    if (idle)
        return true;
    explain();
    smp_start_page(IDLE_PAGE);
    (void)smp_start_others(IDLE_PAGE);
    return true;
}

static bool setup(void) {
    static bool done;
    if (!done) {
        interrupts_by_cpu();
        calibrate();
    }
    return done = true;
}

static bool x2apic_ready(void);

const struct theme themes[] = {
    {smp_start_checks, setup},
    {smp_signal_checks, not_bare_qemu},
    {smp_ipi_checks, smp_ready},
    {smp_level_checks, smp_ready},
    {smp_memory_checks, smp_ready},
    {smp_state_checks, smp_ready},
    {smp_x2apic_level_checks, x2apic_ready},
    {smp_x2apic_checks, x2apic_ready},
    {0},
};

static void enter_x2apic(volatile struct cpu *cpu) {
    wrmsr(0x1b, rdmsr(0x1b) | 1u << 10);
}

// From now on all are in x2APIC mode, if there is one.
static bool x2apic_ready(void) {
    static bool entered;
    smp_ready();
    if (entered)
        return true;
    if (!(cpuid(1, 0).c & 1u << 21))
        return false;
    for (unsigned i = 1; i < CPUS; i++) {
        smp_give(i, enter_x2apic, 0);
        smp_done(i);
    }
    return entered = x2apic_enable();
}
