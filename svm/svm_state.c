// Transfer of a vCPU's state between its page and the VMCB, group by group.
#include "kernel/exception.h"
#include "kernel/instructions.h"
#include "lib/string.h"
#include "svm/svm.h"
#include "svm/svm_control.h"

#define DR7_RESERVED 0xffffffff0000d800ull

// Fields that are copied as they are.
static const struct field {
    uint16_t page, vmcb;
    uint16_t bytes;
    uint16_t group;
} fields[] = {
#define FIELD(page_field, vmcb_field, group)                                                                           \
    {                                                                                                                  \
        offsetof(struct vcpu_page, page_field), offsetof(struct vmcb, vmcb_field),                                     \
            sizeof(((struct vcpu_page *)0)->page_field), group                                                         \
    }
    FIELD(gdtr, gdtr, GROUP_TABLE),
    FIELD(idtr, idtr, GROUP_TABLE),
    FIELD(star, star, GROUP_MSR),
    FIELD(lstar, lstar, GROUP_MSR),
    FIELD(cstar, cstar, GROUP_MSR),
    FIELD(sfmask, sfmask, GROUP_MSR),
    FIELD(kernel_gs_base, kernel_gs_base, GROUP_MSR),
    FIELD(sysenter_cs, sysenter_cs, GROUP_MSR),
    FIELD(sysenter_esp, sysenter_esp, GROUP_MSR),
    FIELD(sysenter_eip, sysenter_eip, GROUP_MSR),
    FIELD(pat, pat, GROUP_MSR),
    FIELD(dr6, dr6, GROUP_DEBUG),
    FIELD(dr7, dr7, GROUP_DEBUG),
    FIELD(tsc_offset, tsc_offset, GROUP_TSC),
#undef FIELD
};

#define TABLE_GROUPS  (GROUP_TABLE | GROUP_MSR | GROUP_DEBUG | GROUP_TSC)
#define COPIED_GROUPS (GROUP_SEGMENT | TABLE_GROUPS)

static inline void copy_segment(struct vcpu_segment *page, struct vcpu_segment *vmcb, bool to_vmcb) {
    *(to_vmcb ? vmcb : page) = *(to_vmcb ? page : vmcb);
}

// Without the table: each exit for a device's memory brings them.
static inline void copy_segments(struct vcpu *vcpu, bool to_vmcb) {
    struct vcpu_segment *page = vcpu->page->segment;
    struct vmcb *vmcb = vmcb_of(vcpu);
    copy_segment(&page[SEGMENT_ES], &vmcb->es, to_vmcb);
    copy_segment(&page[SEGMENT_DS], &vmcb->ds, to_vmcb);
    copy_segment(&page[SEGMENT_FS], &vmcb->fs, to_vmcb);
    copy_segment(&page[SEGMENT_GS], &vmcb->gs, to_vmcb);
    copy_segment(&page[SEGMENT_LDTR], &vmcb->ldtr, to_vmcb);
    copy_segment(&page[SEGMENT_TR], &vmcb->tr, to_vmcb);
}

static void copy_fields(struct vcpu *vcpu, uint32_t groups, bool to_vmcb) {
    char *page = (char *)vcpu->page, *vmcb = vcpu->control;
    if (groups & GROUP_SEGMENT)
        copy_segments(vcpu, to_vmcb);
    if (!(groups & TABLE_GROUPS))
        return;
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const struct field *f = &fields[i];
        if (!(groups & f->group))
            continue;
        memcpy(to_vmcb ? vmcb + f->vmcb : page + f->page, to_vmcb ? page + f->page : vmcb + f->vmcb, f->bytes);
    }
}

void svm_load(struct vcpu *vcpu, uint32_t groups) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    const struct vcpu_page *page = vcpu->page;
    vmcb->rax = page->gpr[RAX];
    vmcb->rsp = page->gpr[RSP];
    if (groups & GROUP_RIP) {
        vmcb->rip = page->rip;
        vmcb->rflags = page->rflags;
        vmcb->interrupt_shadow = page->interruptibility & VCPU_SHADOW;
    }
    if (!(groups & ~GROUP_RIP))
        return;
    if (groups & GROUP_CONTROL) {
        vmcb->cr0 = page->cr0;
        vmcb->cr2 = page->cr2;
        vmcb->cr3 = page->cr3;
        vcpu->guest_cr4 = page->cr4 & VCPU_CR4;
        vmcb->cr4 = vcpu->guest_cr4 | CR4_MCE; // the host's machine check would be a shutdown without it
        vmcb->efer = page->efer | EFER_SVME;
        // QEMU restores the host's CR0 at #VMEXIT only if the guest could have set PG itself; without PG, PAE is
        // nothing.
        if ((vmcb->efer & EFER_LME) && !(vmcb->cr0 & CR0_PG))
            vmcb->cr4 |= CR4_PAE;
        vcpu->asid_generation = 0; // the guest's own translations change: a new ASID
    }
    if (groups & GROUP_CS_SS) {
        vmcb->cs = page->segment[SEGMENT_CS];
        vmcb->ss = page->segment[SEGMENT_SS];
        vmcb->cpl = (uint8_t)(page->cpl & 3);
    }
    if (groups & COPIED_GROUPS)
        copy_fields(vcpu, groups, true);
    if (groups & GROUP_DEBUG) {
        vmcb->dr7 = (vmcb->dr7 & ~DR7_RESERVED) | DR7_FIXED;
        write_dr0(page->dr[0]);
        write_dr1(page->dr[1]);
        write_dr2(page->dr[2]);
        write_dr3(page->dr[3]);
    }
    if (groups & GROUP_INTERCEPT)
        vmcb->intercept_exceptions = exception_intercepts(vcpu->exception_intercepts);
}

static void export_always(struct vcpu *vcpu) {
    const struct vmcb *vmcb = vmcb_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    page->rip = vmcb->rip;
    page->rflags = vmcb->rflags;
    page->interruptibility =
        ((vmcb->interrupt_shadow & 1) ? VCPU_SHADOW : 0) | (vcpu->nmi_blocked ? VCPU_NMI_BLOCKED : 0);
    page->event = vcpu->event;
}

static void export_control(struct vcpu *vcpu) {
    const struct vmcb *vmcb = vmcb_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    page->cr0 = vmcb->cr0;
    page->cr2 = vmcb->cr2;
    page->cr3 = vmcb->cr3;
    page->cr4 = vcpu->guest_cr4; // each write is the VMM's
    page->efer = vmcb->efer & ~EFER_SVME;
}

static void export_cs_ss(struct vcpu *vcpu) {
    const struct vmcb *vmcb = vmcb_of(vcpu);
    vcpu->page->segment[SEGMENT_CS] = vmcb->cs;
    vcpu->page->segment[SEGMENT_SS] = vmcb->ss;
    vcpu->page->cpl = vmcb->cpl;
}

static void read_debug_addresses(struct vcpu_page *page) {
    page->dr[0] = read_dr0();
    page->dr[1] = read_dr1();
    page->dr[2] = read_dr2();
    page->dr[3] = read_dr3();
}

void svm_export(struct vcpu *vcpu, int reason) {
    struct vcpu_page *page = vcpu->page;
    page->gpr[RAX] = vmcb_of(vcpu)->rax; // also where the core enters again
    page->gpr[RSP] = vmcb_of(vcpu)->rsp;
    if (reason == EXIT_HANDLED)
        return;
    uint32_t wanted = exit_groups(page, reason);
    export_always(vcpu);
    export_control(vcpu); // all of it at any exit: copies are cheap, and without next RIP the VMM decodes
    export_cs_ss(vcpu);
    page->valid = GROUP_HOT;
    if (wanted & COPIED_GROUPS) {
        copy_fields(vcpu, wanted, false);
        page->valid |= wanted & COPIED_GROUPS;
    }
    if (wanted & GROUP_DEBUG)
        read_debug_addresses(page); // the guest's are still on this CPU
}

void svm_fetch(struct vcpu *vcpu, uint32_t groups) {
    if ((groups & GROUP_ALWAYS) == GROUP_ALWAYS)
        export_always(vcpu);
    if (groups & GROUP_CONTROL)
        export_control(vcpu);
    if (groups & GROUP_CS_SS)
        export_cs_ss(vcpu);
    copy_fields(vcpu, groups, false);
    if ((groups & GROUP_DEBUG) && vcpu->runner)
        read_debug_addresses(vcpu->page); // the runner's CPU asks
    vcpu->page->valid |= groups & (GROUP_HOT | COPIED_GROUPS);
}
