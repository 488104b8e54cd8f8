// The CPUID of guests.
#include "dom0/vmm/cpuid.h"
#include "dom0/vmm/page_walk.h"
#include "lib/string.h"

#define BIT(n) (1u << (n))

// Leaf 1 (SDM 2A CPUID, tables 3-10 and 3-11)
#define ECX1_TSC_DEADLINE BIT(24)
#define ECX1_X2APIC       BIT(21)
#define ECX1_XSAVE        BIT(26)
#define ECX1_OSXSAVE      BIT(27)
#define ECX1_HYPERVISOR   BIT(31)
#define EDX1_APIC         BIT(9)
#define EDX1_HTT          BIT(28)
#define ECX1_AVX          (BIT(28) | BIT(12) | BIT(29)) // AVX, FMA, F16C
#define EAXD_XSAVEC       BIT(1)                        // leaf Dh, subleaf 1
#define EBX7_AVX512       (BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31))

#define XCR0_AVX    6ull
#define XCR0_AVX512 0xe6ull
#define XCR0_KNOWN  0xe7ull

#define LEAVES_BASIC_MAX    0xdu
#define LEAVES_EXTENDED_MAX 0x80000008u

// The allowlist: which bits of the host's answer pass, and which are set besides. Leaves that are not here read zeros.
static const struct {
    uint32_t leaf, subleaf;
    struct cpuid_result pass, set;
} allowed[] = {
    {0x0, 0, {0, ~0u, ~0u, ~0u}, {0}},
    // SSE3 PCLMUL SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND; FPU..PGE MCA CMOV PAT PSE36
    // CLFSH MMX FXSR SSE SSE2. Not: MONITOR, VMX, performance counters, debug store.
    {0x1,
     0,
     {~0u, 0xff00, 0x76da3203, 0x078bfbff},
     {0, 0, ECX1_TSC_DEADLINE | ECX1_X2APIC | ECX1_HYPERVISOR, EDX1_APIC}},
    {0x2, 0, {~0u, ~0u, ~0u, ~0u}, {0}},
    {0x4, 0, {0x3fff, ~0u, ~0u, ~0u}, {0}},
    {0x4, 1, {0x3fff, ~0u, ~0u, ~0u}, {0}},
    {0x4, 2, {0x3fff, ~0u, ~0u, ~0u}, {0}},
    {0x4, 3, {0x3fff, ~0u, ~0u, ~0u}, {0}},
    {0x6, 0, {0}, {BIT(2), 0, 0, 0}}, // ARAT
    // FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS INVPCID AVX512 RDSEED ADX SMAP CLFLUSHOPT CLWB SHA; UMIP GFNI VAES VPCLMULQDQ.
    // TSC_ADJUST is emulated.
    {0x7, 0, {0, 0xf1bf07a9, BIT(2) | BIT(8) | BIT(9) | BIT(10), 0}, {0, BIT(1), 0, 0}},
    {0x80000000, 0, {0, ~0u, ~0u, ~0u}, {0}},
    // LAHF AltMovCr8 ABM SSE4A MISALIGNSSE PREFETCHW XOP FMA4 TBM; SYSCALL NX MMXEXT PDPE1GB LM and what repeats
    // leaf 1. Not: SVM, RDTSCP, which needs TSC_AUX.
    {0x80000001, 0, {~0u, ~0u, 0x002109f1, 0x25d3fbff}, {0}},
    {0x80000002, 0, {~0u, ~0u, ~0u, ~0u}, {0}},
    {0x80000003, 0, {~0u, ~0u, ~0u, ~0u}, {0}},
    {0x80000004, 0, {~0u, ~0u, ~0u, ~0u}, {0}},
    {0x80000005, 0, {~0u, ~0u, ~0u, ~0u}, {0}},
    {0x80000006, 0, {~0u, ~0u, ~0u, ~0u}, {0}},
    {0x80000007, 0, {0, 0, 0, BIT(8)}, {0}}, // invariant TSC
    {0x80000008, 0, {0xffff, BIT(0), 0, 0}, {0}},
};

// The answer of the CPU that this runs on, as far as all of them agree.
static struct cpuid_result host_read(const struct cpuid_settings *settings, uint32_t leaf, uint32_t subleaf) {
    struct cpuid_result r = settings->host(leaf, subleaf);
    uint32_t *const words[] = {[BOOT_EAX] = &r.eax, [BOOT_EBX] = &r.ebx, [BOOT_ECX] = &r.ecx, [BOOT_EDX] = &r.edx};
    for (unsigned i = 0; i < BOOT_FEATURES; i++) {
        const struct boot_feature *feature = &settings->features[i];
        if (feature->leaf == leaf && feature->subleaf == subleaf)
            *words[feature->reg % 4] &= feature->bits;
    }
    return r;
}

static struct cpuid_leaf *leaf_find(struct cpuid *cpuid, uint32_t leaf, uint32_t subleaf) {
    for (unsigned i = 0; i < cpuid->count; i++)
        if (cpuid->leaves[i].leaf == leaf && cpuid->leaves[i].subleaf == subleaf)
            return &cpuid->leaves[i];
    return NULL;
}

static void leaf_add(struct cpuid *cpuid, uint32_t leaf, uint32_t subleaf, struct cpuid_result result) {
    if (cpuid->count < CPUID_LEAVES_MAX)
        cpuid->leaves[cpuid->count++] = (struct cpuid_leaf){leaf, subleaf, result};
}

static unsigned bits_for(unsigned vcpus) {
    unsigned bits = 0;
    while (1u << bits < vcpus)
        bits++;
    return bits;
}

static void topology_set(struct cpuid *cpuid) {
    unsigned vcpus = cpuid->vcpus, bits = bits_for(vcpus);
    struct cpuid_leaf *leaf = leaf_find(cpuid, 0x1, 0);
    leaf->result.ebx |= 1u << bits << 16;
    if (vcpus > 1)
        leaf->result.edx |= EDX1_HTT;
    for (unsigned subleaf = 0; subleaf < 4; subleaf++) {
        leaf = leaf_find(cpuid, 0x4, subleaf);
        if (leaf && leaf->result.eax)
            leaf->result.eax |= ((1u << bits) - 1) << 26;
    }
    leaf_add(cpuid, 0xb, 0, (struct cpuid_result){0, 1, 0x100, 0});
    leaf_add(cpuid, 0xb, 1, (struct cpuid_result){bits, vcpus, 0x201, 0});
    leaf_add(cpuid, 0xb, 2, (struct cpuid_result){0, 0, 2, 0});
    leaf = leaf_find(cpuid, 0x80000008, 0);
    if (leaf && !cpuid->intel)
        leaf->result.ecx = bits << 12 | (vcpus - 1);
    leaf = leaf_find(cpuid, 0x80000001, 0);
    if (leaf && !cpuid->intel && vcpus > 1)
        leaf->result.ecx |= BIT(1); // CmpLegacy
}

static void xsave_set(struct cpuid *cpuid, const struct cpuid_settings *settings) {
    struct cpuid_leaf *leaf = leaf_find(cpuid, 0x1, 0);
    uint64_t xcr0 = settings->host_xcr0 & XCR0_KNOWN;
    if ((xcr0 & XCR0_AVX512) != XCR0_AVX512)
        xcr0 &= 7;
    if (!(leaf->result.ecx & ECX1_XSAVE) || cpuid->basic_max < 0xd)
        xcr0 = 0;
    cpuid->xcr0_allowed = xcr0;
    if (!xcr0)
        leaf->result.ecx &= ~ECX1_XSAVE;
    if ((xcr0 & XCR0_AVX) != XCR0_AVX) {
        leaf->result.ecx &= ~ECX1_AVX;
        leaf_find(cpuid, 0x7, 0)->result.ebx &= ~BIT(5);
        leaf_find(cpuid, 0x7, 0)->result.ecx &= ~(BIT(9) | BIT(10));
        if (leaf_find(cpuid, 0x80000001, 0))
            leaf_find(cpuid, 0x80000001, 0)->result.ecx &= ~(BIT(11) | BIT(16));
    }
    if ((xcr0 & XCR0_AVX512) != XCR0_AVX512)
        leaf_find(cpuid, 0x7, 0)->result.ebx &= ~EBX7_AVX512;
    if (!xcr0)
        return;
    uint32_t size = 576;
    for (unsigned component = 2; component < 8; component++) {
        if (!(xcr0 >> component & 1))
            continue;
        struct cpuid_result host = host_read(settings, 0xd, component);
        host.ecx = host.edx = 0; // not of XSS
        leaf_add(cpuid, 0xd, component, host);
        if (host.eax + host.ebx > size)
            size = host.eax + host.ebx;
    }
    leaf_add(cpuid, 0xd, 0, (struct cpuid_result){(uint32_t)xcr0, 0, size, 0});
    // XSAVEOPT, XSAVEC, XGETBV with ECX = 1; not XSAVES
    uint32_t offered = BIT(0) | (settings->xsavec ? EAXD_XSAVEC : 0) | BIT(2);
    leaf_add(cpuid, 0xd, 1, (struct cpuid_result){host_read(settings, 0xd, 1).eax & offered, 0, 0, 0});
}

// Bits of CR4 and the features that they turn on (SDM 3A 2.5).
static void cr4_set(struct cpuid *cpuid) {
    const struct cpuid_result *one = &leaf_find(cpuid, 0x1, 0)->result, *seven = &leaf_find(cpuid, 0x7, 0)->result;
    const struct {
        uint32_t offered, bits;
    } features[] = {
        {one->edx & BIT(1), BIT(0) | BIT(1)}, // VME: VME, PVI
        {one->edx & BIT(4), BIT(2)},          // TSC: TSD
        {one->edx & BIT(2), BIT(3)},          // DE
        {one->edx & BIT(3), BIT(4)},          // PSE
        {one->edx & BIT(6), BIT(5)},          // PAE
        {one->edx & BIT(7), BIT(6)},          // MCE
        {one->edx & BIT(13), BIT(7)},         // PGE
        {1, BIT(8)},                          // PCE
        {one->edx & BIT(24), BIT(9)},         // FXSR: OSFXSR
        {one->edx & BIT(25), BIT(10)},        // SSE: OSXMMEXCPT
        {seven->ecx & BIT(2), BIT(11)},       // UMIP
        {seven->ebx & BIT(0), BIT(16)},       // FSGSBASE
        {one->ecx & BIT(17), BIT(17)},        // PCID: PCIDE
        {one->ecx & ECX1_XSAVE, BIT(18)},     // OSXSAVE
        {seven->ebx & BIT(7), BIT(20)},       // SMEP
        {seven->ebx & BIT(20), BIT(21)},      // SMAP
    };
    for (unsigned i = 0; i < sizeof features / sizeof *features; i++)
        cpuid->cr4_allowed |= features[i].offered ? features[i].bits : 0;
}

static void hypervisor_set(struct cpuid *cpuid, const struct cpuid_settings *settings) {
    struct cpuid_result signature = {CPUID_HYPERVISOR_CLOCK, 0, 0, 0};
    memcpy(&signature.ebx, "KVMK", 4);
    memcpy(&signature.ecx, "VMKV", 4);
    memcpy(&signature.edx, "M\0\0\0", 4);
    uint32_t features =
        KVM_FEATURE_CLOCKSOURCE | KVM_FEATURE_NOP_IO_DELAY | KVM_FEATURE_CLOCKSOURCE2 | KVM_FEATURE_CLOCKSOURCE_STABLE;
    leaf_add(cpuid, CPUID_HYPERVISOR, 0, signature);
    leaf_add(cpuid, CPUID_KVM_FEATURES, 0, (struct cpuid_result){features, 0, 0, 0});
    leaf_add(cpuid, CPUID_HYPERVISOR_CLOCK, 0, (struct cpuid_result){settings->tsc_khz, 1000000, 0, 0});
}

void cpuid_init(struct cpuid *cpuid, const struct cpuid_settings *settings) {
    struct cpuid_result basic = host_read(settings, 0, 0), extended = host_read(settings, 0x80000000, 0);
    memset(cpuid, 0, sizeof *cpuid);
    cpuid->vcpus = settings->vcpus;
    cpuid->intel = basic.ebx == 0x756e6547; // Genu
    cpuid->basic_max = LEAVES_BASIC_MAX < basic.eax ? LEAVES_BASIC_MAX : basic.eax;
    if (cpuid->basic_max < 7)
        cpuid->basic_max = 7; // what is emulated is there in any case
    cpuid->extended_max = LEAVES_EXTENDED_MAX < extended.eax ? LEAVES_EXTENDED_MAX : extended.eax;
    for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        uint32_t number = allowed[i].leaf;
        bool intel_only = number == 0x2 || number == 0x4;
        bool at_host = number >> 31 ? number <= extended.eax : number <= basic.eax;
        if ((intel_only && !cpuid->intel) || (number >> 31 && !at_host))
            continue;
        struct cpuid_result host = {0}, pass = allowed[i].pass, set = allowed[i].set;
        if (at_host)
            host = host_read(settings, number, allowed[i].subleaf);
        leaf_add(cpuid, number, allowed[i].subleaf,
                 (struct cpuid_result){(host.eax & pass.eax) | set.eax, (host.ebx & pass.ebx) | set.ebx,
                                       (host.ecx & pass.ecx) | set.ecx, (host.edx & pass.edx) | set.edx});
    }
    leaf_find(cpuid, 0, 0)->result.eax = cpuid->basic_max;
    struct cpuid_leaf *leaf = leaf_find(cpuid, 0x80000000, 0);
    if (leaf)
        leaf->result.eax = cpuid->extended_max;
    leaf = leaf_find(cpuid, 0x80000008, 0);
    cpuid->physical_bits = leaf && leaf->result.eax & 0xff ? (uint8_t)leaf->result.eax : 36;
    if (cpuid->physical_bits > 52)
        cpuid->physical_bits = 52;
    if (!settings->x2apic)
        leaf_find(cpuid, 1, 0)->result.ecx &= ~(ECX1_X2APIC | ECX1_TSC_DEADLINE);
    topology_set(cpuid);
    xsave_set(cpuid, settings);
    cr4_set(cpuid);
    hypervisor_set(cpuid, settings);
}

// Bytes that XSAVE of the enabled components needs, and XSAVEC of them.
static uint32_t xsave_size(const struct cpuid *cpuid, uint64_t xcr0, bool compacted) {
    uint32_t size = 576;
    for (unsigned i = 0; i < cpuid->count; i++) {
        const struct cpuid_leaf *leaf = &cpuid->leaves[i];
        if (leaf->leaf != 0xd || leaf->subleaf < 2 || !(xcr0 >> leaf->subleaf & 1))
            continue;
        uint32_t end = (compacted ? size : leaf->result.ebx) + leaf->result.eax;
        size = end > size ? end : size;
    }
    return size;
}

struct cpuid_result cpuid_read(const struct cpuid *cpuid, const struct cpuid_vcpu *vcpu, uint32_t leaf,
                               uint32_t subleaf) {
    struct cpuid_result result = {0};
    bool indexed = leaf == 0x4 || leaf == 0x7 || leaf == 0xb || leaf == 0xd;
    for (unsigned i = 0; i < cpuid->count; i++) {
        if (cpuid->leaves[i].leaf == leaf && (!indexed || cpuid->leaves[i].subleaf == subleaf)) {
            result = cpuid->leaves[i].result;
            break;
        }
    }
    switch (leaf) {
    case 0x1:
        result.ebx |= vcpu->index << 24;
        if (vcpu->cr4 & CR4_OSXSAVE)
            result.ecx |= ECX1_OSXSAVE;
        if (!vcpu->apic_enabled)
            result.edx &= ~EDX1_APIC;
        break;
    case 0xb:
        result.ecx = (result.ecx & ~0xffu) | (subleaf & 0xff);
        result.edx = vcpu->index;
        break;
    case 0xd:
        if (subleaf == 0 && cpuid->xcr0_allowed)
            result.ebx = xsave_size(cpuid, vcpu->xcr0, false);
        if (subleaf == 1 && (result.eax & EAXD_XSAVEC))
            result.ebx = xsave_size(cpuid, vcpu->xcr0, true);
        break;
    default:
        break;
    }
    return result;
}
