// The table of MSRs. Numbers and names: SDM 4, APM 2 appendix A, Linux Documentation/virt/kvm/x86/msr.rst.
#include "dom0/vmm/msr.h"
#include "dom0/vmm/mtrr.h"
#include "dom0/vmm/page_walk.h"
#include "lib/string.h"

typedef bool read_function(struct msr *msr, uint32_t number, uint64_t *value);
typedef bool write_function(struct msr *msr, uint32_t number, uint64_t value);

enum msr_kind {
    MSR_FIELD,    // of the vCPU page, at `at` in group `group`
    MSR_STORED,   // memory only; `mask`: bits that may be set; value after reset
    MSR_MTRR,     // memory only, for what mtrr_takes
    MSR_CONSTANT, // reads as `value`, writes are ignored
    MSR_READ_ONLY,
    MSR_FUNCTION,
};

#define ANY   0u
#define INTEL 1u
#define AMD   2u

struct msr_entry {
    uint32_t first, last;
    uint8_t kind, vendor;
    uint16_t at; // FIELD: offset in the page; STORED, MTRR: index in stored[]
    uint32_t group;
    uint64_t value, mask;
    read_function *read;
    write_function *write;
};

static bool address_canonical(uint64_t value) {
    return (uint64_t)((int64_t)(value << 16) >> 16) == value;
}

// ---- Registers with a meaning

static bool write_efer(struct msr *msr, uint32_t number, uint64_t value) {
    struct vcpu_page *cpu = msr->cpu;
    if (value & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE) || !msr->host->need(msr->host->context, GROUP_CONTROL))
        return false;
    if (((value ^ cpu->efer) & EFER_LME) && (cpu->cr0 & CR0_PG))
        return false;
    cpu->efer = (value & ~EFER_LMA) | (cpu->efer & EFER_LMA);
    cpu->dirty |= GROUP_CONTROL;
    return true;
}

static bool read_efer(struct msr *msr, uint32_t number, uint64_t *value) {
    if (!msr->host->need(msr->host->context, GROUP_CONTROL))
        return false;
    *value = msr->cpu->efer & ~EFER_SVME;
    return true;
}

static bool memory_type_valid(uint64_t type) {
    return type <= 7 && type != 2 && type != 3;
}

static bool write_pat(struct msr *msr, uint32_t number, uint64_t value) {
    for (unsigned i = 0; i < 8; i++)
        if (!memory_type_valid(value >> (8 * i) & 0xff))
            return false;
    if (!msr->host->need(msr->host->context, GROUP_MSR))
        return false;
    msr->cpu->pat = value;
    msr->cpu->dirty |= GROUP_MSR;
    return true;
}

static bool read_tsc(struct msr *msr, uint32_t number, uint64_t *value) {
    *value = msr->host->guest_tsc(msr->host->context) + msr->s.tsc_adjust;
    return true;
}

static bool set_adjust(struct msr *msr, uint64_t adjust) {
    msr->s.tsc_adjust = adjust;
    msr->host->adjust_changed(msr->host->context);
    return true;
}

static bool write_tsc(struct msr *msr, uint32_t number, uint64_t value) {
    return set_adjust(msr, value - msr->host->guest_tsc(msr->host->context));
}

static bool read_tsc_adjust(struct msr *msr, uint32_t number, uint64_t *value) {
    *value = msr->s.tsc_adjust;
    return true;
}

static bool write_tsc_adjust(struct msr *msr, uint32_t number, uint64_t value) {
    return set_adjust(msr, value);
}

static bool read_clock_page(struct msr *msr, uint32_t number, uint64_t *value) {
    *value = msr->s.clock_page;
    return true;
}

static bool write_clock_page(struct msr *msr, uint32_t number, uint64_t value) {
    msr->s.clock_page = value;
    msr->host->clock_page_changed(msr->host->context);
    return true;
}

static bool read_wall_clock(struct msr *msr, uint32_t number, uint64_t *value) {
    *value = msr->s.wall_clock;
    return true;
}

static bool write_wall_clock(struct msr *msr, uint32_t number, uint64_t value) {
    msr->s.wall_clock = value;
    msr->host->wall_clock_changed(msr->host->context);
    return true;
}

static bool segment_base(struct msr *msr, uint32_t number, uint64_t **base) {
    if (!msr->host->need(msr->host->context, GROUP_SEGMENT))
        return false;
    *base = &msr->cpu->segment[number == 0xc0000100 ? SEGMENT_FS : SEGMENT_GS].base;
    return true;
}

static bool read_segment_base(struct msr *msr, uint32_t number, uint64_t *value) {
    uint64_t *base;
    if (!segment_base(msr, number, &base))
        return false;
    *value = *base;
    return true;
}

static bool write_segment_base(struct msr *msr, uint32_t number, uint64_t value) {
    uint64_t *base;
    if (!address_canonical(value) || !segment_base(msr, number, &base))
        return false;
    *base = value;
    msr->cpu->dirty |= GROUP_SEGMENT;
    return true;
}

// ---- The table

#define FIELD(number, name)                                                                                            \
    { number, number, MSR_FIELD, ANY, offsetof(struct vcpu_page, name), GROUP_MSR, 0, UINT64_MAX, NULL, NULL }
#define STORED(first, last, vendor, index, value, mask)                                                                \
    { first, last, MSR_STORED, vendor, index, 0, value, mask, NULL, NULL }
#define MTRR(first, last, index)                                                                                       \
    { first, last, MSR_MTRR, ANY, index, 0, 0, 0, NULL, NULL }
#define CONSTANT(number, vendor, value)                                                                                \
    { number, number, MSR_CONSTANT, vendor, 0, 0, value, 0, NULL, NULL }
#define READ_ONLY(number, vendor, value)                                                                               \
    { number, number, MSR_READ_ONLY, vendor, 0, 0, value, 0, NULL, NULL }
#define FUNCTION(number, read, write)                                                                                  \
    { number, number, MSR_FUNCTION, ANY, 0, 0, 0, 0, read, write }

static const struct msr_entry entries[] = {
    FUNCTION(0x10, read_tsc, write_tsc), // TIME_STAMP_COUNTER
    READ_ONLY(0x17, INTEL, 0),           // IA32_PLATFORM_ID
    CONSTANT(0x2a, INTEL, 0),            // EBL_CR_POWERON
    READ_ONLY(0x3a, INTEL, 1),           // IA32_FEATURE_CONTROL: locked, VMX off
    FUNCTION(0x3b, read_tsc_adjust, write_tsc_adjust),
    CONSTANT(0x8b, INTEL, 0x100000000), // IA32_BIOS_SIGN_ID
    CONSTANT(0x8b, AMD, 0x01000065),    // PATCH_LEVEL
    READ_ONLY(MSR_MTRR_CAP, ANY, MTRR_CAP_VALUE),
    FIELD(0x174, sysenter_cs),
    FIELD(0x175, sysenter_esp),
    FIELD(0x176, sysenter_eip),
    READ_ONLY(0x179, ANY, 0), // MCG_CAP: no banks
    STORED(0x17a, 0x17a, ANY, 0, 0, 7),
    STORED(0x1a0, 0x1a0, ANY, 1, 1, UINT64_MAX), // IA32_MISC_ENABLE: fast strings
    STORED(0x1d9, 0x1d9, ANY, 2, 0, 3),          // DEBUGCTL: LBR, BTF, without effect
    CONSTANT(0x1db, ANY, 0),                     // LastBranch and LastInt, from and to
    CONSTANT(0x1dc, ANY, 0),
    CONSTANT(0x1dd, ANY, 0),
    CONSTANT(0x1de, ANY, 0),
    MTRR(MSR_MTRR_VARIABLE, MSR_MTRR_VARIABLE + 2 * MTRR_VARIABLE_COUNT - 1, 3),
    MTRR(MSR_MTRR_FIXED, MSR_MTRR_FIXED, 19), // 512 KiB
    MTRR(0x258, 0x259, 20),                   // 256 KiB, in 16s
    MTRR(0x268, 0x26f, 22),                   // 256 KiB, in 4s
    {0x277, 0x277, MSR_FIELD, ANY, offsetof(struct vcpu_page, pat), GROUP_MSR, 0, UINT64_MAX, NULL, write_pat},
    MTRR(MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, 30),
    FUNCTION(0x11, read_wall_clock, write_wall_clock),       // MSR_KVM_WALL_CLOCK
    FUNCTION(0x12, read_clock_page, write_clock_page),       // MSR_KVM_SYSTEM_TIME
    FUNCTION(0x4b564d00, read_wall_clock, write_wall_clock), // MSR_KVM_WALL_CLOCK_NEW
    FUNCTION(0x4b564d01, read_clock_page, write_clock_page), // MSR_KVM_SYSTEM_TIME_NEW
    FUNCTION(0xc0000080, read_efer, write_efer),
    FIELD(0xc0000081, star),
    FIELD(0xc0000082, lstar),
    FIELD(0xc0000083, cstar),
    FIELD(0xc0000084, sfmask),
    FUNCTION(0xc0000100, read_segment_base, write_segment_base), // FS.BASE
    FUNCTION(0xc0000101, read_segment_base, write_segment_base), // GS.BASE
    FIELD(0xc0000102, kernel_gs_base),
    CONSTANT(0xc0010010, AMD, 0),                                 // SYSCFG
    STORED(0xc0010015, 0xc0010015, AMD, 31, 1 << 24, 0xffffffff), // HWCR: TscFreqSel
    CONSTANT(0xc001001a, AMD, 0),                                 // TOP_MEM
    CONSTANT(0xc001001d, AMD, 0),                                 // TOM2
    CONSTANT(0xc001001f, AMD, 0),                                 // NB_CFG1
    CONSTANT(0xc0010055, AMD, 0),                                 // interrupt pending message
    CONSTANT(0xc0010058, AMD, 0),                                 // MMIO configuration base
    READ_ONLY(0xc0010114, AMD, 0x18),                             // VM_CR: SVM is off, and locked
    STORED(0xc0011020, 0xc0011023, AMD, 32, 0, UINT64_MAX),       // LS, IC, DC, BU configuration
    STORED(0xc0011028, 0xc001102a, AMD, 36, 2, UINT64_MAX),       // FP_CFG, DE_CFG: LFENCE serializes; BU_CFG2
};

#define ENTRIES (sizeof entries / sizeof *entries)

static const struct msr_entry *entry_find(const struct msr *msr, uint32_t number) {
    for (unsigned i = 0; i < ENTRIES; i++) {
        const struct msr_entry *entry = &entries[i];
        if (number >= entry->first && number <= entry->last &&
            (entry->vendor == ANY || (entry->vendor == INTEL) == msr->intel))
            return entry;
    }
    return NULL;
}

void msr_reset(struct msr *msr) {
    memset(&msr->s, 0, sizeof msr->s);
    for (unsigned i = 0; i < ENTRIES; i++) {
        const struct msr_entry *entry = &entries[i];
        bool stored = entry->kind == MSR_STORED || entry->kind == MSR_MTRR;
        for (uint32_t n = entry->first; stored && n <= entry->last; n++)
            msr->s.stored[entry->at + (n - entry->first)] = entry->value;
    }
}

static uint64_t *entry_field(const struct msr *msr, const struct msr_entry *entry) {
    return (uint64_t *)(void *)((uint8_t *)msr->cpu + entry->at);
}

bool msr_read(struct msr *msr, uint32_t number, uint64_t *value) {
    const struct msr_host *host = msr->host;
    if (host->apic_has(number))
        return host->apic_read(host->context, number, value);
    const struct msr_entry *entry = entry_find(msr, number);
    if (!entry)
        return false;
    switch (entry->kind) {
    case MSR_FIELD:
        if (!host->need(host->context, entry->group))
            return false;
        *value = *entry_field(msr, entry);
        return true;
    case MSR_STORED:
    case MSR_MTRR:
        *value = msr->s.stored[entry->at + (number - entry->first)];
        return true;
    case MSR_FUNCTION:
        return entry->read(msr, number, value);
    default:
        *value = entry->value;
        return true;
    }
}

// Fields that hold addresses take only canonical ones.
static bool field_takes(uint32_t number, uint64_t value) {
    switch (number) {
    case 0x175:
    case 0x176:
    case 0xc0000082:
    case 0xc0000083:
    case 0xc0000102:
        return address_canonical(value);
    default:
        return true;
    }
}

bool msr_write(struct msr *msr, uint32_t number, uint64_t value) {
    const struct msr_host *host = msr->host;
    if (host->apic_has(number))
        return host->apic_write(host->context, number, value);
    const struct msr_entry *entry = entry_find(msr, number);
    if (!entry)
        return false;
    if (entry->write)
        return entry->write(msr, number, value);
    switch (entry->kind) {
    case MSR_FIELD:
        if (!field_takes(number, value) || !host->need(host->context, entry->group))
            return false;
        *entry_field(msr, entry) = value;
        msr->cpu->dirty |= entry->group;
        return true;
    case MSR_STORED:
    case MSR_MTRR:
        if (entry->kind == MSR_MTRR ? !mtrr_takes(number, value, msr->physical_bits) : (value & ~entry->mask) != 0)
            return false;
        msr->s.stored[entry->at + (number - entry->first)] = value;
        return true;
    case MSR_CONSTANT:
        return true;
    default:
        return false;
    }
}
