// Decoding of #VMEXIT (APM 2 appendix C) into the vendor-neutral exits of the ABI.
#include "kernel/exception.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/machine_check.h"
#include "lib/apic_priority.h"
#include "svm/svm.h"

#define APIC_TPR 0x80u
#define DR6_BS   (1ull << 14)
#define DR7_GD   (1ull << 13)

// Nested page fault codes (APM 2 15.25.6)
#define NPF_PRESENT    (1ull << 0)
#define NPF_WRITE      (1ull << 1)
#define NPF_FETCH      (1ull << 4)
#define NPF_TABLE_WALK (1ull << 33)

static int exit_plain(struct vcpu *vcpu, enum vcpu_exit reason) {
    vcpu->page->qualification = 0;
    return (int)reason;
}

// IOIO: EXITINFO1 (APM 2 15.10.2); the next RIP is in EXITINFO2.
static int exit_io(struct vcpu *vcpu, const struct vmcb *vmcb) {
    uint64_t info = vmcb->exit_info1;
    struct vcpu_page *page = vcpu->page;
    page->qualification = (info & 1 ? VCPU_IO_IN : 0) | (info & 4 ? VCPU_IO_STRING : 0) | (info & 8 ? VCPU_IO_REP : 0) |
                          (info & 0x70) | (info & 0xffff0000);
    page->next_rip = vmcb->exit_info2;
    page->instruction_length = (uint32_t)(vmcb->exit_info2 - vmcb->rip) & 0xf;
    return VCPU_EXIT_IO;
}

static int exit_memory(struct vcpu *vcpu, const struct vmcb *vmcb) {
    uint64_t info = vmcb->exit_info1;
    vcpu->page->qualification =
        (info & NPF_WRITE ? VCPU_MEMORY_WRITE : 0) | (info & NPF_FETCH ? VCPU_MEMORY_EXECUTE : 0) |
        (info & NPF_TABLE_WALK ? VCPU_MEMORY_WALK : 0) | (info & NPF_PRESENT ? VCPU_MEMORY_PRESENT : 0);
    vcpu->page->gpa = vmcb->exit_info2;
    vcpu->page->exit_gva = 0;
    return VCPU_EXIT_MEMORY;
}

static int exit_exception(struct vcpu *vcpu, struct vmcb *vmcb, uint32_t vector) {
    enum exception_owner owner = exception_owner(vector, vcpu->exception_intercepts, vcpu_by_instruction(vcpu->event));
    if (owner == EXCEPTION_OF_HOST) {
        if (vector == EXCEPTION_MC)
            machine_check(NULL);
        return EXIT_HANDLED;
    }
    if (owner == EXCEPTION_OF_VMM) {
        vcpu->page->qualification = vector | vmcb->exit_info1 << 32;
        vcpu->page->exit_gva = vmcb->exit_info2;
        return VCPU_EXIT_EXCEPTION;
    }
    if (vector == EXCEPTION_DB)
        vmcb->dr7 &= ~DR7_GD; // as delivery does, but not of what is injected
    vcpu_take_back_event(vcpu);
    vcpu->event = exception_event(vector, vector == EXCEPTION_AC, 0);
    return EXIT_HANDLED;
}

// With CR0.NE clear the processor waits, at an x87 instruction, for the interrupt that FERR# asks for.
static int exit_ferr(struct vcpu *vcpu) {
    vcpu->page->qualification = EXCEPTION_MF;
    vcpu->page->exit_gva = 0;
    return VCPU_EXIT_EXCEPTION;
}

static int exit_task_switch(struct vcpu *vcpu, struct vmcb *vmcb) {
    uint64_t info = vmcb->exit_info2, source = info >> 36 & 1 ? 1 : info >> 38 & 1 ? 2 : 0;
    if (vmcb->exit_int_info & EVENT_VALID) {
        vcpu->event = vmcb->exit_int_info; // INTn, too: it is done when the task is there
        source = 3;
    }
    vmcb->rflags = (vmcb->rflags & ~RFLAGS_RF) | (info >> 48 & 1) << 16; // as the old task's TSS has it
    vcpu->page->qualification = (vmcb->exit_info1 & 0xffff) | source << 16;
    return VCPU_EXIT_TASK_SWITCH;
}

// Exits whose reason says all.
#define PLAIN(exit) ((exit) + 2) // 0: there is more to say
static const uint8_t plain_exits[] = {
    [EXIT_INTR] = PLAIN(EXIT_HANDLED),
    [EXIT_NMI] = PLAIN(EXIT_HANDLED),
    [EXIT_INIT] = PLAIN(EXIT_HANDLED),
    [EXIT_VINTR] = PLAIN(EXIT_HANDLED),
    [EXIT_RDPMC] = PLAIN(VCPU_EXIT_RDPMC),
    [EXIT_CPUID] = PLAIN(VCPU_EXIT_CPUID),
    [EXIT_INVD] = PLAIN(VCPU_EXIT_WBINVD),
    [EXIT_HLT] = PLAIN(VCPU_EXIT_HLT),
    [EXIT_INVLPGA] = PLAIN(VCPU_EXIT_VIRTUALIZATION),
    [EXIT_SHUTDOWN] = PLAIN(VCPU_EXIT_SHUTDOWN),
    [EXIT_VMRUN] = PLAIN(VCPU_EXIT_VIRTUALIZATION),
    [EXIT_VMMCALL] = PLAIN(VCPU_EXIT_VMCALL),
    [EXIT_VMLOAD... EXIT_RDTSCP] = PLAIN(VCPU_EXIT_VIRTUALIZATION),
    [EXIT_WBINVD] = PLAIN(VCPU_EXIT_WBINVD),
    [EXIT_MONITOR] = PLAIN(VCPU_EXIT_MWAIT),
    [EXIT_MWAIT] = PLAIN(VCPU_EXIT_MWAIT),
    [EXIT_MWAIT_C] = PLAIN(VCPU_EXIT_MWAIT),
    [EXIT_XSETBV] = PLAIN(VCPU_EXIT_XSETBV),
};

static int decode(struct vcpu *vcpu, struct vmcb *vmcb) {
    uint32_t code = (uint32_t)vmcb->exit_code;
    if (code < sizeof(plain_exits) && plain_exits[code]) { // most of them
        int exit = plain_exits[code] - PLAIN(0);
        return exit == EXIT_HANDLED ? EXIT_HANDLED : exit_plain(vcpu, (enum vcpu_exit)exit);
    }
    switch (code) {
    case EXIT_IOIO:
        return exit_io(vcpu, vmcb);
    case EXIT_NPF:
        return exit_memory(vcpu, vmcb);
    case EXIT_MSR:
        return exit_plain(vcpu, vmcb->exit_info1 & 1 ? VCPU_EXIT_WRMSR : VCPU_EXIT_RDMSR);
    case EXIT_CR_READ0 + 4:
        vcpu->page->qualification = 4;
        return VCPU_EXIT_CR;
    case EXIT_CR_WRITE0 + 4:
    case EXIT_CR_WRITE0 + 8:
        vcpu->page->qualification = (code - EXIT_CR_WRITE0) | 1u << 8;
        return VCPU_EXIT_CR;
    case EXIT_FERR:
        return exit_ferr(vcpu);
    case EXIT_TASK_SWITCH:
        return exit_task_switch(vcpu, vmcb);
    case EXIT_IRET:
        vcpu->iret_next = true; // NMIs stay blocked until it has run: another one would come on the same stack
        vcpu->iret_rip = vmcb->rip;
        return EXIT_HANDLED;
    default:
        break;
    }
    if (code >= EXIT_EXCEPTION0 && code < EXIT_EXCEPTION0 + 32)
        return exit_exception(vcpu, vmcb, code - EXIT_EXCEPTION0);
    vcpu->page->qualification = code;
    return VCPU_EXIT_INVALID;
}

// What the exit interrupted and has to be delivered again. INTn, INT3 and INTO run again by themselves, but for one
// that the VMM injected.
static uint64_t interrupted_event(const struct vcpu *vcpu, const struct vmcb *vmcb) {
    uint64_t info = vmcb->exit_int_info;
    if (!(info & EVENT_VALID))
        return 0;
    if (!vcpu_by_instruction(info))
        return info;
    bool injected = (info & 0xffffffff) == (vcpu->soft_event & 0xffffffff) && vmcb->rip == vcpu->soft_rip;
    return injected ? info : 0;
}

// An exit by what is not the guest's doing, before the instruction in an interrupt shadow has run: it is in the shadow
// yet. QEMU's VMRUN does not load int_state, and its #VMEXIT so saves none; a window opens there at once. Taken before
// HLT, an interrupt would not wake it. An instruction that jumps to itself is taken for one that has not run, once.
static void keep_shadow(struct vcpu *vcpu, struct vmcb *vmcb) {
    uint32_t code = (uint32_t)vmcb->exit_code;
    bool waits = vmcb->rip == vcpu->shadow_rip && (code == EXIT_INTR || code == EXIT_NMI || code == EXIT_VINTR);
    vcpu->shadow_forgotten = waits && (vcpu->shadow_forgotten || code == EXIT_VINTR);
    if (waits)
        vmcb->interrupt_shadow |= 1;
}

// After a step over what kept an NMI or an interrupt waiting. True: the exit was nothing but its end.
static bool step_ended(struct vcpu *vcpu, struct vmcb *vmcb) {
    bool stepping = vcpu->stepping, at_iret = vcpu->iret_next && vmcb->rip == vcpu->iret_rip;
    bool trapped = stepping && (uint32_t)vmcb->exit_code == EXIT_EXCEPTION0 + EXCEPTION_DB && (vmcb->dr6 & DR6_BS);
    vcpu->stepping = false;
    if (stepping && (at_iret || !vcpu->iret_next))
        vmcb->rflags &= ~RFLAGS_TF; // else IRET has brought the guest's
    if (trapped)
        vmcb->dr6 &= ~DR6_BS;
    if (vcpu->iret_next && (trapped || !at_iret))
        vcpu->iret_next = vcpu->nmi_blocked = false;
    return trapped;
}

int svm_exit(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    // CR8 is the guest's without exits: its priority goes to the virtual-APIC page.
    uint8_t tpr = (uint8_t)vcpu->apic[APIC_TPR / 4];
    if (apic_cr8(tpr) != (vmcb->vintr & V_TPR_MASK))
        vcpu->apic[APIC_TPR / 4] = apic_tpr_of_cr8(tpr, vmcb->vintr & V_TPR_MASK);
    vcpu->event = interrupted_event(vcpu, vmcb);
    page->next_rip = svm_features.nrips ? vmcb->next_rip : 0;
    page->instruction_length = page->next_rip ? (uint32_t)(page->next_rip - vmcb->rip) & 0xf : 0;
    if (vcpu->shadowed)
        keep_shadow(vcpu, vmcb);
    bool ended = (vcpu->stepping || vcpu->iret_next) && step_ended(vcpu, vmcb);
    int reason = ended ? EXIT_HANDLED : decode(vcpu, vmcb);
    svm_export(vcpu, reason);
    return reason;
}
