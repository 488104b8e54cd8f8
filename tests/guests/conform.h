// Inside of the conformance guest: the checks by theme, each true if the machine did what its manual says.
#pragma once
#include "tests/guests/guest.h"

struct check {
    const char *name;
    bool (*check)(void);
};

// Each ends with one without a name.
extern const struct check access_checks[], cr4_checks[], exception_checks[], strict_checks[], interrupt_checks[],
    mode_checks[], state_checks[], float_checks[], instruction_checks[], page_checks[], user_checks[], level_checks[],
    eoi_checks[], xsave_checks[], xsaveopt_checks[], xsavec_checks[], xsaves_checks[], avx512_checks[], rdrand_checks[],
    rdseed_checks[], task_checks[], x87_irq_checks[];

// What a guest runs, in order; ends with one without checks.
struct theme {
    const struct check *checks;
    bool (*ready)(void); // asked before each check: is it for this machine? NULL: for all
};
extern const struct theme themes[];

// Checks that not every machine outlives: QEMU's, whose model is an EPYC, takes any control register. A domain has
// KVM's signature.
bool not_qemu(void);
bool not_bare_qemu(void);
bool not_domain_on_qemu(void);

// What not every machine offers.
bool has_eoi_register(void);
bool has_rdrand(void);
bool has_rdseed(void);
bool has_xsave(void);
bool has_xsaveopt(void);
bool has_xsavec(void);
bool has_xsaves(void);
bool has_avx512(void);

// Another handler for a vector, with a bare frame; gives what was there, for gate_restore.
struct gate {
    uint64_t words[2];
};
struct gate gate_set(unsigned vector, const void *entry);
void gate_restore(unsigned vector, struct gate gate);

// Did the action cause just this exception?
bool raises(void (*action)(uint64_t), uint64_t argument, uint64_t vector, uint64_t error);
#define NO_ERROR 0ull // where the processor pushes none, start.asm does

// conform_modes.asm: a bit for each probe that went well.
enum mode { MODE_REAL, MODE_PROTECTED, MODE_PAE, MODE_PAGING32, MODE_VM86, MODE_TASKS };
uint32_t mode_run(uint32_t mode);
#define PROBES(n) ((1u << (n)) - 1)

struct leaf {
    uint32_t a, b, c, d;
};

static inline struct leaf cpuid(uint32_t number, uint32_t sub) {
    struct leaf leaf = {number, 0, sub, 0};
    __asm__ volatile("cpuid" : "+a"(leaf.a), "=b"(leaf.b), "+c"(leaf.c), "=d"(leaf.d));
    return leaf;
}

// Registers that more than one part pokes.
static inline void set_xcr0(uint64_t value) {
    __asm__ volatile("xsetbv" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0));
}

static inline uint64_t get_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static inline uint64_t read_cr4(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void write_cr4(uint64_t value) {
    __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline uint64_t read_dr6(void) {
    uint64_t value;
    __asm__ volatile("mov %%dr6, %0" : "=r"(value));
    return value;
}

static inline void clear_dr6(void) {
    __asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull));
}
