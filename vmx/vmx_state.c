// Transfer of a vCPU's state between its page and the VMCS, group by group.
#include "kernel/exception.h"
#include "kernel/instructions.h"
#include "vmx/vmx.h"
#include "vmx/vmx_control.h"

#define DR7_RESERVED 0xffffffff0000d800ull

#define ATTRIBUTE_CODE_OR_DATA (1u << 4)
#define ATTRIBUTE_ACCESSED     (1u << 0)
#define ATTRIBUTE_PRESENT      (1u << 7)
#define ATTRIBUTE_DPL_SHIFT    5
#define TASK_BUSY              2u

// Fields that are copied as they are.
static const struct field {
    uint16_t page, group;
    uint32_t vmcs;
} fields[] = {
#define FIELD(page_field, vmcs_field, group)                                                                           \
    { offsetof(struct vcpu_page, page_field), group, vmcs_field }
    FIELD(sysenter_cs, VMCS_GUEST_SYSENTER_CS, GROUP_MSR),
    FIELD(sysenter_esp, VMCS_GUEST_SYSENTER_ESP, GROUP_MSR),
    FIELD(sysenter_eip, VMCS_GUEST_SYSENTER_EIP, GROUP_MSR),
    FIELD(pat, VMCS_GUEST_PAT, GROUP_MSR),
    FIELD(tsc_offset, VMCS_TSC_OFFSET, GROUP_TSC),
    FIELD(gdtr.base, VMCS_GUEST_BASE(VMCS_GDTR), GROUP_TABLE),
    FIELD(idtr.base, VMCS_GUEST_BASE(VMCS_IDTR), GROUP_TABLE),
#undef FIELD
};

// MSRs of the switched list, in its order (vmx.c).
static const uint16_t switched[SWITCHED_MSRS] = {
    offsetof(struct vcpu_page, star),   offsetof(struct vcpu_page, lstar),          offsetof(struct vcpu_page, cstar),
    offsetof(struct vcpu_page, sfmask), offsetof(struct vcpu_page, kernel_gs_base),
};

// What the processor uses and is 0 for good, or until the VMM says otherwise. Fields that a processor lacks take no
// value.
static const uint32_t zero_fields[] = {
    VMCS_PAGE_FAULT_MASK,
    VMCS_PAGE_FAULT_MATCH,
    VMCS_CR3_TARGETS,
    VMCS_ENTRY_EVENT,
    VMCS_TPR_THRESHOLD,
    VMCS_TSC_OFFSET,
    VMCS_EOI_EXIT(0),
    VMCS_EOI_EXIT(1),
    VMCS_EOI_EXIT(2),
    VMCS_EOI_EXIT(3),
    VMCS_INTERRUPT_STATUS,
    VMCS_CR4_SHADOW,
    VMCS_GUEST_RSP,
    VMCS_GUEST_DEBUGCTL,
    VMCS_INTERRUPTIBILITY,
    VMCS_ACTIVITY,
    VMCS_PENDING_DEBUG,
    VMCS_HOST_SELECTOR(SEGMENT_FS),
    VMCS_HOST_SELECTOR(SEGMENT_GS),
    VMCS_HOST_FS_BASE,
    VMCS_HOST_SYSENTER_CS,
    VMCS_HOST_SYSENTER_ESP,
    VMCS_HOST_SYSENTER_EIP,
};

#define COPIED_GROUPS (GROUP_SEGMENT | GROUP_TABLE | GROUP_MSR | GROUP_DEBUG | GROUP_TSC)

static uint64_t *word(struct vcpu_page *page, uint16_t offset) {
    return (uint64_t *)(void *)((char *)page + offset);
}

// Attributes are bits 0..7 and 8..11 of what the VMCS has in 0..7 and 12..15; no P is unusable. The checks at entry
// want segments marked as accessed and TR busy, as loading them would have (SDM 3C 29.3.1.2).
static void load_segment(const struct vcpu_page *page, enum vcpu_segment_name name) {
    struct vcpu_segment s = page->segment[name];
    uint32_t attributes = s.attributes;
    if (name == SEGMENT_TR)
        attributes |= ATTRIBUTE_PRESENT | TASK_BUSY;
    else if (attributes & ATTRIBUTE_CODE_OR_DATA)
        attributes |= ATTRIBUTE_ACCESSED;
    uint32_t rights = (attributes & 0xff) | (attributes & 0xf00) << 4;
    if (!(attributes & ATTRIBUTE_PRESENT))
        rights |= RIGHTS_UNUSABLE;
    vmwrite(VMCS_GUEST_SELECTOR(name), s.selector);
    vmwrite(VMCS_GUEST_LIMIT(name), s.limit);
    vmwrite(VMCS_GUEST_BASE(name), s.base);
    vmwrite(VMCS_GUEST_RIGHTS(name), rights);
}

static void store_segment(struct vcpu_page *page, enum vcpu_segment_name name) {
    uint32_t rights = (uint32_t)vmread(VMCS_GUEST_RIGHTS(name)), attributes = (rights & 0xff) | (rights >> 4 & 0xf00);
    if (rights & RIGHTS_UNUSABLE)
        attributes &= ~ATTRIBUTE_PRESENT;
    page->segment[name] = (struct vcpu_segment){
        (uint16_t)vmread(VMCS_GUEST_SELECTOR(name)),
        (uint16_t)attributes,
        (uint32_t)vmread(VMCS_GUEST_LIMIT(name)),
        vmread(VMCS_GUEST_BASE(name)),
    };
}

static const enum vcpu_segment_name data_segments[] = {SEGMENT_ES, SEGMENT_DS,   SEGMENT_FS,
                                                       SEGMENT_GS, SEGMENT_LDTR, SEGMENT_TR};

void vmx_zero_fields(void) {
    for (unsigned i = 0; i < sizeof(zero_fields) / sizeof(zero_fields[0]); i++)
        vmwrite(zero_fields[i], 0);
}

uint64_t vmx_real_cr0(uint64_t cr0) {
    return (cr0 & 0xffffffff & ~(CR0_NW | CR0_CD)) | vmx_features.cr0_fixed;
}

uint64_t vmx_real_cr4(uint64_t cr4) {
    return ((cr4 & VCPU_CR4) | vmx_features.cr4_fixed | CR4_MCE) & vmx_features.cr4_allowed;
}

static void load_rip(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    const struct vcpu_page *page = vcpu->page;
    uint64_t rflags = (page->rflags & 0x3f7fd5) | RFLAGS_FIXED, blocked = 0, pending = 0;
    if (page->interruptibility & VCPU_SHADOW) {
        blocked = rflags & RFLAGS_IF ? BLOCKED_BY_STI : BLOCKED_BY_MOV_SS;
        pending = rflags & RFLAGS_TF ? PENDING_DEBUG_BS : 0;
    }
    if (page->interruptibility & VCPU_NMI_BLOCKED)
        blocked |= BLOCKED_BY_NMI;
    vmwrite(VMCS_GUEST_RIP, page->rip);
    if (v->rflags != rflags)
        vmwrite(VMCS_GUEST_RFLAGS, rflags);
    if (v->interruptibility | blocked | (v->rflags & RFLAGS_TF)) // else exits leave nothing pending
        vmwrite(VMCS_PENDING_DEBUG, pending);
    v->rflags = rflags;
    vmx_set_interruptibility(v, blocked);
}

// Then entries take the four page-directory pointers from the VMCS, exits leave them there (SDM 3C 29.3.1.6, 30.3.4).
static bool pae_paging(const struct vcpu_page *page) {
    return (page->cr0 & CR0_PG) && (page->cr4 & CR4_PAE) && !(page->efer & EFER_LMA);
}

static void load_control(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    const struct vcpu_page *page = vcpu->page;
    v->cr0_shadow = page->cr0;
    v->cr4_shadow = page->cr4;
    v->cr2 = page->cr2;
    vmwrite(VMCS_CR0_SHADOW, page->cr0);
    vmwrite(VMCS_CR4_SHADOW, page->cr4);
    vmwrite(VMCS_GUEST_CR0, vmx_real_cr0(page->cr0));
    vmwrite(VMCS_GUEST_CR4, vmx_real_cr4(page->cr4));
    vmwrite(VMCS_GUEST_CR3, page->cr3);
    vmwrite(VMCS_GUEST_EFER, page->efer);
    for (unsigned i = 0; pae_paging(page) && i < 4; i++)
        vmwrite(VMCS_GUEST_PDPTE(i), page->pdpte[i]);
    vmwrite(VMCS_ENTRY_CONTROLS, vmx_features.entry | (page->efer & EFER_LMA ? ENTRY_IA32E : 0));
    vcpu->asid_generation = 0; // the guest's own translations change: a new VPID
}

// What belongs together with tables of the VMCS layout.
static void load_copied(struct vcpu *vcpu, uint32_t groups) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (groups & fields[i].group)
            vmwrite(fields[i].vmcs, *word(page, fields[i].page));
    if (groups & GROUP_SEGMENT)
        for (unsigned i = 0; i < sizeof(data_segments) / sizeof(data_segments[0]); i++)
            load_segment(page, data_segments[i]);
    if (groups & GROUP_TABLE) {
        vmwrite(VMCS_GUEST_LIMIT(VMCS_GDTR), page->gdtr.limit & 0xffff);
        vmwrite(VMCS_GUEST_LIMIT(VMCS_IDTR), page->idtr.limit & 0xffff);
    }
    if (groups & GROUP_MSR)
        for (unsigned i = 0; i < SWITCHED_MSRS; i++)
            v->msrs[i].value = *word(page, switched[i]);
    if (groups & GROUP_DEBUG) {
        vmwrite(VMCS_GUEST_DR7, (page->dr7 & ~DR7_RESERVED) | DR7_FIXED);
        v->dr6 = vmx_dr6(page->dr6);
        write_dr0(page->dr[0]);
        write_dr1(page->dr[1]);
        write_dr2(page->dr[2]);
        write_dr3(page->dr[3]);
    }
}

void vmx_load(struct vcpu *vcpu, uint32_t groups) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    vmx_make_current(vcpu);
    if (v->rsp != page->gpr[RSP]) {
        v->rsp = page->gpr[RSP];
        vmwrite(VMCS_GUEST_RSP, v->rsp);
    }
    if (!groups)
        return;
    if (groups & GROUP_RIP)
        load_rip(vcpu);
    if (groups & GROUP_CONTROL)
        load_control(vcpu);
    if (groups & GROUP_CS_SS) {
        load_segment(page, SEGMENT_CS);
        page->segment[SEGMENT_SS].attributes =
            (uint16_t)((page->segment[SEGMENT_SS].attributes & ~0x60u) | (page->cpl & 3) << ATTRIBUTE_DPL_SHIFT);
        load_segment(page, SEGMENT_SS);
    }
    if (groups & COPIED_GROUPS)
        load_copied(vcpu, groups);
    if (groups & GROUP_APIC)
        vmx_apic_load(vcpu);
    if (groups & GROUP_INTERCEPT)
        vmwrite(VMCS_EXCEPTION_BITMAP, exception_intercepts(vcpu->exception_intercepts));
}

// What every exit of the VMM's brings, but RIP; inline for these.
static inline __attribute__((always_inline)) void export_always(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    uint64_t blocked = v->interruptibility;
    page->gpr[RSP] = v->rsp = vmread(VMCS_GUEST_RSP);
    page->rflags = v->rflags = vmread(VMCS_GUEST_RFLAGS);
    page->interruptibility = (blocked & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS) ? VCPU_SHADOW : 0) |
                             (blocked & BLOCKED_BY_NMI ? VCPU_NMI_BLOCKED : 0);
    page->event = vcpu->event;
}

static void export_control(struct vcpu *vcpu) {
    const struct vmx_vcpu *v = vmx_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    page->cr0 = (vmread(VMCS_GUEST_CR0) & ~CR0_OWNED) | (v->cr0_shadow & CR0_OWNED);
    page->cr2 = v->cr2;
    page->cr3 = vmread(VMCS_GUEST_CR3);
    page->cr4 = (vmread(VMCS_GUEST_CR4) & ~CR4_OWNED) | (v->cr4_shadow & CR4_OWNED);
    page->efer = vmread(VMCS_GUEST_EFER);
    for (unsigned i = 0; pae_paging(page) && i < 4; i++)
        page->pdpte[i] = vmread(VMCS_GUEST_PDPTE(i));
}

static void export_cs_ss(struct vcpu_page *page) {
    store_segment(page, SEGMENT_CS);
    store_segment(page, SEGMENT_SS);
    page->cpl = page->segment[SEGMENT_SS].attributes >> ATTRIBUTE_DPL_SHIFT & 3;
}

static void read_debug_addresses(struct vcpu_page *page) {
    page->dr[0] = read_dr0();
    page->dr[1] = read_dr1();
    page->dr[2] = read_dr2();
    page->dr[3] = read_dr3();
}

// The groups that not every exit brings.
static void export_more(struct vcpu *vcpu, uint32_t groups) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    if (groups & GROUP_CONTROL)
        export_control(vcpu);
    if (groups & GROUP_CS_SS)
        export_cs_ss(page);
    if (!(groups & COPIED_GROUPS))
        return;
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (groups & fields[i].group)
            *word(page, fields[i].page) = vmread(fields[i].vmcs);
    if (groups & GROUP_SEGMENT)
        for (unsigned i = 0; i < sizeof(data_segments) / sizeof(data_segments[0]); i++)
            store_segment(page, data_segments[i]);
    if (groups & GROUP_TABLE) {
        page->gdtr.limit = (uint32_t)vmread(VMCS_GUEST_LIMIT(VMCS_GDTR));
        page->idtr.limit = (uint32_t)vmread(VMCS_GUEST_LIMIT(VMCS_IDTR));
    }
    if (groups & GROUP_MSR)
        for (unsigned i = 0; i < SWITCHED_MSRS; i++)
            *word(page, switched[i]) = v->msrs[i].value;
    if (groups & GROUP_DEBUG) {
        page->dr7 = vmread(VMCS_GUEST_DR7);
        page->dr6 = v->dr6;
    }
}

void vmx_export(struct vcpu *vcpu, int reason) {
    const struct vmx_vcpu *v = vmx_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    uint32_t groups = exit_groups(page, reason) & (GROUP_HOT | COPIED_GROUPS);
    if (v->entry_failed || !vmx_has_length(v->reason))
        page->rip = vmread(VMCS_GUEST_RIP);
    export_always(vcpu);
    page->valid = groups;
    if (groups & ~GROUP_ALWAYS)
        export_more(vcpu, groups);
    if (groups & GROUP_DEBUG)
        read_debug_addresses(page); // the guest's are still on this CPU
}

void vmx_fetch(struct vcpu *vcpu, uint32_t groups) {
    vmx_make_current(vcpu);
    if ((groups & GROUP_ALWAYS) == GROUP_ALWAYS) {
        vcpu->page->rip = vmread(VMCS_GUEST_RIP);
        export_always(vcpu);
    }
    export_more(vcpu, groups);
    if ((groups & GROUP_DEBUG) && vcpu->runner)
        read_debug_addresses(vcpu->page); // the runner's CPU asks
    vcpu->page->valid |= groups & (GROUP_HOT | COPIED_GROUPS);
}
