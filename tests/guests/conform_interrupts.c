// Delivery of interrupts: vectors, shadows, priorities, HLT, NMI (SDM 3A 6.8, 10.8; APM 2 16.6).
#include "tests/guests/conform.h"

#define NMI         2u
#define LOW         0x41u
#define HIGH        0xe1u
#define LAPIC_TPR   0x80u
#define LAPIC_ICR   0x300u
#define LAPIC_LVT   0x320u
#define LAPIC_INI   0x380u
#define TIMER_COUNT 1000000u
#define RACES       2000u
#define ICR_SELF    (1u << 18 | 1u << 14)
#define ICR_NMI     (4u << 8)

static void pend(unsigned vector) {
    lapic_set(LAPIC_ICR, vector | ICR_SELF);
}

static void write_cr8(uint64_t priority) {
    __asm__ volatile("mov %0, %%cr8" : : "r"(priority) : "memory");
}

// INT n: its vector is in the instruction, so each is an instruction of its own in a table.
static bool software(uint8_t vector) {
    static uint8_t code[3] __attribute__((aligned(16)));
    uint64_t before = interrupt_counts[vector];
    code[0] = 0xcd;
    code[1] = vector;
    code[2] = 0xc3;
    __asm__ volatile("call *%0" : : "r"(code) : "memory");
    return interrupt_counts[vector] == before + 1;
}

static bool check_software_interrupts(void) {
    for (unsigned vector = 32; vector < 256; vector++)
        if (!software((uint8_t)vector))
            return false;
    return true;
}

// After STI one more instruction runs before an interrupt is taken: none between STI and CLI.
static bool check_sti_shadow(void) {
    uint64_t before = interrupt_counts[LOW];
    pend(LOW);
    for (unsigned i = 0; i < 100; i++)
        __asm__ volatile("sti; cli" : : : "memory");
    bool good = interrupt_counts[LOW] == before;
    __asm__ volatile("sti; nop; cli" : : : "memory");
    return good && interrupt_counts[LOW] == before + 1;
}

static bool check_halt(void) {
    uint64_t before = interrupt_counts[LOW];
    for (unsigned i = 0; i < 20; i++) {
        pend(LOW);
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    }
    return interrupt_counts[LOW] == before + 20;
}

// CR8 holds up a class and those below; lowering it lets them through at the next instruction.
static bool check_task_priority(void) {
    uint64_t before = interrupt_counts[LOW];
    write_cr8(LOW >> 4);
    pend(LOW);
    __asm__ volatile("sti; nop; nop" : : : "memory");
    bool good = interrupt_counts[LOW] == before && lapic_get(LAPIC_TPR) == (LOW & 0xf0);
    write_cr8((LOW >> 4) - 1);
    __asm__ volatile("nop; nop; cli" : : : "memory");
    write_cr8(0);
    return good && interrupt_counts[LOW] == before + 1;
}

// The higher of two is taken first, and what TPR holds up later.
static bool check_priority_order(void) {
    uint64_t low = interrupt_counts[LOW], high = interrupt_counts[HIGH];
    pend(LOW);
    pend(HIGH);
    write_cr8(HIGH >> 4);
    __asm__ volatile("sti; nop; cli" : : : "memory");
    bool good = interrupt_counts[LOW] == low && interrupt_counts[HIGH] == high;
    write_cr8(LOW >> 4);
    __asm__ volatile("sti; nop; cli" : : : "memory");
    good = good && interrupt_counts[LOW] == low && interrupt_counts[HIGH] == high + 1;
    write_cr8(0);
    __asm__ volatile("sti; nop; cli" : : : "memory");
    return good && interrupt_counts[LOW] == low + 1;
}

static bool check_timer(void) {
    uint64_t before = interrupt_counts[HIGH];
    lapic_set(LAPIC_LVT, HIGH);
    for (unsigned i = 0; i < 10; i++) {
        lapic_set(LAPIC_INI, TIMER_COUNT);
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    }
    lapic_set(LAPIC_LVT, 1u << 16 | HIGH);
    return interrupt_counts[HIGH] == before + 10;
}

// An interrupt that comes between STI and HLT wakes HLT, whenever it comes; taken before HLT, nothing would.
static bool check_wake_up_race(void) {
    uint64_t before = interrupt_counts[HIGH];
    lapic_set(LAPIC_LVT, HIGH);
    for (unsigned i = 0; i < RACES; i++) {
        lapic_set(LAPIC_INI, 1000 + i * 61 % 9973);
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    }
    lapic_set(LAPIC_LVT, 1u << 16 | HIGH);
    return interrupt_counts[HIGH] == before + RACES;
}

static bool check_all_vectors(void) {
    for (unsigned vector = 32; vector < 256; vector++) {
        uint64_t before = interrupt_counts[vector];
        pend(vector);
        __asm__ volatile("sti; nop; cli" : : : "memory");
        if (interrupt_counts[vector] != before + 1)
            return false;
    }
    return true;
}

static void send_nmi(uint64_t unused) {
    lapic_set(LAPIC_ICR, ICR_NMI | 1u << 14);
    for (unsigned i = 0; i < 1000; i++)
        __asm__ volatile("pause");
}

// One is delivered, IF or not; a second one, while the first one's handler has not come to IRET, is not.
static bool check_nmi(void) {
    bool good = raises(send_nmi, 0, NMI, NO_ERROR);
    return good && survives(send_nmi, 0);
}

const struct check interrupt_checks[] = {
    {"software-interrupts", check_software_interrupts},
    {"sti-shadow", check_sti_shadow},
    {"halt", check_halt},
    {"task-priority", check_task_priority},
    {"priority-order", check_priority_order},
    {"timer", check_timer},
    {"wake-up-race", check_wake_up_race},
    {"all-vectors", check_all_vectors},
    {"nmi", check_nmi}, // last: its handler never returns, so that NMIs stay blocked
    {0},
};
