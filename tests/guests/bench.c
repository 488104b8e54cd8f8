// The micro-benchmark guest: TSC ticks that one exit of each kind costs, from guest to guest. With -icount shift=0 of
// QEMU a tick is an instruction. It prints lines "bench NAME TICKS" and "bench done".
#include "tests/guests/guest.h"

#define ROUNDS       1000u
#define IPI_VECTOR   0x40u
#define TIMER_VECTOR 0x41u
#define LAPIC_ICR    0x300u
#define LAPIC_TIMER  0x320u
#define LAPIC_COUNT  0x380u
#define ICR_SELF     (1u << 18 | 1u << 14)
#define UART_SCRATCH 0x3ff

static uint32_t pci_read(unsigned device, unsigned function, unsigned offset) {
    outl(0xcf8, 0x80000000u | device << 11 | function << 8 | offset);
    return inl(0xcfc);
}

// Base of the first function with an id, its BAR or register at `offset`; 0 if there is none.
static uint32_t pci_find(uint32_t id, unsigned offset) {
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (pci_read(devfn / 8, devfn % 8, 0) == id)
            return pci_read(devfn / 8, devfn % 8, offset);
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

static void do_ipi_hlt(void) {
    lapic_set(LAPIC_ICR, IPI_VECTOR | ICR_SELF);
    __asm__ volatile("sti; hlt; cli");
}

static uint64_t measure(void (*action)(void), unsigned rounds) {
    for (unsigned i = 0; i < 10; i++)
        action();
    uint64_t start = rdtsc();
    for (unsigned i = 0; i < rounds; i++)
        action();
    return (rdtsc() - start) / rounds;
}

// Time from the timer's expiry to the guest's next instruction after HLT: what remains when the time asked for is taken
// off.
static uint64_t measure_hlt_timer(void) {
    uint64_t sum = 0, calibrate = rdtsc();
    lapic_set(LAPIC_TIMER, 0x10000 | TIMER_VECTOR); // masked: only to see how fast it counts
    lapic_set(LAPIC_COUNT, 0xffffffff);
    while (rdtsc() - calibrate < 10000000)
        ;
    uint64_t bus = 0xffffffff - lapic_get(0x390), tsc = rdtsc() - calibrate;
    lapic_set(LAPIC_COUNT, 0);
    lapic_set(LAPIC_TIMER, TIMER_VECTOR);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t start = rdtsc();
        lapic_set(LAPIC_COUNT, 100000);
        __asm__ volatile("sti; hlt; cli");
        sum += rdtsc() - start - 100000 * tsc / bus;
    }
    return sum / 100;
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
        bool possible;
    } table[] = {
        {"cpuid", do_cpuid, true},         {"in", do_in, true},        {"in_pm_timer", do_pm_timer, pm_timer > 8},
        {"mmio", do_mmio, mmio_base != 0}, {"self_ipi", do_ipi, true}, {"self_ipi_hlt", do_ipi_hlt, true},
    };
    uint64_t empty = measure(do_nothing, ROUNDS);
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].possible)
            print("bench %s %llu\n", table[i].name, (unsigned long long)(measure(table[i].action, ROUNDS) - empty));
    print("bench hlt_timer %llu\n", (unsigned long long)measure_hlt_timer());
    print("bench done\n");
}
