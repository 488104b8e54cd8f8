// The micro-benchmark guest: TSC ticks that one exit of each kind costs, from guest to guest. With -icount shift=0 of
// QEMU a tick is an instruction. It prints lines "bench NAME TICKS ROUNDS" and "bench done". Each measurement lies
// between two instructions that do nothing (BEGIN, END), for tools that watch the machine from outside
// (tests/bench/costs.c).
//
// IPIs and EOI go through x2APIC MSRs where CPUID offers them, through memory otherwise; "bench apic" says which. Those
// with "_xapic" in their names always go through memory.
#include "tests/guests/guest.h"

#define ROUNDS         1000u
#define IPI_VECTOR     0x40u
#define TIMER_VECTOR   0x41u
#define LAPIC_TPR      0x080u
#define LAPIC_ICR      0x300u
#define LAPIC_TIMER    0x320u
#define LAPIC_COUNT    0x380u
#define LAPIC_SELF_IPI 0x3f0u
#define ICR_SELF       (1u << 18 | 1u << 14)
#define UART_SCRATCH   0x3ff
#define TIMER_ROUNDS   100u
#define TIMER_COUNT    100000u

#define BEGIN() __asm__ volatile("nopl 0x42450001(%%rax)" : : : "memory")
#define END()   __asm__ volatile("nopl 0x42450002(%%rax)" : : : "memory")

// Base of the first function with an id, its BAR or register at `offset`; 0 if there is none.
static uint32_t pci_find(uint32_t id, unsigned offset) {
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (pci_read(devfn, 0) == id)
            return pci_read(devfn, offset);
    return 0;
}

static uint32_t mmio_base, pm_timer;

static void do_nothing(void) {
}

static void do_cpuid(void) {
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static void do_in(void) {
    (void)inb(UART_SCRATCH);
}

static void do_pm_timer(void) {
    (void)inl((uint16_t)pm_timer);
}

static void do_mmio(void) {
    (void)*(volatile uint16_t *)(uintptr_t)(mmio_base + 0x500);
}

static void do_ipi(void) {
    lapic_set(LAPIC_ICR, IPI_VECTOR | ICR_SELF);
    __asm__ volatile("sti; nop; cli");
}

// The x2APIC has a register for it.
static void do_self_ipi(void) {
    lapic_set(guest_x2apic ? LAPIC_SELF_IPI : LAPIC_ICR, IPI_VECTOR | (guest_x2apic ? 0 : ICR_SELF));
    __asm__ volatile("sti; nop; cli");
}

static void do_tpr(void) {
    lapic_set(LAPIC_TPR, 0);
}

static void do_ipi_hlt(void) {
    lapic_set(LAPIC_ICR, IPI_VECTOR | ICR_SELF);
    __asm__ volatile("sti; hlt; cli");
}

static uint64_t measure(void (*action)(void), unsigned rounds) {
    for (unsigned i = 0; i < 10; i++)
        action();
    BEGIN();
    uint64_t start = rdtsc();
    for (unsigned i = 0; i < rounds; i++)
        action();
    uint64_t ticks = rdtsc() - start;
    END();
    return ticks / rounds;
}

static void report(const char *name, uint64_t ticks, unsigned rounds) {
    print("bench %s %llu %u\n", name, (unsigned long long)ticks, rounds);
}

// TSC ticks that the timer counts TIMER_COUNT in.
static uint64_t timer_ticks(void) {
    lapic_set(LAPIC_TIMER, 0x10000 | TIMER_VECTOR); // masked: only to see how fast it counts
    lapic_set(LAPIC_COUNT, 0xffffffff);
    uint64_t start = rdtsc();
    while (rdtsc() - start < 10000000)
        ;
    uint64_t bus = 0xffffffff - lapic_get(0x390), tsc = rdtsc() - start;
    lapic_set(LAPIC_COUNT, 0);
    return TIMER_COUNT * tsc / bus;
}

// Time from the timer's expiry to the guest's next instruction after HLT: what remains when the time asked for is taken
// off.
static void measure_hlt_timer(void) {
    uint64_t sum = 0, asked = timer_ticks();
    lapic_set(LAPIC_TIMER, TIMER_VECTOR);
    BEGIN();
    for (unsigned i = 0; i < TIMER_ROUNDS; i++) {
        uint64_t start = rdtsc();
        lapic_set(LAPIC_COUNT, TIMER_COUNT);
        __asm__ volatile("sti; hlt; cli");
        sum += rdtsc() - start - asked;
    }
    END();
    report("hlt_timer", sum / TIMER_ROUNDS, TIMER_ROUNDS);
}

void guest_main(void) {
    serial_init();
    interrupts_init();
    lapic_init();
    mmio_base = pci_find(0x11111234, 0x18) & ~0xfu;
    pm_timer = (pci_find(0x71138086, 0x40) & 0xffc0) + 8;
    const struct {
        const char *name;
        void (*action)(void);
        bool possible, x2apic;
    } table[] = {
        {"cpuid", do_cpuid, true, false},
        {"in", do_in, true, false},
        {"in_pm_timer", do_pm_timer, pm_timer > 8, false},
        {"mmio", do_mmio, mmio_base != 0, false},
        {"self_ipi_xapic", do_ipi, true, false},
        {"tpr_xapic", do_tpr, true, false},
        {"self_ipi", do_ipi, true, true},
        {"self_ipi_register", do_self_ipi, true, true},
        {"tpr", do_tpr, true, true},
        {"self_ipi_hlt", do_ipi_hlt, true, true},
    };
    uint64_t empty = measure(do_nothing, ROUNDS);
    report("nothing", empty, ROUNDS);
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].x2apic)
            (void)x2apic_enable();
        if (table[i].possible)
            report(table[i].name, measure(table[i].action, ROUNDS) - empty, ROUNDS);
    }
    measure_hlt_timer();
    print("bench apic %s\n", x2apic_enable() ? "x2apic" : "xapic");
    print("bench done\n");
}
