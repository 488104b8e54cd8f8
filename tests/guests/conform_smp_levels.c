// Level-triggered interrupts at one CPU while others have the I/O APIC, or another pin (82093AA 3.2.4; SDM 3A 10.8.5).
#include "tests/guests/conform_ioapic.h"
#include "tests/guests/conform_smp.h"

#define VECTOR_UART  0x21u // of a lower class than all others
#define VECTOR_CLOCK 0x22u
#define AGAIN        40u // times that a line interrupts before it goes down
#define MOVES        60u
#define NOBODY       9u // an APIC ID that there is not
#define MSR_SELF_IPI 0x83fu

static uint64_t count(unsigned cpu, unsigned vector) {
    return smp_cpus[cpu].counts[vector];
}

// The pin's CPU interrupts itself without end while the line is up: each EOI, which is its first act, brings the next.
static bool storms(unsigned cpu, unsigned vector) {
    uint64_t before = count(cpu, vector);
    return COMES(count(cpu, vector) >= before + smp_scaled(AGAIN));
}

// Nothing comes any more, and nobody waits for an EOI.
static bool ends(unsigned pin, unsigned cpu, unsigned vector) {
    if (!COMES(!ioapic_remote_irr(pin)))
        return false;
    smp_delay(smp_ticks_10ms() / 4);
    uint64_t last = count(cpu, vector);
    smp_delay(smp_ticks_10ms() / 4);
    return count(cpu, vector) == last && !ioapic_remote_irr(pin);
}

static bool end(bool good) {
    uart_end();
    ioapic_write(PIN_LOW(PIN_UART), PIN_MASKED);
    ioapic_write(PIN_LOW(PIN_CLOCK), PIN_MASKED);
    return good;
}

// The boot processor reads and writes registers of the I/O APIC all the time: an EOI disturbs none.
static bool check_level_elsewhere(void) {
    bool good = true;
    uart_begin();
    for (unsigned cpu = 1; cpu < CPUS && good; cpu++) {
        uint64_t all = 0;
        for (unsigned i = 0; i < CPUS; i++)
            all += i == cpu ? 0 : count(i, VECTOR_UART);
        uint64_t before = count(cpu, VECTOR_UART);
        ioapic_pin(PIN_UART, cpu, VECTOR_UART | PIN_LEVEL);
        uart_line(true);
        (void)COMES(ioapic_read(PIN_LOW(PIN_UART) + 1) != cpu << 24 ||
                    count(cpu, VECTOR_UART) >= before + smp_scaled(AGAIN));
        good &= count(cpu, VECTOR_UART) >= before + smp_scaled(AGAIN);
        uart_line(false);
        good &= ends(PIN_UART, cpu, VECTOR_UART);
        for (unsigned i = 0; i < CPUS; i++)
            all -= i == cpu ? 0 : count(i, VECTOR_UART);
        good &= all == 0;
    }
    return end(good);
}

// Masked, and unmasked again, at any moment of the other CPU's handling.
static bool check_level_masks(void) {
    bool good = true;
    uart_begin();
    ioapic_pin(PIN_UART, 1, VECTOR_UART | PIN_LEVEL);
    uart_line(true);
    for (unsigned i = 0; i < smp_scaled(MOVES) && good; i++) {
        good &= storms(1, VECTOR_UART);
        smp_delay(i * 37);
        ioapic_write(PIN_LOW(PIN_UART), VECTOR_UART | PIN_LEVEL | PIN_MASKED);
        if (i % 8 == 0)
            good &= ends(PIN_UART, 1, VECTOR_UART);
        ioapic_write(PIN_LOW(PIN_UART), VECTOR_UART | PIN_LEVEL);
    }
    good = good && storms(1, VECTOR_UART);
    uart_line(false);
    return end(good && ends(PIN_UART, 1, VECTOR_UART));
}

// The pin goes from CPU to CPU while its interrupt is in service at the one before.
static bool check_level_moves(void) {
    bool good = true;
    uart_begin();
    ioapic_pin(PIN_UART, 1, VECTOR_UART | PIN_LEVEL);
    uart_line(true);
    for (unsigned i = 0; i < smp_scaled(MOVES) && good; i++) {
        unsigned cpu = 1 + i % (CPUS - 1);
        ioapic_write(PIN_LOW(PIN_UART) + 1, cpu << 24);
        good &= storms(cpu, VECTOR_UART);
        smp_delay(i * 37);
    }
    uart_line(false);
    for (unsigned cpu = 1; cpu < CPUS; cpu++)
        good &= ends(PIN_UART, cpu, VECTOR_UART);
    return end(good);
}

// Two pins at two CPUs, whose EOIs meet; a third CPU's IPIs, which are edges, go on meanwhile.
static bool check_level_pair(void) {
    uart_begin();
    ioapic_pin(PIN_UART, 1, VECTOR_UART | PIN_LEVEL);
    ioapic_pin(PIN_CLOCK, 2, VECTOR_CLOCK | PIN_LEVEL);
    uart_line(true);
    clock_line(true);
    bool good = true;
    for (unsigned i = 0; i < smp_scaled(MOVES) && good; i++) {
        good &= storms(1, VECTOR_UART) && storms(2, VECTOR_CLOCK);
        good &= smp_receivers(3, i % 4, 0) == 1u << i % 4;
    }
    clock_line(false);
    good = good && ends(PIN_CLOCK, 2, VECTOR_CLOCK) && storms(1, VECTOR_UART);
    uart_line(false);
    return end(good && ends(PIN_UART, 1, VECTOR_UART));
}

// In x2APIC mode the EOI is an MSR.
static bool check_x2apic_level(void) {
    return check_level_elsewhere() && check_level_masks();
}

// The self-IPI register's interrupts are edges, though its vector was a level's before: a pin of that vector which
// waits for an EOI, and would have it from nobody, waits on.
static bool check_x2apic_self_edge(void) {
    uint64_t before = count(0, VECTOR_UART);
    uart_begin();
    ioapic_pin(PIN_UART, 0, VECTOR_UART | PIN_LEVEL);
    uart_line(true);
    uart_line(false);
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    bool good = count(0, VECTOR_UART) == before + 1 && !ioapic_remote_irr(PIN_UART);
    ioapic_pin(PIN_UART, NOBODY, VECTOR_UART | PIN_LEVEL);
    uart_line(true);
    uart_line(false);
    good &= ioapic_remote_irr(PIN_UART);
    wrmsr(MSR_SELF_IPI, VECTOR_UART);
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    good &= count(0, VECTOR_UART) == before + 2 && ioapic_remote_irr(PIN_UART);
    return end(good);
}

const struct check smp_level_checks[] = {
    {"level-elsewhere", check_level_elsewhere},
    {"level-masks", check_level_masks},
    {"level-moves", check_level_moves},
    {"level-pair", check_level_pair},
    {0},
};

const struct check smp_x2apic_level_checks[] = {
    {"x2apic-level", check_x2apic_level},
    {"x2apic-self-edge", check_x2apic_self_edge},
    {0},
};
