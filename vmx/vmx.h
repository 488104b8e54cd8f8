// Inside of vmx/.
#pragma once
#include "kernel/instructions.h"
#include "kernel/vendor.h"
#include "vmx/vmcs.h"

// MSRs that the hardware changes with the world, from lists in memory (SDM 3C 27.7.2): what SYSCALL and SWAPGS use.
#define SWITCHED_MSRS 5u
struct msr_entry {
    uint32_t msr, reserved;
    uint64_t value;
};

// A vCPU's state beside its VMCS; a page of the core's. The VMCS is the page behind it.
struct vmx_vcpu {
    struct msr_entry msrs[SWITCHED_MSRS]; // of the guest: loaded at entries, stored at exits
    struct cpu *cpu;                      // whose VMCS cache has it, null: it is clear
    bool launched;
    bool entry_failed; // the last entry was refused before it began
    bool host_stale;   // the host's fields are not of `cpu`
    uint64_t host_rsp; // vmx_enter.asm: what the fields hold
    uint64_t host_cr3;
    uint32_t cpu_controls, tpr_threshold;
    uint32_t reason; // of the last exit
    uint64_t rsp, cr2, dr6, cr0_shadow, cr4_shadow;
    uint64_t interruptibility;     // what the field holds
    uint64_t rflags;               // what the field holds when the VMM's is loaded
    uint64_t injected;             // by the last entry
    uint32_t cpu2_controls;        // what the field holds
    uint64_t apic_access;          // guest-physical
    uint64_t eoi_exits[4];         // what the fields hold
    uint64_t soft_event, soft_rip; // the software interrupt that the last entry injected, and the field's RIP then
};
_Static_assert(sizeof(struct vmx_vcpu) <= PAGE_SIZE, "vCPU");

static inline struct vmx_vcpu *vmx_of(const struct vcpu *vcpu) {
    return vcpu->control;
}

struct vmx_features {
    uint32_t pin, cpu, cpu2, exit, entry; // control words
    uint64_t ept;                         // EPTP without the address
    uint64_t cr0_fixed, cr4_fixed;        // bits that have to be 1 in a guest's real register
    uint64_t cr4_allowed;                 // bits that may be 1
};
extern struct vmx_features vmx_features;
// Of MSRs: a set bit exits. The second lets x2APIC registers through as well, for the processor to virtualize.
extern uint8_t *vmx_msr_bitmap, *vmx_x2apic_bitmap;

// Bits of the control registers that are the core's: the guest reads what it wrote, the hardware has what has to be.
#define CR0_OWNED (CR0_NE | CR0_NW | CR0_CD)
#define CR4_OWNED (CR4_MCE | ~VCPU_CR4)

static inline void vmx_set_interruptibility(struct vmx_vcpu *v, uint64_t value) {
    if (v->interruptibility != value)
        vmwrite(VMCS_INTERRUPTIBILITY, value);
    v->interruptibility = value;
}

// Makes the VMCS of a vCPU the current one of the CPU that runs this. Needs the kernel lock.
void vmx_make_current(struct vcpu *vcpu);

// vmx_state.c: fields of a new VMCS hold anything (SDM 3C 27.11.3): these are 0.
void vmx_zero_fields(void);
// Transfer between page and VMCS.
void vmx_load(struct vcpu *vcpu, uint32_t groups);
void vmx_fetch(struct vcpu *vcpu, uint32_t groups);
// After each exit: the groups that it brings (exit_groups).
void vmx_export(struct vcpu *vcpu, int reason);
// A guest's value of CR0 or CR4 as the hardware gets it.
uint64_t vmx_real_cr0(uint64_t cr0);
uint64_t vmx_real_cr4(uint64_t cr4);

// vmx_apic.c: APIC virtualization. Has this machine all of it?
bool vmx_has_apic(void);
// A new mode of the local APIC, or place of its page.
void vmx_apic_load(struct vcpu *vcpu);
// The processor gets what is requested and in service. True: an interrupt window has to be asked for, as `window` says,
// or for what waits for IF; `event`: one is injected, whose handler may begin with IF clear.
NODISCARD bool vmx_apic_hand_over(struct vcpu *vcpu, bool event, bool window);
int vmx_apic_exit(struct vcpu *vcpu, uint32_t reason);

// vmx_exit.c
int vmx_exit(struct vcpu *vcpu);
// Does the exit give the length of its instruction? Then the page has RIP already.
bool vmx_has_length(uint32_t reason);

// vmx_enter.asm: `gprs` in the order of enum vcpu_gpr; RSP is in the VMCS. *host_rsp is what its field holds. True:
// there was no entry.
bool vmx_enter_guest(uint64_t *gprs, uint64_t *host_rsp, bool launched);
extern char vmx_exit_point[];
