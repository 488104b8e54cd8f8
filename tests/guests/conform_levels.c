// Level-triggered interrupts: I/O APIC pins, Remote IRR, EOI (82093AA 3.2.4; SDM 3A 10.8.4, 10.8.5).
#include "tests/guests/conform_ioapic.h"

#define LAPIC_ID   0x20u
#define LAPIC_EOI  0xb0u
#define LAPIC_IRR  0x200u
#define LAPIC_ICR  0x300u
#define ICR_SELF   (1u << 18 | 1u << 14)
#define IOAPIC_EOI (*(volatile uint32_t *)0xfec00040ull)
#define ROUNDS     20u
#define PATIENCE   (1ull << 30)

// In ascending order of priority: of the UART's pin, of the clock's, and of what this CPU sends itself.
enum { LOW, MIDDLE, EDGE, VECTORS };
static const uint8_t vectors[VECTORS] = {0x51, 0x91, 0xd1};

// What is taken is counted, and neither ended nor followed by another one: interrupts are off behind it.
extern char level_entries[];
uint64_t level_taken[VECTORS];
static struct gate gates[VECTORS]; // of the rest of the guest
__asm__(".balign 16\nlevel_entries:\n"
        "push $0; jmp level_take; .balign 16\n"
        "push $1; jmp level_take; .balign 16\n"
        "push $2\n"
        "level_take: push %rax; mov 8(%rsp), %rax; incq level_taken(,%rax,8); pop %rax; add $8, %rsp\n"
        "andq $~0x200, 16(%rsp); iretq");

static uint64_t taken(unsigned which) {
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    return level_taken[which];
}

static bool pending(unsigned which) {
    return lapic_get(LAPIC_IRR + vectors[which] / 32 * 16) >> vectors[which] % 32 & 1;
}

static void eoi(void) {
    lapic_set(LAPIC_EOI, 0);
}

static void send_edge(void) {
    lapic_set(LAPIC_ICR, vectors[EDGE] | ICR_SELF);
}

static void pin(unsigned number, unsigned which, uint32_t flags) {
    ioapic_pin(number, lapic_get(LAPIC_ID) >> 24, vectors[which] | flags);
}

// Each check has the gates and the UART, whose line is down; nothing has been taken, and what the last one left is
// ended.
static void begin(uint32_t flags) {
    uart_begin();
    for (unsigned i = 0; i < VECTORS; i++)
        gates[i] = gate_set(vectors[i], level_entries + 16 * i);
    pin(PIN_UART, LOW, PIN_MASKED);
    for (unsigned i = 0; i < VECTORS; i++)
        (void)taken(i);
    for (unsigned i = 0; i < 2 * VECTORS; i++)
        eoi();
    for (unsigned i = 0; i < VECTORS; i++)
        level_taken[i] = 0;
    pin(PIN_UART, LOW, flags);
}

static bool end(bool good) {
    uart_end();
    for (unsigned i = 0; i < VECTORS; i++)
        gate_restore(vectors[i], gates[i]);
    pin(PIN_UART, LOW, PIN_MASKED);
    return good;
}

// While its cause is there it comes again after each EOI, and not before.
static bool check_level_again(void) {
    bool good = true;
    begin(PIN_LEVEL);
    good &= !pending(LOW) && taken(LOW) == 0;
    uart_line(true);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        good &= pending(LOW) && taken(LOW) == i;
        good &= !pending(LOW) && taken(LOW) == i;
        if (i == ROUNDS)
            uart_line(false);
        eoi();
    }
    return end(good && !pending(LOW) && taken(LOW) == ROUNDS);
}

// What has been accepted comes, though its cause goes before it does.
static bool check_level_withdrawn(void) {
    begin(PIN_LEVEL);
    uart_line(true);
    uart_line(false);
    bool good = taken(LOW) == 1;
    eoi();
    return end(good && !ioapic_remote_irr(PIN_UART) && taken(LOW) == 1);
}

// Set as the local APIC accepts, which is long before the processor does; cleared by EOI.
static bool check_remote_irr(void) {
    begin(PIN_LEVEL | PIN_MASKED);
    bool good = !ioapic_remote_irr(PIN_UART);
    uart_line(true);
    good &= !ioapic_remote_irr(PIN_UART);
    pin(PIN_UART, LOW, PIN_LEVEL);
    good &= ioapic_remote_irr(PIN_UART) && taken(LOW) == 1 && ioapic_remote_irr(PIN_UART);
    eoi();
    good &= ioapic_remote_irr(PIN_UART) && pending(LOW) && taken(LOW) == 2;
    uart_line(false);
    good &= ioapic_remote_irr(PIN_UART);
    eoi();
    return end(good && !ioapic_remote_irr(PIN_UART) && taken(LOW) == 2);
}

// A masked pin delivers nothing, at an EOI neither; unmasked, it does what its line says then.
static bool check_level_masked(void) {
    begin(PIN_LEVEL | PIN_MASKED);
    uart_line(true);
    bool good = !pending(LOW) && taken(LOW) == 0;
    pin(PIN_UART, LOW, PIN_LEVEL);
    good &= pending(LOW) && taken(LOW) == 1;
    ioapic_write(PIN_LOW(PIN_UART), vectors[LOW] | PIN_LEVEL | PIN_MASKED);
    eoi();
    good &= !ioapic_remote_irr(PIN_UART) && !pending(LOW) && taken(LOW) == 1;
    ioapic_write(PIN_LOW(PIN_UART), vectors[LOW] | PIN_LEVEL);
    good &= pending(LOW) && taken(LOW) == 2;
    ioapic_write(PIN_LOW(PIN_UART), vectors[LOW] | PIN_LEVEL | PIN_MASKED);
    uart_line(false);
    eoi();
    ioapic_write(PIN_LOW(PIN_UART), vectors[LOW] | PIN_LEVEL);
    return end(good && !pending(LOW) && taken(LOW) == 2);
}

// The same line as an edge: once for each rise.
static bool check_edge_again(void) {
    bool good = true;
    begin(0);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        uart_line(true);
        good &= pending(LOW) && !ioapic_remote_irr(PIN_UART) && taken(LOW) == i;
        eoi();
        good &= !pending(LOW) && taken(LOW) == i;
        uart_line(false);
        good &= !pending(LOW);
    }
    return end(good && taken(LOW) == ROUNDS);
}

// An edge is not held while its pin is masked.
static bool check_edge_masked(void) {
    begin(PIN_MASKED);
    uart_line(true);
    pin(PIN_UART, LOW, 0);
    bool good = !pending(LOW) && taken(LOW) == 0;
    uart_line(false);
    uart_line(true);
    good &= taken(LOW) == 1;
    eoi();
    return end(good);
}

static bool comes(unsigned which) {
    uint64_t start = rdtsc();
    while (!pending(which) && rdtsc() - start < PATIENCE)
        __asm__ volatile("pause");
    return pending(which);
}

// Two level-triggered ones and an edge, each in the middle of the other: an EOI is the highest one's.
static bool check_level_nested(void) {
    begin(PIN_LEVEL);
    pin(PIN_CLOCK, MIDDLE, PIN_LEVEL);
    uart_line(true);
    bool good = taken(LOW) == 1;
    clock_line(true);
    good &= comes(MIDDLE) && taken(MIDDLE) == 1;
    send_edge();
    good &= taken(EDGE) == 1 && ioapic_remote_irr(PIN_UART) && ioapic_remote_irr(PIN_CLOCK);
    eoi();
    good &= ioapic_remote_irr(PIN_UART) && ioapic_remote_irr(PIN_CLOCK) && !pending(LOW) && !pending(MIDDLE);
    eoi();
    good &= ioapic_remote_irr(PIN_UART) && ioapic_remote_irr(PIN_CLOCK) && !pending(LOW) && pending(MIDDLE);
    clock_line(false);
    good &= taken(MIDDLE) == 2 && level_taken[LOW] == 1;
    eoi();
    good &= ioapic_remote_irr(PIN_UART) && !ioapic_remote_irr(PIN_CLOCK) && !pending(LOW) && !pending(MIDDLE);
    uart_line(false);
    eoi();
    good &= !ioapic_remote_irr(PIN_UART) && taken(LOW) == 1 && level_taken[MIDDLE] == 2 && level_taken[EDGE] == 1;
    pin(PIN_CLOCK, MIDDLE, PIN_MASKED);
    return end(good);
}

// The EOI of an edge is none of the I/O APIC's business, even if a pin that waits for one has that vector by now.
static bool check_edge_eoi(void) {
    begin(PIN_LEVEL);
    uart_line(true);
    bool good = taken(LOW) == 1;
    ioapic_write(PIN_LOW(PIN_UART), vectors[EDGE] | PIN_LEVEL);
    send_edge();
    good &= taken(EDGE) == 1 && ioapic_remote_irr(PIN_UART);
    eoi();
    good &= ioapic_remote_irr(PIN_UART) && !pending(EDGE) && taken(EDGE) == 1;
    ioapic_write(PIN_LOW(PIN_UART), vectors[LOW] | PIN_LEVEL);
    uart_line(false);
    eoi();
    return end(good && !ioapic_remote_irr(PIN_UART));
}

// A vector that was a level's is an edge's next: its EOI is not told; and the other way round.
static bool check_trigger_changes(void) {
    bool good = true;
    begin(PIN_LEVEL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        pin(PIN_UART, EDGE, PIN_LEVEL);
        uart_line(true);
        good &= taken(EDGE) == 2 * i + 1;
        uart_line(false);
        eoi();
        good &= !ioapic_remote_irr(PIN_UART);
        pin(PIN_UART, LOW, PIN_LEVEL);
        uart_line(true);
        good &= taken(LOW) == i + 1;
        ioapic_write(PIN_LOW(PIN_UART), vectors[EDGE] | PIN_LEVEL);
        send_edge();
        good &= taken(EDGE) == 2 * i + 2;
        eoi();
        good &= ioapic_remote_irr(PIN_UART);
        ioapic_write(PIN_LOW(PIN_UART), vectors[LOW] | PIN_LEVEL);
        uart_line(false);
        eoi();
        good &= !ioapic_remote_irr(PIN_UART);
    }
    return end(good);
}

// The I/O APIC's own EOI register: the line that is still up comes again, whatever is in service.
static bool check_eoi_register(void) {
    begin(PIN_LEVEL);
    uart_line(true);
    bool good = taken(LOW) == 1 && !pending(LOW);
    IOAPIC_EOI = vectors[EDGE];
    good &= !pending(LOW);
    IOAPIC_EOI = vectors[LOW];
    good &= pending(LOW) && ioapic_remote_irr(PIN_UART);
    uart_line(false);
    IOAPIC_EOI = vectors[LOW];
    good &= !ioapic_remote_irr(PIN_UART);
    eoi();
    good &= taken(LOW) == 2;
    eoi();
    return end(good && !ioapic_remote_irr(PIN_UART) && taken(LOW) == 2);
}

bool has_eoi_register(void) {
    return (ioapic_read(1) & 0xff) >= 0x20;
}

const struct check level_checks[] = {
    {"level-again", check_level_again},         {"level-withdrawn", check_level_withdrawn},
    {"remote-irr", check_remote_irr},           {"level-masked", check_level_masked},
    {"edge-again", check_edge_again},           {"edge-masked", check_edge_masked},
    {"level-nested", check_level_nested},       {"edge-eoi", check_edge_eoi},
    {"trigger-changes", check_trigger_changes}, {0},
};

const struct check eoi_checks[] = {
    {"eoi-register", check_eoi_register},
    {0},
};
