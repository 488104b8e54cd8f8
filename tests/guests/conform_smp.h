// Inside of the conformance guest for four CPUs: the boot processor gives work to the others, and runs the checks.
#pragma once
#include "tests/guests/conform.h"

#define CPUS   4u
#define ALL    0xfu
#define OTHERS 0xeu

#define LAPIC_ID    0x20u
#define LAPIC_TPR   0x80u
#define LAPIC_LDR   0xd0u
#define LAPIC_DFR   0xe0u
#define LAPIC_ICR   0x300u
#define LAPIC_LVT   0x320u
#define LAPIC_COUNT 0x380u
#define LAPIC_LEFT  0x390u
#define LAPIC_DIV   0x3e0u
#define DIVIDE_16   3u
#define LVT_MASKED  (1u << 16)

// The interrupt command register (SDM 3A 10.6.1).
#define ICR_LOWEST       (1u << 8)
#define ICR_NMI          (4u << 8)
#define ICR_INIT         (5u << 8)
#define ICR_STARTUP      (6u << 8)
#define ICR_LOGICAL      (1u << 11)
#define ICR_PENDING      (1u << 12)
#define ICR_ASSERT       (1u << 14)
#define ICR_LEVEL        (1u << 15)
#define ICR_SELF         (1u << 18)
#define ICR_ALL          (2u << 18)
#define ICR_ALL_BUT_SELF (3u << 18)
#define BROADCAST        0xffu

#define NMI              2u
#define VECTOR_PROBE     0xe1u
#define VECTOR_MARK      0x31u // of a lower class than the others: taken after them
#define VECTOR_WAKE      0x41u
#define VECTOR_PING      0x61u
#define VECTOR_TIMER     0x71u
#define VECTOR_SHOOTDOWN 0xf3u // does INVLPG of VIEW, conform_smp.asm

#define VIEW             0x5000000ull // an address of 2 MiB whose page changes
#define PAGE_DIRECTORIES 0x62000ull   // of start.asm

struct cpu {
    uint64_t counts[256]; // of interrupts and NMIs; the CPU itself counts, conform_smp.asm
    uint64_t exception[3];
    void (*work)(volatile struct cpu *); // set by whoever wants it done; 0 when it is done
    uint64_t argument, result;           // of the work
    uint64_t id;
    uint64_t starts, page; // how often it came from a start-up IPI, to which page
    // How many turns its next handler stays behind the EOI; how many of VECTOR_MARK had come by the last one
    uint64_t linger, lingered;
    uint64_t unused[245];
};
_Static_assert(__builtin_offsetof(struct cpu, linger) == 0x848, "conform_smp.asm's LINGER");
_Static_assert(sizeof(struct cpu) == 4096, "conform_smp.asm's CPU_SHIFT");
extern volatile struct cpu smp_cpus[CPUS];

// What a start-up IPI runs: the code, its data, and the registers as the code found them.
struct __attribute__((packed)) start_registers {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp, esp, eflags, cr0, cr2, cr3, cr4, dr0, dr6, dr7;
    uint16_t cs, ds, es, fs, gs, ss;
    uint16_t gdtr_limit;
    uint32_t gdtr_base;
    uint16_t idtr_limit;
    uint32_t idtr_base;
    uint32_t efer, fs_base, gs_base;
    uint16_t tr, ldtr;
};

struct __attribute__((packed)) start_page {
    uint8_t code[0x400];
    uint16_t gdtr_limit;
    uint32_t gdtr_base;
    uint16_t unused;
    uint32_t tables[2]; // CR3
    struct start_registers registers;
};
_Static_assert(__builtin_offsetof(struct start_page, registers) == 0x410, "conform_smp.asm's SAVED");

extern const struct check smp_start_checks[], smp_signal_checks[], smp_ipi_checks[], smp_x2apic_checks[],
    smp_memory_checks[], smp_state_checks[], smp_level_checks[], smp_x2apic_level_checks[];

extern uint8_t guest_x2apic; // guest.c

// Ticks of the TSC: ten milliseconds, and what nothing should take.
uint64_t smp_ticks_10ms(void);
uint64_t smp_patience(void);
void smp_delay(uint64_t ticks);
// How many rounds, or milliseconds: fewer on a slow machine.
uint32_t smp_scaled(uint32_t number);

// Is the condition true, or becomes so in time?
#define COMES(condition)                                                                                               \
    ({                                                                                                                 \
        uint64_t start_ = rdtsc();                                                                                     \
        while (!(condition) && rdtsc() - start_ < smp_patience())                                                      \
            __asm__ volatile("pause" : : : "memory");                                                                  \
        (condition);                                                                                                   \
    })

// An IPI; the destination is in the form of the APIC's mode. Returns when the APIC has sent it.
void smp_send(uint32_t destination, uint32_t icr);

// Makes a page below 1 MiB a target of start-up IPIs; gives the place of the registers.
volatile struct start_registers *smp_start_page(uint8_t vector);
// INIT, a pause, a start-up IPI with that page: to one, or to all others at once. Did those come?
bool smp_start_one(unsigned cpu, uint8_t vector);
bool smp_start_others(uint8_t vector);
// All are there and idle: those that are not are started again. The checks of a theme begin so.
bool smp_ready(void);

void smp_give(unsigned cpu, void (*work)(volatile struct cpu *), uint64_t argument);
bool smp_done(unsigned cpu); // waits
// The work on all four; the sum of what they return.
bool smp_everywhere(void (*work)(volatile struct cpu *), uint64_t argument);
uint64_t smp_results(void);

// HLT until the interrupt has been counted that often. Returns with interrupts off. On the boot processor false if it
// does not come in ten seconds from when the guard was set.
void smp_guard(void);
bool smp_await(volatile struct cpu *cpu, unsigned vector, uint64_t count);
// Which CPUs get an IPI that one sends? A bit each; all ones if one gets it more than once.
unsigned smp_receivers(unsigned from, uint32_t destination, uint32_t icr);
