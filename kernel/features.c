// What CPUs say of their features: CPUID, and the registers that say what virtualization can do and whether it may be
// used.
#include "kernel/features.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/usable.h"

#define EXTENDED              0x80000000u
#define OSXSAVE               (1u << 27) // leaf 1 ECX; it and OSPKE follow CR4
#define OSPKE                 (1u << 4)  // leaf 7 ECX
#define ECX1_VMX              (1u << 5)
#define MSR_FEATURE_CONTROL   0x3au
#define MSR_ARCH_CAPABILITIES 0x10au
#define MSR_VMX_PIN           0x481u
#define MSR_VMX_CPU2          0x48bu
#define MSR_VMX_EPT_VPID      0x48cu
#define CPU2_EPT_VPID         (0x22ull << 32)
#define MSR_VM_CR             0xc0010114u

enum { EAX, EBX, ECX, EDX };

// Bits of `uncounted` may differ.
static const struct {
    uint32_t leaf, subleaf, reg, uncounted;
    const char *name;
} leaves[] = {
    {1, 0, ECX, OSXSAVE, "CPUID 1 ECX"},
    {1, 0, EDX, 0, "CPUID 1 EDX"},
    {7, 0, EBX, 0, "CPUID 7 EBX"},
    {7, 0, ECX, OSPKE, "CPUID 7 ECX"},
    {7, 0, EDX, 0, "CPUID 7 EDX"},
    {0xd, 0, EAX, 0, "CPUID Dh EAX"},
    {0xd, 1, EAX, 0, "CPUID Dh, 1 EAX"},
    {0x80000001, 0, ECX, 0, "CPUID 80000001h ECX"},
    {0x80000001, 0, EDX, 0, "CPUID 80000001h EDX"},
    {0x80000008, 0, EBX, 0, "CPUID 80000008h EBX"},
    {0x8000000a, 0, EDX, 0, "CPUID 8000000Ah EDX"},
    {0x80000021, 0, EAX, 0, "CPUID 80000021h EAX"},
};

#define LEAVES (sizeof(leaves) / sizeof(leaves[0]))

// Behind the leaves
static const char *const register_names[] = {
    "virtualization that the firmware has left on, as bit 0",
    "IA32_ARCH_CAPABILITIES",
    "IA32_VMX_PINBASED_CTLS",
    "IA32_VMX_PROCBASED_CTLS",
    "IA32_VMX_EXIT_CTLS",
    "IA32_VMX_ENTRY_CTLS",
    "IA32_VMX_PROCBASED_CTLS2",
    "IA32_VMX_EPT_VPID_CAP",
};

_Static_assert(LEAVES + sizeof(register_names) / sizeof(register_names[0]) == FEATURE_WORDS, "words");

static uint64_t first[FEATURE_WORDS], last[FEATURE_WORDS];

static uint64_t leaf_word(unsigned i) {
    uint32_t leaf = leaves[i].leaf;
    if (leaf > cpuid(leaf & EXTENDED, 0).eax)
        return 0;
    struct cpuid r = cpuid(leaf, leaves[i].subleaf);
    const uint32_t registers[] = {r.eax, r.ebx, r.ecx, r.edx};
    return registers[leaves[i].reg] & ~leaves[i].uncounted;
}

static void read_words(uint64_t words[FEATURE_WORDS]) {
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        words[i] = i < LEAVES ? leaf_word(i) : 0;
    uint64_t *msr = words + LEAVES;
    bool vmx = (cpuid(1, 0).ecx & ECX1_VMX) != 0, svm = (cpuid(EXTENDED | 1, 0).ecx & 1u << 2) != 0;
    msr[0] = vmx ? usable_vmx(true, rdmsr(MSR_FEATURE_CONTROL)) == USABLE : svm && !(rdmsr(MSR_VM_CR) & VM_CR_SVMDIS);
    msr[1] = leaf_word(4) & 1u << 29 ? rdmsr(MSR_ARCH_CAPABILITIES) : 0;
    if (!vmx || !msr[0])
        return;
    for (unsigned i = 0; i < 4; i++) // low half: what has to be 1
        msr[2 + i] = rdmsr(MSR_VMX_PIN + i) ^ UINT32_MAX;
    if (!(rdmsr(MSR_VMX_PIN + 1) >> 63))
        return;
    msr[6] = rdmsr(MSR_VMX_CPU2) ^ UINT32_MAX;
    msr[7] = msr[6] & CPU2_EPT_VPID ? rdmsr(MSR_VMX_EPT_VPID) : 0;
}

void features_note(void) {
    read_words(first);
}

bool features_check(void) {
    read_words(last);
    return features_lacking(first, last) == FEATURE_WORDS;
}

void features_complain(uint32_t apic_id) {
    unsigned word = features_lacking(first, last);
    log_print("CPU with APIC id %u lacks bits %#llx of %s, which the first CPU has: it is not used", apic_id,
              (unsigned long long)(first[word] & ~last[word]),
              word < LEAVES ? leaves[word].name : register_names[word - LEAVES]);
}
