// PAT and MTRRs of the CPUs.
#include "kernel/memory_type.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include <stdbool.h>

#define CPUID_MTRR    (1u << 12) // leaf 1 EDX
#define MSR_PAT       0x277u
#define MSR_MTRR_CAP  0xfeu
#define MTRR_COUNT    0xffu
#define MTRR_FIXED    (1u << 8)
#define MSR_MTRR_BASE 0x200u // and masks, in turn
#define MSR_MTRR_TYPE 0x2ffu
#define MTRR_ENABLED  (1u << 11)

static const uint16_t fixed_mtrrs[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

#define FIXED_COUNT  (sizeof(fixed_mtrrs) / sizeof(fixed_mtrrs[0]))
#define VARIABLE_MAX 32u

static uint64_t first[FIXED_COUNT + 2 * VARIABLE_MAX], first_type; // CPU 0's

static uint32_t mtrr_at(unsigned i) {
    return i < FIXED_COUNT ? fixed_mtrrs[i] : (uint32_t)(MSR_MTRR_BASE + i - FIXED_COUNT);
}

// SDM 3A 12.11.8: without caches, MTRRs and old translations. The CPU has not begun to work.
static void set_mtrrs(unsigned begin, unsigned end) {
    uint64_t cr0 = read_cr0(), cr4 = read_cr4();
    write_cr0(cr0 | CR0_CD);
    __asm__ volatile("wbinvd" : : : "memory");
    write_cr4(cr4 & ~CR4_PGE);
    wrmsr(MSR_MTRR_TYPE, first_type & ~(uint64_t)MTRR_ENABLED);
    for (unsigned i = begin; i < end; i++)
        wrmsr(mtrr_at(i), first[i]);
    wrmsr(MSR_MTRR_TYPE, first_type);
    __asm__ volatile("wbinvd" : : : "memory");
    write_cr0(cr0);
    write_cr4(cr4);
}

void memory_type_init_self(uint32_t cpu) {
    wrmsr(MSR_PAT, PAT_RESET);
    if (!(cpuid(1, 0).edx & CPUID_MTRR))
        return;
    uint64_t cap = rdmsr(MSR_MTRR_CAP), type = rdmsr(MSR_MTRR_TYPE);
    unsigned variable = cap & MTRR_COUNT, begin = cap & MTRR_FIXED ? 0 : FIXED_COUNT;
    unsigned end = (unsigned)FIXED_COUNT + 2 * (variable < VARIABLE_MAX ? variable : VARIABLE_MAX);
    first_type = cpu == 0 ? type : first_type;
    bool same = type == first_type;
    for (unsigned i = begin; i < end; i++) {
        uint64_t value = rdmsr(mtrr_at(i));
        first[i] = cpu == 0 ? value : first[i];
        same = same && value == first[i];
    }
    if (!same) {
        log_print("MTRRs of CPU %u were not those of CPU 0; set", cpu);
        set_mtrrs(begin, end);
    }
    if (cpu == 0 && !(type & MTRR_ENABLED))
        log_print("the firmware left the MTRRs off: no memory is cached");
}
