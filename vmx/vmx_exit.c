// Decoding of VM exits (SDM 3D appendix C, SDM 3C 30.2) into the vendor-neutral exits of the ABI.
#include "kernel/exception.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/machine_check.h"
#include "vmx/vmx.h"

#define DR6_CAUSES 0x600full // B0..B3, BD, BS
#define DR7_GD     (1ull << 13)

#define EVENT_INT1 (5ull << 8) // privileged software exception

// Exit qualification for EPT violations (SDM 3C 30.2.1, table 30-7)
#define EPT_WRITE           (1ull << 1)
#define EPT_FETCH           (1ull << 2)
#define EPT_RIGHTS          (7ull << 3)
#define EPT_GVA_VALID       (1ull << 7)
#define EPT_OF_TRANSLATION  (1ull << 8)
#define EPT_NMI_UNBLOCKED   (1ull << 12)
#define EVENT_NMI_UNBLOCKED (1ull << 12)

static int exit_plain(struct vcpu *vcpu, enum vcpu_exit reason) {
    vcpu->page->qualification = 0;
    return (int)reason;
}

static int exit_io(struct vcpu *vcpu) {
    uint64_t q = vmread(VMCS_QUALIFICATION);
    vcpu->page->qualification = (q & 8 ? VCPU_IO_IN : 0) | (q & 16 ? VCPU_IO_STRING : 0) | (q & 32 ? VCPU_IO_REP : 0) |
                                ((q & 7) + 1) << 4 | (q & 0xffff0000);
    return VCPU_EXIT_IO;
}

// An IRET whose fault ends in an exit has ended the blocking of NMIs already (SDM 3C 30.2.3).
static void block_nmi_again(struct vcpu *vcpu) {
    if (vcpu->event & EVENT_VALID)
        return;
    vmx_set_interruptibility(vmx_of(vcpu), vmx_of(vcpu)->interruptibility | BLOCKED_BY_NMI);
    vcpu->nmi_blocked = true;
}

static int exit_memory(struct vcpu *vcpu) {
    uint64_t q = vmread(VMCS_QUALIFICATION);
    if (q & EPT_NMI_UNBLOCKED)
        block_nmi_again(vcpu);
    vcpu->page->qualification = (q & EPT_WRITE ? VCPU_MEMORY_WRITE : 0) | (q & EPT_FETCH ? VCPU_MEMORY_EXECUTE : 0) |
                                ((q & EPT_GVA_VALID) && !(q & EPT_OF_TRANSLATION) ? VCPU_MEMORY_WALK : 0) |
                                (q & EPT_RIGHTS ? VCPU_MEMORY_PRESENT : 0);
    vcpu->page->gpa = vmread(VMCS_GPA);
    vcpu->page->exit_gva = q & EPT_GVA_VALID ? vmread(VMCS_GVA) : 0;
    return VCPU_EXIT_MEMORY;
}

// What a #DB that exits leaves to do: DR6 and DR7 as its delivery would have (SDM 3C 30.1).
static void take_debug_causes(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    v->dr6 = (v->dr6 & ~0xfull) | (vmread(VMCS_QUALIFICATION) & DR6_CAUSES);
    vmwrite(VMCS_GUEST_DR7, vmread(VMCS_GUEST_DR7) & ~DR7_GD);
    // A shadow with TF needs a pending single step at entry; what is injected comes in its place.
    vmx_set_interruptibility(v, v->interruptibility & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
}

static int exit_exception(struct vcpu *vcpu) {
    uint64_t event = vmread(VMCS_EXIT_EVENT);
    uint32_t vector = EVENT_VECTOR(event);
    enum exception_owner owner = exception_owner(vector, vcpu->exception_intercepts, vcpu_by_instruction(vcpu->event));
    if (owner == EXCEPTION_OF_HOST) {
        if (vector == EXCEPTION_MC)
            machine_check(NULL);
        return EXIT_HANDLED;
    }
    if ((event & EVENT_NMI_UNBLOCKED) && vector != EXCEPTION_DF)
        block_nmi_again(vcpu);
    if (vector == EXCEPTION_DB)
        take_debug_causes(vcpu);
    if ((event & EVENT_TYPE) == EVENT_INT1) // a trap: its handler returns behind it
        vmwrite(VMCS_GUEST_RIP, vmread(VMCS_GUEST_RIP) + vmread(VMCS_EXIT_LENGTH));
    uint64_t error = event & EVENT_ERROR_VALID ? vmread(VMCS_EXIT_ERROR) : 0;
    if (owner == EXCEPTION_OF_VMM) {
        vcpu->page->qualification = vector | error << 32;
        vcpu->page->exit_gva = vmread(VMCS_QUALIFICATION);
        return VCPU_EXIT_EXCEPTION;
    }
    if ((vcpu->event & (EVENT_VALID | EVENT_TYPE)) == (EVENT_VALID | EVENT_NMI))
        vmx_set_interruptibility(vmx_of(vcpu), vmx_of(vcpu)->interruptibility & ~(uint64_t)BLOCKED_BY_NMI);
    vcpu_take_back_event(vcpu);
    vcpu->event = exception_event(vector, (event & EVENT_ERROR_VALID) != 0, (uint32_t)error);
    return EXIT_HANDLED;
}

// Outside of 64-bit code a register has 32 bits, whatever is above them from before.
static uint64_t operand(struct vcpu *vcpu, uint64_t qualification, uint64_t efer, bool code_long) {
    unsigned gpr = qualification >> 8 & 15;
    uint64_t value = gpr == RSP ? vmread(VMCS_GUEST_RSP) : vcpu->page->gpr[gpr];
    return (efer & EFER_LMA) && code_long ? value : value & UINT32_MAX;
}

// A write to a bit that is the core's. The guest's view of the bit changes, and the instruction runs again, now without
// an exit, so that the processor itself makes the changes of mode. What it would refuse comes first: the view has to
// stay.
static int exit_cr(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    uint64_t q = vmread(VMCS_QUALIFICATION);
    unsigned reg = q & 15, access = q >> 4 & 3;
    if (access != 0 || (reg != 0 && reg != 4)) {
        vcpu->page->qualification = reg | (access == 0 ? 1u << 8 : 0);
        return VCPU_EXIT_CR;
    }
    uint64_t cr4 = vmread(VMCS_GUEST_CR4), efer = vmread(VMCS_GUEST_EFER);
    bool code_long = vmread(VMCS_GUEST_RIGHTS(SEGMENT_CS)) & RIGHTS_LONG;
    uint64_t value = operand(vcpu, q, efer, code_long);
    if (reg == 0 && cr0_takes(value, vmread(VMCS_GUEST_CR0), cr4, efer, code_long)) {
        v->cr0_shadow = (v->cr0_shadow & ~CR0_OWNED) | (value & CR0_OWNED);
        vmwrite(VMCS_CR0_SHADOW, v->cr0_shadow);
    } else if (reg == 4 && cr4_takes(value, cr4, vmread(VMCS_GUEST_CR3), efer, VCPU_CR4 & vmx_features.cr4_allowed)) {
        v->cr4_shadow = (v->cr4_shadow & ~CR4_OWNED) | (value & CR4_OWNED);
        vmwrite(VMCS_CR4_SHADOW, v->cr4_shadow);
    } else {
        vcpu->event = exception_event(EXCEPTION_GP, true, 0);
    }
    return EXIT_HANDLED;
}

static int exit_task_switch(struct vcpu *vcpu) {
    uint64_t q = vmread(VMCS_QUALIFICATION), event = vmread(VMCS_VECTORING_EVENT);
    // An event by an instruction that is the guest's own, which goes on behind it
    bool own = (event & EVENT_VALID) && (event & EVENT_TYPE) >= EVENT_SOFTWARE && !(vcpu->event & EVENT_VALID);
    if (own)
        vcpu->event = event & (EVENT_VALID | EVENT_TYPE | 0xff);
    if (own || !(event & EVENT_VALID))
        vcpu->page->instruction_length = (uint32_t)vmread(VMCS_EXIT_LENGTH);
    vcpu->page->qualification = (q & 0xffff) | (q >> 30 & 3) << 16;
    return VCPU_EXIT_TASK_SWITCH;
}

// Exits whose reason says all.
#define PLAIN(exit) ((exit) + 2) // 0: there is more to say
static const uint8_t plain_exits[] = {
    [REASON_INTERRUPT] = PLAIN(EXIT_HANDLED),
    [REASON_TRIPLE_FAULT] = PLAIN(VCPU_EXIT_SHUTDOWN),
    [REASON_INIT] = PLAIN(EXIT_HANDLED),
    [REASON_INTERRUPT_WINDOW] = PLAIN(EXIT_HANDLED),
    [REASON_NMI_WINDOW] = PLAIN(EXIT_HANDLED),
    [REASON_CPUID] = PLAIN(VCPU_EXIT_CPUID),
    [REASON_HLT] = PLAIN(VCPU_EXIT_HLT),
    [REASON_INVD] = PLAIN(VCPU_EXIT_WBINVD),
    [REASON_RDPMC] = PLAIN(VCPU_EXIT_RDPMC),
    [REASON_VMCALL] = PLAIN(VCPU_EXIT_VMCALL),
    [REASON_VMCLEAR... REASON_VMXON] = PLAIN(VCPU_EXIT_VIRTUALIZATION),
    [REASON_RDMSR] = PLAIN(VCPU_EXIT_RDMSR),
    [REASON_WRMSR] = PLAIN(VCPU_EXIT_WRMSR),
    [REASON_MWAIT] = PLAIN(VCPU_EXIT_MWAIT),
    [REASON_MONITOR] = PLAIN(VCPU_EXIT_MWAIT),
    [REASON_TPR] = PLAIN(EXIT_HANDLED),
    [REASON_INVEPT] = PLAIN(VCPU_EXIT_VIRTUALIZATION),
    [REASON_PREEMPTION_TIMER] = PLAIN(EXIT_HANDLED),
    [REASON_INVVPID] = PLAIN(VCPU_EXIT_VIRTUALIZATION),
    [REASON_WBINVD] = PLAIN(VCPU_EXIT_WBINVD),
    [REASON_XSETBV] = PLAIN(VCPU_EXIT_XSETBV),
};

static int decode(struct vcpu *vcpu, uint32_t reason) {
    if (reason < sizeof(plain_exits) && plain_exits[reason]) { // most of them
        int exit = plain_exits[reason] - PLAIN(0);
        return exit == EXIT_HANDLED ? EXIT_HANDLED : exit_plain(vcpu, (enum vcpu_exit)exit);
    }
    switch (reason) {
    case REASON_EXCEPTION:
        return exit_exception(vcpu);
    case REASON_IO:
        return exit_io(vcpu);
    case REASON_EPT_VIOLATION:
        return exit_memory(vcpu);
    case REASON_CR:
        return exit_cr(vcpu);
    case REASON_TASK_SWITCH:
        return exit_task_switch(vcpu);
    case REASON_APIC_ACCESS:
    case REASON_APIC_WRITE:
    case REASON_EOI:
        return vmx_apic_exit(vcpu, reason);
    case REASON_MACHINE_CHECK_ENTRY | REASON_ENTRY_FAILED: // the host's; if all goes on, without this guest
        machine_check(NULL);
        break;
    default:
        break;
    }
    vcpu->page->qualification = reason | vmread(VMCS_QUALIFICATION) << 32;
    return VCPU_EXIT_INVALID;
}

// A software interrupt that the VMM injected; the guest's own INTn, INT3 and INTO run again by themselves.
static uint64_t interrupted_soft_event(const struct vmx_vcpu *v, uint64_t event) {
    if (event != v->soft_event || vmread(VMCS_GUEST_RIP) != v->soft_rip)
        return 0;
    vmwrite(VMCS_GUEST_RIP, v->soft_rip == UINT32_MAX ? 0 : v->soft_rip + 1);
    return event;
}

// What the exit interrupted and has to be delivered again.
static uint64_t interrupted_event(struct vcpu *vcpu) {
    const struct vmx_vcpu *v = vmx_of(vcpu);
    uint64_t event = vmread(VMCS_VECTORING_EVENT);
    if (!(event & EVENT_VALID))
        return 0;
    event &= EVENT_VALID | EVENT_ERROR_VALID | EVENT_TYPE | 0xff;
    if ((event & EVENT_TYPE) >= EVENT_SOFTWARE)
        return interrupted_soft_event(v, event);
    if (vcpu->virtual_delivery && event != v->injected) // then the processor has taken it out of the APIC page
        vcpu->from_apic = true;
    return event & EVENT_ERROR_VALID ? event | EVENT_ERROR(vmread(VMCS_VECTORING_ERROR)) : event;
}

// Is the length of the instruction there (SDM 3C 30.2.5)?
#define REASONS(first, last) ((2ull << (last)) - (1ull << (first)))
bool vmx_has_length(uint32_t reason) {
    const uint64_t reasons = REASONS(REASON_CPUID, REASON_CPUID) | REASONS(REASON_HLT, REASON_INVD) |
                             REASONS(REASON_RDPMC, REASON_WRMSR) | REASONS(REASON_MWAIT, REASON_MWAIT) |
                             REASONS(REASON_MONITOR, REASON_MONITOR) | REASONS(REASON_INVEPT, REASON_XSETBV);
    return reason < 64 && (reasons >> reason & 1);
}

// After an entry that failed what was to be injected was not, and is in the field still (SDM 3C 29.8).
static void drop_event(struct vcpu *vcpu) {
    const struct vmx_vcpu *v = vmx_of(vcpu);
    if (v->soft_event)
        (void)interrupted_soft_event(v, v->soft_event); // RIP as it was
    vcpu->event = 0;
    vmwrite(VMCS_ENTRY_EVENT, 0);
}

// The controls were refused: what is to be injected is all that the VMM writes into them.
static int exit_refused(struct vcpu *vcpu) {
    vcpu->page->qualification = vmread(VMCS_INSTRUCTION_ERROR) | 1ull << 63;
    drop_event(vcpu);
    return VCPU_EXIT_INVALID;
}

// What was interrupted, and what the instruction was.
static void read_exit(struct vcpu *vcpu, uint32_t reason) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct vcpu_page *page = vcpu->page;
    vcpu->event = interrupted_event(vcpu);
    v->interruptibility = vmread(VMCS_INTERRUPTIBILITY);
    // Nothing blocks but an NMI that the core injected. Bochs 2.7 keeps the blocking of a vCPU for the next one on its
    // CPU.
    if (!vcpu->nmi_blocked)
        vmx_set_interruptibility(v, v->interruptibility & ~(uint64_t)BLOCKED_BY_NMI);
    vcpu->nmi_blocked = (v->interruptibility & BLOCKED_BY_NMI) != 0;
    if (vmx_has_length(reason)) {
        uint64_t length = vmread(VMCS_EXIT_LENGTH);
        page->rip = vmread(VMCS_GUEST_RIP);
        page->instruction_length = (uint32_t)length;
        page->next_rip = page->rip + length;
    }
}

static int decode_all(struct vcpu *vcpu) {
    uint32_t reason = vmx_of(vcpu)->reason;
    vcpu->page->instruction_length = 0;
    vcpu->page->next_rip = 0;
    if (vmx_of(vcpu)->entry_failed)
        return exit_refused(vcpu);
    if (reason & REASON_ENTRY_FAILED) {
        drop_event(vcpu);
    } else {
        read_exit(vcpu, reason);
    }
    return decode(vcpu, reason);
}

int vmx_exit(struct vcpu *vcpu) {
    vmx_make_current(vcpu);
    int exit = decode_all(vcpu);
    if (exit != EXIT_HANDLED)
        vmx_export(vcpu, exit);
    return exit;
}
