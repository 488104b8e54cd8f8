// APIC virtualization (SDM 3C 32): the processor serves TPR, EOI and self-IPIs, and delivers what the APIC page
// requests.
#include "kernel/memory.h"
#include "vmx/vmx.h"
#include "vmx/vmx_control.h"

#define APIC_TMR 0x180u

// Exit qualification for APIC-access exits (SDM 3C table 30-6)
#define ACCESS_TYPE(q) ((q) >> 12 & 15)
#define ACCESS_WRITE   1u
#define ACCESS_FETCH   2u
#define ACCESS_WALK    10u // and above: guest-physical

bool vmx_has_apic(void) {
    return VMX_APIC(vmx_features.cpu2);
}

void vmx_apic_load(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct space_leaf leaf = {0};
    v->apic_access = __atomic_load_n(&vcpu->page->apic_access, __ATOMIC_RELAXED) & ~(PAGE_SIZE - 1);
    bool access = vcpu->apic_mode == VCPU_APIC_XAPIC &&
                  object_lives(&vcpu->guest->object, OBJECT_SPACE, vcpu->guest_generation) &&
                  space_lookup(vcpu->guest, v->apic_access, &leaf) && leaf.order == 0;
    uint32_t controls = vmx_apic_controls(vmx_features.cpu2, vcpu->apic_mode == VCPU_APIC_X2APIC, access);
    vmwrite(VMCS_MSR_BITMAP, pool_address(controls & CPU2_X2APIC ? vmx_x2apic_bitmap : vmx_msr_bitmap));
    // The processor compares with this address and reads nothing there: it may be another domain's frame by and by.
    if ((controls & CPU2_APIC_ACCESSES) && vmread(VMCS_APIC_ACCESS) != leaf.hpa) {
        vmwrite(VMCS_APIC_ACCESS, leaf.hpa);
        vcpu->asid_generation = 0; // translations know whether they lead to the page (SDM 3C 32.4.5)
    }
    if (v->cpu2_controls == controls)
        return;
    v->cpu2_controls = controls;
    vmwrite(VMCS_CPU_CONTROLS2, controls);
    vcpu->asid_generation = 0;
}

// Who posts sets TMR before PIR: the EOI of what is requested here exits if it is level-triggered.
static void write_eoi_exits(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    for (unsigned i = 0; i < 4; i++) {
        const volatile uint32_t *tmr = &vcpu->apic[(APIC_TMR + 32 * i) / 4];
        uint64_t level = tmr[0] | (uint64_t)tmr[4] << 32;
        if (v->eoi_exits[i] != level)
            vmwrite(VMCS_EOI_EXIT(i), level);
        v->eoi_exits[i] = level;
    }
}

bool vmx_apic_hand_over(struct vcpu *vcpu, bool event, bool window) {
    write_eoi_exits(vcpu);
    vmwrite(VMCS_INTERRUPT_STATUS, vcpu->requested | (unsigned)vcpu->in_service << 8);
    // Bochs, at an interrupt of the host, delivers the virtual one that waits though the guest's IF is clear, but while
    // a window is asked for recognizes none (SDM 3C 32.2.1): what waits for IF, now or behind the event that is
    // injected, comes behind a window.
    vcpu->apic_changed = window || (vcpu->requested && (event || !(vmread(VMCS_GUEST_RFLAGS) & RFLAGS_IF)));
    return vcpu->apic_changed;
}

// A register that the page alone cannot serve: for the VMM an access to a device's memory.
static int exit_access(struct vcpu *vcpu, uint64_t q) {
    uint64_t type = ACCESS_TYPE(q);
    vcpu->page->qualification = (type == ACCESS_WRITE ? VCPU_MEMORY_WRITE : 0) |
                                (type == ACCESS_FETCH ? VCPU_MEMORY_EXECUTE : 0) |
                                (type >= ACCESS_WALK ? VCPU_MEMORY_WALK : 0);
    vcpu->page->gpa = vmx_of(vcpu)->apic_access | (q & (PAGE_SIZE - 1));
    vcpu->page->exit_gva = 0;
    return VCPU_EXIT_MEMORY;
}

int vmx_apic_exit(struct vcpu *vcpu, uint32_t reason) {
    uint64_t q = vmread(VMCS_QUALIFICATION);
    if (reason == REASON_APIC_ACCESS)
        return exit_access(vcpu, q);
    vcpu->page->qualification = q & (PAGE_SIZE - 1);
    return reason == REASON_EOI ? VCPU_EXIT_EOI : VCPU_EXIT_APIC_WRITE;
}
