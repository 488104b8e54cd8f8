// AMD-V: detection, start and stop on a CPU, life of vCPUs, entry (APM 2 chapter 15).
#include "svm/svm.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/usable.h"
#include "lib/apic_priority.h"
#include "lib/format.h"
#include "lib/string.h"
#include "svm/svm_control.h"

#define MSR_VM_CR       0xc0010114u
#define MSR_VM_HSAVE_PA 0xc0010117u

#define CPUID_SVM            0x8000000au
#define CPUID_SVM_NRIPS      (1u << 3)
#define CPUID_SVM_FLUSH_ASID (1u << 6)
#define CPUID_SVM_ASSISTS    (1u << 7)

#define IOPM_PAGES  3u
#define MSRPM_PAGES 2u

struct svm_features svm_features;
static void *iopm, *msrpm; // everything intercepted but the MSRs below

// MSRs that belong to the guest alone: VMLOAD, VMSAVE or the VMCB switch them.
static const struct {
    uint32_t msr;
    bool write;
} guest_msrs[] = {
    {0x10, false},                                                                  // TSC: offset by the hardware
    {0x174, true},      {0x175, true},      {0x176, true},                          // SYSENTER
    {0x277, true},                                                                  // PAT
    {0xc0000081, true}, {0xc0000082, true}, {0xc0000083, true}, {0xc0000084, true}, // STAR .. SFMASK
    {0xc0000100, true}, {0xc0000101, true}, {0xc0000102, true},                     // FS, GS, kernel GS base
};

static bool svm_detect(char *reason, size_t size) {
    struct cpuid vendor_name = cpuid(0, 0);
    bool amd = vendor_name.ebx == 0x68747541 || vendor_name.ebx == 0x6f677948; // Auth(enticAMD), Hygo(nGenuine)
    bool offered = (cpuid(0x80000001, 0).ecx & 1u << 2) && cpuid(0x80000000, 0).eax >= CPUID_SVM;
    struct cpuid svm = offered ? cpuid(CPUID_SVM, 0) : (struct cpuid){0};
    enum usable usable = usable_svm(offered, offered ? rdmsr(MSR_VM_CR) : 0, svm.edx);
    if (usable == USABLE_NOT_OFFERED && amd)
        format(reason, size, "this CPU has no AMD-V (CPUID 8000_0001h ECX.SVM)");
    if (usable == USABLE_DISABLED || usable == USABLE_DISABLED_WITH_KEY)
        format(reason, size, "AMD-V is disabled by the firmware%s; enable SVM in its setup",
               usable == USABLE_DISABLED_WITH_KEY ? " (VM_CR.SVMDIS, unlockable with a key)" : " (VM_CR.SVMDIS)");
    if (usable == USABLE_NO_NESTED_PAGING)
        format(reason, size, "AMD-V of this CPU has no nested paging, which Bulkhead needs");
    if (usable != USABLE)
        return false;
    svm_features = (struct svm_features){(svm.edx & CPUID_SVM_NRIPS) != 0, (svm.edx & CPUID_SVM_ASSISTS) != 0,
                                         (svm.edx & CPUID_SVM_FLUSH_ASID) != 0, svm.ebx};
    format(reason, size, "%u ASIDs%s%s%s", svm.ebx, svm_features.nrips ? "" : ", no next RIP: instructions are decoded",
           svm_features.decode_assists ? "" : ", no decode assists",
           svm_features.flush_by_asid ? "" : ", no flush by ASID");
    return true;
}

// 2 bits an MSR: read, write (APM 2 15.11).
static void msrpm_allow(uint8_t *map, uint32_t msr, bool write) {
    uint32_t offset = msr < 0x2000 ? 0 : 0x800, index = msr & 0x1fff;
    uint8_t bits = (uint8_t)((write ? 3u : 1u) << index % 4 * 2);
    map[offset + index / 4] &= (uint8_t)~bits;
}

static bool make_maps(void) {
    iopm = pages_allocate(NULL, IOPM_PAGES);
    msrpm = pages_allocate(NULL, MSRPM_PAGES);
    if (!iopm || !msrpm)
        return false;
    memset(iopm, 0xff, IOPM_PAGES * PAGE_SIZE);
    memset(msrpm, 0xff, MSRPM_PAGES * PAGE_SIZE);
    for (unsigned i = 0; i < sizeof(guest_msrs) / sizeof(guest_msrs[0]); i++)
        msrpm_allow(msrpm, guest_msrs[i].msr, guest_msrs[i].write);
    return true;
}

static bool svm_cpu_start(struct cpu *cpu) {
    if (!iopm && !make_maps())
        return false;
    // Two pages: the processor's at VMRUN, and ours for VMSAVE.
    char *area = pages_allocate(NULL, 2);
    if (!area)
        return false;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, pool_address(area));
    cpu->vendor_host_area = area + PAGE_SIZE;
    cpu->asid_next = 1;
    cpu->asid_generation = 1;
    __asm__ volatile("vmsave %0" : : "a"(pool_address(cpu->vendor_host_area)) : "memory");
    return true;
}

static void svm_cpu_stop(void) {
    __asm__ volatile("stgi");
    wrmsr(MSR_VM_HSAVE_PA, 0);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
}

static void svm_vcpu_create(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    vmcb->intercept_misc2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD | INTERCEPT_VMSAVE | INTERCEPT_STGI |
                            INTERCEPT_CLGI | INTERCEPT_SKINIT | INTERCEPT_RDTSCP | INTERCEPT_WBINVD |
                            INTERCEPT_MONITOR | INTERCEPT_MWAIT | INTERCEPT_MWAIT_C | INTERCEPT_XSETBV;
    vmcb->iopm_base = pool_address(iopm);
    vmcb->msrpm_base = pool_address(msrpm);
    vmcb->nested_enable = 1;
    vmcb->nested_cr3 = vcpu->guest->root_hpa;
    vmcb->efer = EFER_SVME;
    vmcb->cr0 = 0x60000010;
    vmcb->cr4 = CR4_MCE; // as svm_load has it
    vmcb->pat = 0x0007040600070406;
    vmcb->rflags = RFLAGS_FIXED;
    vmcb->dr6 = 0xffff0ff0;
    vmcb->dr7 = 0x400;
    svm_load(vcpu, GROUP_INTERCEPT);
}

static void svm_interruptibility(const struct vcpu *vcpu, struct inject_state *state) {
    const struct vmcb *vmcb = vmcb_of(vcpu);
    state->interrupt_flag = (vmcb->rflags & RFLAGS_IF) != 0;
    state->shadow = (vmcb->interrupt_shadow & 1) != 0;
}

// Over one instruction. If the guest has TF set itself, its own #DB makes it exit.
static void step(struct vcpu *vcpu, struct vmcb *vmcb) {
    if (vmcb->rflags & RFLAGS_TF)
        return;
    vmcb->rflags |= RFLAGS_TF;
    vcpu->stepping = true;
}

// An NMI waits, perhaps with IF clear, when no window opens: for the delivery of an event, after which an interrupt of
// our own makes the guest exit, or for one instruction, over which it is stepped: that after MOV SS, or the IRET that
// ends the blocking. IRET to another task exits itself; QEMU's does not, and would leave TF in the TSS.
static void wait_for_nmi(struct vcpu *vcpu, struct vmcb *vmcb, bool event) {
    if (event)
        cpu_notify(cpu_self());
    else if (!vcpu->iret_next || !(vmcb->rflags & RFLAGS_NT))
        step(vcpu, vmcb);
}

static void svm_prepare(struct vcpu *vcpu, uint64_t event, struct inject_decision decision) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    vmcb->event_injection = event;
    vcpu->soft_event = event & EVENT_VALID && vcpu_by_instruction(event) ? event : 0;
    if (vcpu->soft_event)
        vcpu->soft_rip = vmcb->next_rip = vmcb->rip; // pushed where the CPU has NRIPS, else RIP is
    vcpu->iret_next = vcpu->iret_next && !event && vmcb->rip == vcpu->iret_rip;
    vcpu->shadowed = !event && (vmcb->interrupt_shadow & 1);
    bool window = decision.interrupt_window;
    if (vcpu->shadowed) {
        vcpu->shadow_rip = vmcb->rip;
        if (window && vcpu->shadow_forgotten) {
            step(vcpu, vmcb);
            window = false;
        }
    }
    struct svm_controls controls =
        svm_controls(decision.tpr_threshold != 0, window, vcpu->nmi_blocked && !vcpu->iret_next);
    vmcb->vintr = controls.vintr | apic_cr8((uint8_t)vcpu->apic[0x80 / 4]); // V_TPR
    vmcb->intercept_misc1 = controls.intercept_misc1;
    vmcb->intercept_cr = controls.intercept_cr | (vmcb->cr4 != vcpu->guest_cr4 ? INTERCEPT_CR_READ(4) : 0);
    if (decision.nmi_window && (!vcpu->nmi_blocked || vcpu->iret_next))
        wait_for_nmi(vcpu, vmcb, event != 0);
}

// An ASID of this CPU whose TLB entries are of the guest space as it is now.
static void assign_asid(struct vcpu *vcpu, struct vmcb *vmcb, struct cpu *cpu) {
    vmcb->tlb_control = 0;
    uint64_t owner = cpu->asid_generation << 8 | cpu->id;
    if (vcpu->asid_generation == owner && vcpu->space_generation_seen == vcpu->guest->generation)
        return;
    if (cpu->asid_next >= svm_features.asids) {
        cpu->asid_generation++;
        cpu->asid_next = 1;
        vmcb->tlb_control = TLB_CONTROL_FLUSH_ALL;
        owner = cpu->asid_generation << 8 | cpu->id;
    }
    count(COUNTER_GUEST_TLB);
    vcpu->asid_generation = owner;
    vcpu->space_generation_seen = vcpu->guest->generation;
    vmcb->asid = (uint32_t)cpu->asid_next++;
}

static bool svm_enter(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    struct cpu *cpu = cpu_self();
    assign_asid(vcpu, vmcb, cpu);
    vmcb->clean = 0;
    svm_enter_guest(pool_address(vmcb), vcpu->page->gpr, pool_address(cpu->vendor_host_area));
    cpu->fs_base = 0; // as VMLOAD of the host's area has set it
    uint32_t code = (uint32_t)vmcb->exit_code;
    return code == EXIT_INTR || code == EXIT_NMI;
}

static void svm_release(struct vcpu *vcpu) {
    (void)vcpu; // nothing of a VMCB stays in a CPU
}

static uint32_t svm_aborted(const struct cpu *cpu) {
    (void)cpu; // a CPU with bad host state shuts down without a word (APM 2 15.6)
    return 0;
}

const struct vendor svm_vendor = {
    .name = "AMD-V",
    .id = HOST_VENDOR_SVM,
    .detect = svm_detect,
    .cpu_start = svm_cpu_start,
    .cpu_stop = svm_cpu_stop,
    .control_pages = 1,
    .vcpu_create = svm_vcpu_create,
    .vcpu_forget = svm_release,
    .load = svm_load,
    .fetch = svm_fetch,
    .interruptibility = svm_interruptibility,
    .prepare = svm_prepare,
    .enter = svm_enter,
    .exit = svm_exit,
    .release = svm_release,
    .aborted = svm_aborted,
};
