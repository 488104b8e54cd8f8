// What CPUs say of their features: CPUID, and the registers that say what virtualization can do and whether it may be
// used.
#include "kernel/features.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/speculation.h"
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
#define XSAVE_COMPONENTS      10u

// What the core uses, or a guest reaches by CR4 without an exit, is needed. What follows CR4 counts as there.
static const struct {
    uint32_t leaf, subleaf, reg, needed, follows;
    const char *name;
} leaves[] = {
    {0xd, 0, BOOT_EAX, XCR0_X87 | XCR0_SSE, 0, "CPUID Dh EAX"}, // WORD_XCR0
    {1, 0, BOOT_ECX, 0x5220020, OSXSAVE, "CPUID 1 ECX"},        // VMX PCID x2APIC TSC deadline XSAVE
    {1, 0, BOOT_EDX, 0x78bfbff, 0, "CPUID 1 EDX"},              // what 64-bit processors have, to SSE2
    {7, 0, BOOT_EBX, 0x100081, 0, "CPUID 7 EBX"},               // FSGSBASE SMEP SMAP
    {7, 0, BOOT_ECX, 0x4, OSPKE, "CPUID 7 ECX"},                // UMIP
    {7, 0, BOOT_EDX,
     LEAF7_MD_CLEAR | LEAF7_IBRS_IBPB | LEAF7_STIBP | LEAF7_L1D_FLUSH | LEAF7_ARCH_CAPABILITIES | LEAF7_SRBDS_CTRL, 0,
     "CPUID 7 EDX"},
    {0xd, 1, BOOT_EAX, 0x8, 0, "CPUID Dh, 1 EAX"},                   // XSAVES
    {0x80000001, 0, BOOT_ECX, 0x4, 0, "CPUID 80000001h ECX"},        // SVM
    {0x80000001, 0, BOOT_EDX, 0x24100800, 0, "CPUID 80000001h EDX"}, // SYSCALL NX 1 GiB LM
    {0x80000007, 0, BOOT_EDX, 0, 0, "CPUID 80000007h EDX"},
    {0x80000008, 0, BOOT_EBX, LEAF8_ERROR_POINTERS | LEAF8_IBPB | LEAF8_IBRS | LEAF8_STIBP | LEAF8_IBRS_ALWAYS_ON, 0,
     "CPUID 80000008h EBX"},
    {0x8000000a, 0, BOOT_EDX, ~0u, 0, "CPUID 8000000Ah EDX"},
    {0x80000021, 0, BOOT_EAX,
     LEAF21_LFENCE_SERIALIZES | LEAF21_VERW_CLEARS | LEAF21_AUTO_IBRS | LEAF21_SRSO_NO | LEAF21_SPEC_REDUCE, 0,
     "CPUID 80000021h EAX"},
    {0x80000021, 0, BOOT_ECX, LEAF21_TSA_SQ_NO | LEAF21_TSA_L1_NO, 0, "CPUID 80000021h ECX"},
};

_Static_assert(sizeof(leaves) / sizeof(leaves[0]) == BOOT_FEATURES, "words");

enum { WORD_XCR0, WORD_LEAF7_EDX = 5 };

// Behind the leaves
static const struct {
    const char *name;
    uint64_t needed;
} registers[] = {
    {"virtualization that the firmware has left on, as bit 0", ~0ull},
    {"IA32_ARCH_CAPABILITIES", CAPABILITY_RDCL_NO | CAPABILITY_IBRS_ALL | CAPABILITY_SKIP_L1DFL | CAPABILITY_MDS_NO |
                                   CAPABILITY_TAA_NO | CAPABILITY_SBDR_SSDP_NO | CAPABILITY_FBSDP_NO |
                                   CAPABILITY_PSDP_NO | CAPABILITY_FB_CLEAR | CAPABILITY_FB_CLEAR_CTRL |
                                   CAPABILITY_TSX_CTRL | CAPABILITY_GDS_CTRL | CAPABILITY_PSCHANGE_MC_NO |
                                   CAPABILITY_RFDS_NO | CAPABILITY_RFDS_CLEAR},
    {"IA32_VMX_PINBASED_CTLS", ~0ull},
    {"IA32_VMX_PROCBASED_CTLS", ~0ull},
    {"IA32_VMX_EXIT_CTLS", ~0ull},
    {"IA32_VMX_ENTRY_CTLS", ~0ull},
    {"IA32_VMX_PROCBASED_CTLS2", ~0ull},
    {"IA32_VMX_EPT_VPID_CAP", ~0ull},
};

_Static_assert(BOOT_FEATURES + sizeof(registers) / sizeof(registers[0]) == FEATURE_WORDS, "words");

static uint64_t needed[FEATURE_WORDS], common[FEATURE_WORDS], last[FEATURE_WORDS];
static uint64_t areas[XSAVE_COMPONENTS]; // place and size of each component's state, on the first CPU
static uint64_t leaf_word(unsigned i) {
    uint32_t leaf = leaves[i].leaf;
    if (leaf > cpuid(leaf & EXTENDED, 0).eax)
        return 0;
    struct cpuid r = cpuid(leaf, leaves[i].subleaf);
    const uint32_t words[] = {r.eax, r.ebx, r.ecx, r.edx};
    return words[leaves[i].reg] | leaves[i].follows;
}

static void read_words(uint64_t words[FEATURE_WORDS]) {
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        words[i] = i < BOOT_FEATURES ? leaf_word(i) : 0;
    uint64_t *msr = words + BOOT_FEATURES;
    bool vmx = (cpuid(1, 0).ecx & ECX1_VMX) != 0, svm = (cpuid(EXTENDED | 1, 0).ecx & 1u << 2) != 0;
    msr[0] = vmx ? usable_vmx(true, rdmsr(MSR_FEATURE_CONTROL)) == USABLE : svm && !(rdmsr(MSR_VM_CR) & VM_CR_SVMDIS);
    msr[1] = leaf_word(WORD_LEAF7_EDX) & LEAF7_ARCH_CAPABILITIES ? rdmsr(MSR_ARCH_CAPABILITIES) : 0;
    if (!vmx || !msr[0])
        return;
    for (unsigned i = 0; i < 4; i++) // low half: what has to be 1
        msr[2 + i] = rdmsr(MSR_VMX_PIN + i) ^ UINT32_MAX;
    if (!(rdmsr(MSR_VMX_PIN + 1) >> 63))
        return;
    msr[6] = rdmsr(MSR_VMX_CPU2) ^ UINT32_MAX;
    msr[7] = msr[6] & CPU2_EPT_VPID ? rdmsr(MSR_VMX_EPT_VPID) : 0;
}

static uint64_t area_of(unsigned component) {
    struct cpuid r = cpuid(0xd, component);
    return (uint64_t)r.ebx << 32 | r.eax;
}

static const char *name_of(unsigned word) {
    return word < BOOT_FEATURES ? leaves[word].name : registers[word - BOOT_FEATURES].name;
}

void features_note(void) {
    read_words(common);
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        needed[i] = common[i] & (i < BOOT_FEATURES ? leaves[i].needed : registers[i - BOOT_FEATURES].needed);
    for (unsigned i = 2; i < XSAVE_COMPONENTS && common[WORD_XCR0]; i++)
        areas[i] = area_of(i);
}

bool features_check(void) {
    read_words(last);
    for (unsigned i = 2; i < XSAVE_COMPONENTS && last[WORD_XCR0]; i++)
        if (area_of(i) != areas[i]) // a thread's state would lie elsewhere
            last[WORD_XCR0] &= ~(1ull << i);
    if (features_lacking(needed, last) != FEATURE_WORDS)
        return false;
    host.xcr0 = host.xsave ? features_xcr0(host.xcr0 & last[WORD_XCR0]) : 0;
    return true;
}

static void say_lacks(uint32_t apic_id, unsigned word, uint64_t bits, const char *consequence) {
    log_print("CPU with APIC id %u lacks bits %#llx of %s, which the first CPU has: %s", apic_id,
              (unsigned long long)bits, name_of(word), consequence);
}

void features_complain(uint32_t apic_id) {
    unsigned word = features_lacking(needed, last);
    say_lacks(apic_id, word, needed[word] & ~last[word], "it is not used");
}

void features_join(uint32_t apic_id) {
    for (unsigned i = 0; i < BOOT_FEATURES; i++) {
        if (common[i] & ~last[i])
            say_lacks(apic_id, i, common[i] & ~last[i], "no domain is offered them");
        common[i] &= last[i];
    }
}

void features_list(struct boot_feature *list) {
    for (unsigned i = 0; i < BOOT_FEATURES; i++)
        list[i] = (struct boot_feature){leaves[i].leaf, leaves[i].subleaf, leaves[i].reg, (uint32_t)common[i]};
}
