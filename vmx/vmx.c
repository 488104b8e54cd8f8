// VT-x: detection, start and stop on a CPU, life of vCPUs, entry (SDM 3C chapters 26 to 31, 33).
#include "vmx/vmx.h"
#include "kernel/clock.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/usable.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmx/vmx_control.h"

#define MSR_FEATURE_CONTROL 0x3au
#define MSR_PAT             0x277u
#define MSR_VMX_BASIC       0x480u
#define MSR_VMX_PIN         0x481u
#define MSR_VMX_CPU         0x482u
#define MSR_VMX_EXIT        0x483u
#define MSR_VMX_ENTRY       0x484u
#define MSR_VMX_MISC        0x485u
#define MSR_VMX_CR0_FIXED0  0x486u
#define MSR_VMX_CR4_FIXED0  0x488u
#define MSR_VMX_CR4_FIXED1  0x489u
#define MSR_VMX_CPU2        0x48bu
#define MSR_VMX_EPT_VPID    0x48cu
#define TRUE_CONTROLS       0xcu // from the plain capability MSR to the one that tells what may really be 0
#define BASIC_TRUE_CONTROLS (1ull << 55)

#define EPT_CAP_WALK4       (1ull << 6)
#define EPT_CAP_WRITE_BACK  (1ull << 14)
#define EPT_CAP_PAGES_2M    (1ull << 16)
#define EPT_CAP_PAGES_1G    (1ull << 17)
#define EPT_CAP_INVEPT      (1ull << 20)
#define EPT_CAP_DIRTY       (1ull << 21)
#define EPT_CAP_INVEPT_ONE  (1ull << 25)
#define EPT_CAP_INVVPID     (1ull << 32)
#define EPT_CAP_INVVPID_ALL (1ull << 42)

#define EPTP_WRITE_BACK 6ull
#define EPTP_WALK4      (3ull << 3)
#define EPTP_DIRTY      (1ull << 6)

#define VPIDS 65536u

// The longest that a guest runs without an exit; the field keeps its value, so that no entry writes it. Bochs 2.7 lets
// interrupts be masked by the RFLAGS.IF that a guest is entered with, until the guest writes that flag: an endless loop
// with interrupts off would keep its CPU for ever.
#define LONGEST_RUN_HZ   1000u
#define MISC_TIMER_SHIFT 0x1fu // the timer counts at the TSC's rate shifted right by this

struct vmx_features vmx_features;
static uint64_t ept_vpid;
static uint32_t revision;
uint8_t *vmx_msr_bitmap, *vmx_x2apic_bitmap; // everything intercepted but what belongs to the guest alone
// What exits load in the place of the guest's: the same on all CPUs.
static struct msr_entry *host_msrs;

static const uint32_t switched_msrs[SWITCHED_MSRS] = {MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_KERNEL_GS_BASE};

// MSRs that belong to the guest alone: the VMCS or the lists switch them.
static const struct {
    uint32_t msr;
    bool write;
} guest_msrs[] = {
    {0x10, false},                                           // TSC: offset by the hardware
    {0x174, true},       {0x175, true},       {0x176, true}, // SYSENTER
    {MSR_PAT, true},                                         // entry and exit controls
    {MSR_STAR, true},    {MSR_LSTAR, true},   {MSR_CSTAR, true},
    {MSR_SFMASK, true}, // lists
    {MSR_FS_BASE, true}, {MSR_GS_BASE, true}, {MSR_KERNEL_GS_BASE, true},
};

// x2APIC registers that the processor serves as SDM 3A 10.12.1 says. All other reads would give what is in the page,
// even where there is no register, or where it takes a clock to tell.
static const struct {
    uint32_t first, last;
    bool write;
} x2apic_msrs[] = {
    {0x802, 0x803, false},                        // ID, version
    {0x808, 0x808, true},                         // TPR
    {0x80a, 0x80a, false}, {0x80d, 0x80d, false}, // PPR, LDR
    {0x80b, 0x80b, true},                         // EOI
    {0x80f, 0x828, false},                        // SVR, ISR, TMR, IRR, ESR
    {0x832, 0x838, false}, {0x83e, 0x83e, false}, // LVTs, initial count, divide configuration
    {0x83f, 0x83f, true},                         // self-IPI
};

// ---- Detection

// A control word, or in `reason` which one cannot be had.
static bool control_word(unsigned msr, uint32_t required, uint32_t wanted, uint32_t forbidden, const char *name,
                         uint32_t *word, char *reason, size_t size) {
    bool true_controls = msr != MSR_VMX_CPU2 && (rdmsr(MSR_VMX_BASIC) & BASIC_TRUE_CONTROLS);
    uint64_t capability = rdmsr(msr + (true_controls ? TRUE_CONTROLS : 0));
    uint32_t must = (uint32_t)capability, may = (uint32_t)(capability >> 32);
    if (vmx_controls(must, may, required, wanted, forbidden, word))
        return true;
    format(reason, size, "VT-x of this CPU lacks %s controls %#x that Bulkhead needs, and forces %#x", name,
           required & ~may, forbidden & must);
    return false;
}

static bool control_words(char *reason, size_t size) {
    struct vmx_features *f = &vmx_features;
    return control_word(MSR_VMX_PIN, PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI, PIN_PREEMPTION_TIMER, 0,
                        "pin-based", &f->pin, reason, size) &&
           control_word(MSR_VMX_CPU,
                        CPU_TSC_OFFSET | CPU_HLT | CPU_MWAIT | CPU_RDPMC | CPU_TPR_SHADOW | CPU_IO | CPU_MSR_BITMAP |
                            CPU_MONITOR | CPU_SECONDARY,
                        0, CPU_CR3_LOAD | CPU_CR3_STORE | CPU_INVLPG, "processor-based", &f->cpu, reason, size) &&
           control_word(MSR_VMX_CPU2, CPU2_EPT | CPU2_UNRESTRICTED | CPU2_WBINVD, CPU2_VPID | CPU2_INVPCID | CPU2_APIC,
                        0, "secondary (EPT 2h, WBINVD 40h, unrestricted guest 80h)", &f->cpu2, reason, size) &&
           control_word(MSR_VMX_EXIT,
                        EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER |
                            EXIT_LOAD_EFER,
                        0, 0, "exit", &f->exit, reason, size) &&
           control_word(MSR_VMX_ENTRY, ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER, 0, ENTRY_IA32E, "entry",
                        &f->entry, reason, size);
}

static bool ept_usable(char *reason, size_t size) {
    ept_vpid = rdmsr(MSR_VMX_EPT_VPID);
    const uint64_t needed = EPT_CAP_WALK4 | EPT_CAP_WRITE_BACK | EPT_CAP_PAGES_2M | EPT_CAP_INVEPT | EPT_CAP_INVEPT_ONE;
    if ((ept_vpid & needed) != needed) {
        format(reason, size, "EPT of this CPU lacks what Bulkhead needs (IA32_VMX_EPT_VPID_CAP %#llx of %#llx)",
               (unsigned long long)(ept_vpid & needed), (unsigned long long)needed);
        return false;
    }
    if ((ept_vpid & (EPT_CAP_INVVPID | EPT_CAP_INVVPID_ALL)) != (EPT_CAP_INVVPID | EPT_CAP_INVVPID_ALL))
        vmx_features.cpu2 &= ~CPU2_VPID;
    vmx_features.ept = EPTP_WRITE_BACK | EPTP_WALK4 | (ept_vpid & EPT_CAP_DIRTY ? EPTP_DIRTY : 0);
    return true;
}

static bool vmx_detect(char *reason, size_t size) {
    struct cpuid zero = cpuid(0, 0);
    bool intel = zero.ebx == 0x756e6547; // Genu(ineIntel)
    bool offered = (cpuid(1, 0).ecx & 1u << 5) != 0;
    uint64_t control = offered ? rdmsr(MSR_FEATURE_CONTROL) : 0;
    enum usable usable = usable_vmx(offered, control);
    if (usable == USABLE_NOT_OFFERED && intel)
        format(reason, size, "this CPU has no VT-x (CPUID 1 ECX.VMX), or the firmware hides it");
    if (usable == USABLE_DISABLED)
        format(reason, size, "VT-x is disabled by the firmware (IA32_FEATURE_CONTROL %#llx); enable it in its setup",
               (unsigned long long)control);
    if (usable != USABLE)
        return false;
    if (!control_words(reason, size) || !ept_usable(reason, size))
        return false;
    revision = (uint32_t)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
    vmx_features.cr0_fixed = rdmsr(MSR_VMX_CR0_FIXED0) & ~(CR0_PE | CR0_PG);
    vmx_features.cr4_fixed = rdmsr(MSR_VMX_CR4_FIXED0);
    vmx_features.cr4_allowed = rdmsr(MSR_VMX_CR4_FIXED1);
    format(reason, size, "EPT%s%s, unrestricted guest%s%s", ept_vpid & EPT_CAP_PAGES_1G ? " with 1 GiB pages" : "",
           vmx_features.ept & EPTP_DIRTY ? " and dirty bits" : ", no dirty bits",
           vmx_features.cpu2 & CPU2_VPID ? ", VPID" : ", no VPID",
           vmx_has_apic() ? ", APIC virtualization" : ", no APIC virtualization");
    return true;
}

// ---- A CPU

// Reads, then writes, of MSRs 0 to 1FFFh, C0000000h to C0001FFFh; a set bit exits (SDM 3C 27.6.9).
static void bitmap_allow(uint8_t *msr_bitmap, uint32_t msr, bool write) {
    uint32_t at = (msr & 0x1fff) / 8 + (msr < 0x2000 ? 0 : 0x400);
    uint8_t bit = (uint8_t)(1u << msr % 8);
    msr_bitmap[at] &= (uint8_t)~bit;
    if (write)
        msr_bitmap[at + 0x800] &= (uint8_t)~bit;
}

static bool make_shared(void) {
    vmx_msr_bitmap = pages_allocate(NULL, 1);
    vmx_x2apic_bitmap = pages_allocate(NULL, 1);
    host_msrs = pages_allocate(NULL, 1);
    if (!vmx_msr_bitmap || !vmx_x2apic_bitmap || !host_msrs)
        return false;
    memset(vmx_msr_bitmap, 0xff, PAGE_SIZE);
    for (unsigned i = 0; i < sizeof(guest_msrs) / sizeof(guest_msrs[0]); i++)
        bitmap_allow(vmx_msr_bitmap, guest_msrs[i].msr, guest_msrs[i].write);
    memcpy(vmx_x2apic_bitmap, vmx_msr_bitmap, PAGE_SIZE);
    for (unsigned i = 0; i < sizeof(x2apic_msrs) / sizeof(x2apic_msrs[0]); i++)
        for (uint32_t msr = x2apic_msrs[i].first; msr <= x2apic_msrs[i].last; msr++)
            bitmap_allow(vmx_x2apic_bitmap, msr, x2apic_msrs[i].write);
    for (unsigned i = 0; i < SWITCHED_MSRS; i++)
        host_msrs[i] = (struct msr_entry){switched_msrs[i], 0, rdmsr(switched_msrs[i])};
    return true;
}

static bool vmx_cpu_start(struct cpu *cpu) {
    if (!vmx_msr_bitmap && !make_shared())
        return false;
    uint32_t *region = pages_allocate(NULL, 1);
    if (!region)
        return false;
    *region = revision;
    cpu->vendor_host_area = region;
    cpu->asid_next = 1;
    cpu->asid_generation = 1;
    uint64_t control = rdmsr(MSR_FEATURE_CONTROL);
    if (!(control & FEATURE_LOCK)) // the firmware has left it to us
        wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_VMX | FEATURE_LOCK);
    write_cr0(read_cr0() | CR0_NE);
    write_cr4(read_cr4() | CR4_VMXE);
    uint64_t hpa = pool_address(region);
    bool failed;
    __asm__ volatile("vmxon %1" : "=@ccna"(failed) : "m"(hpa) : "memory");
    if (failed)
        PANIC("VMXON failed on CPU %u", cpu->id);
    invept(INVEPT_ALL, 0);
    if (vmx_features.cpu2 & CPU2_VPID)
        invvpid(INVVPID_ALL);
    return true;
}

static void vmx_cpu_stop(void) {
    struct cpu *cpu = cpu_self();
    if (cpu->vendor_current)
        vmclear(pool_address(cpu->vendor_current) + PAGE_SIZE);
    __asm__ volatile("vmxoff" : : : "cc");
    write_cr4(read_cr4() & ~CR4_VMXE);
}

// ---- A vCPU

void vmx_make_current(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct cpu *cpu = cpu_self();
    if (cpu->vendor_current == v)
        return;
    if (v->cpu && v->cpu != cpu)
        cpu_release_vcpu(v->cpu, vcpu);
    if (v->cpu != cpu) {
        v->cpu = cpu;
        v->launched = false;
        v->host_stale = true;
        v->host_rsp = v->host_cr3 = 0;
        vcpu->asid_generation = 0;
    }
    vmptrld(pool_address(v) + PAGE_SIZE);
    cpu->vendor_current = v;
}

static void vmx_release(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct cpu *cpu = cpu_self();
    if (!v->cpu || v->cpu != cpu)
        return;
    vmclear(pool_address(v) + PAGE_SIZE);
    v->cpu = NULL;
    if (cpu->vendor_current == v)
        cpu->vendor_current = NULL;
}

static void write_controls(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    v->cpu_controls = vmx_features.cpu;
    vmwrite(VMCS_PIN_CONTROLS, vmx_features.pin);
    vmwrite(VMCS_CPU_CONTROLS, v->cpu_controls);
    vmwrite(VMCS_EXIT_CONTROLS, vmx_features.exit);
    vmwrite(VMCS_ENTRY_CONTROLS, vmx_features.entry);
    vmwrite(VMCS_VIRTUAL_APIC, pool_address((void *)(uintptr_t)vcpu->apic));
    vmwrite(VMCS_EPTP, vcpu->guest->root_hpa | vmx_features.ept);
    vmwrite(VMCS_ENTRY_MSR_LOAD, pool_address(v->msrs));
    vmwrite(VMCS_EXIT_MSR_STORE, pool_address(v->msrs));
    vmwrite(VMCS_EXIT_MSR_LOAD, pool_address(host_msrs));
    vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, SWITCHED_MSRS);
    vmwrite(VMCS_EXIT_MSR_STORE_COUNT, SWITCHED_MSRS);
    vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, SWITCHED_MSRS);
    vmwrite(VMCS_CR0_MASK, CR0_OWNED | (vmx_features.cr0_fixed & 0xffffffff));
    vmwrite(VMCS_CR4_MASK, CR4_OWNED | vmx_features.cr4_fixed);
    vmwrite(VMCS_LINK, UINT64_MAX);
    if (vmx_features.pin & PIN_PREEMPTION_TIMER)
        vmwrite(VMCS_PREEMPTION_TIMER, tsc_hz / LONGEST_RUN_HZ >> (rdmsr(MSR_VMX_MISC) & MISC_TIMER_SHIFT));
}

// What of the host is the same on all CPUs.
static void write_host(void) {
    vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
    vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
    vmwrite(VMCS_HOST_CR0, read_cr0());
    vmwrite(VMCS_HOST_CR4, read_cr4());
    vmwrite(VMCS_HOST_RIP, (uint64_t)(uintptr_t)vmx_exit_point);
    vmwrite(VMCS_HOST_SELECTOR(SEGMENT_CS), SELECTOR_KERNEL_CODE);
    vmwrite(VMCS_HOST_SELECTOR(SEGMENT_SS), SELECTOR_KERNEL_DATA);
    vmwrite(VMCS_HOST_SELECTOR(SEGMENT_DS), SELECTOR_KERNEL_DATA);
    vmwrite(VMCS_HOST_SELECTOR(SEGMENT_ES), SELECTOR_KERNEL_DATA);
    vmwrite(VMCS_HOST_SELECTOR(VMCS_HOST_TR), SELECTOR_TSS);
}

// What is of this CPU.
static void write_host_cpu(struct cpu *cpu) {
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr;
    __asm__ volatile("sidt %0" : "=m"(idtr));
    vmwrite(VMCS_HOST_GS_BASE, (uint64_t)(uintptr_t)cpu);
    vmwrite(VMCS_HOST_TR_BASE, (uint64_t)(uintptr_t)&cpu->tss);
    vmwrite(VMCS_HOST_GDTR_BASE, (uint64_t)(uintptr_t)cpu->gdt);
    vmwrite(VMCS_HOST_IDTR_BASE, idtr.base);
}

static void vmx_vcpu_create(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    uint64_t vmcs_hpa = pool_address(v) + PAGE_SIZE;
    *(uint32_t *)(void *)((char *)v + PAGE_SIZE) = revision;
    vmclear(vmcs_hpa);
    for (unsigned i = 0; i < SWITCHED_MSRS; i++)
        v->msrs[i].msr = switched_msrs[i];
    vmx_make_current(vcpu);
    vmx_zero_fields();
    write_controls(vcpu);
    write_host();
    v->dr6 = 0xffff0ff0;
    v->cr0_shadow = 0x60000010;
    vmwrite(VMCS_CR0_SHADOW, v->cr0_shadow);
    vmwrite(VMCS_GUEST_CR0, vmx_real_cr0(v->cr0_shadow));
    vmwrite(VMCS_GUEST_CR4, vmx_real_cr4(0));
    vmwrite(VMCS_GUEST_DR7, 0x400);
    vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
    v->rflags = RFLAGS_FIXED;
    vmwrite(VMCS_GUEST_PAT, 0x0007040600070406);
    vcpu->virtual_delivery = vmx_has_apic();
    vmx_load(vcpu, GROUP_INTERCEPT | GROUP_APIC);
}

static void vmx_vcpu_forget(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    if (v->cpu && v->cpu != cpu_self())
        cpu_release_vcpu(v->cpu, vcpu);
    vmx_release(vcpu);
}

static void vmx_interruptibility(const struct vcpu *vcpu, struct inject_state *state) {
    state->interrupt_flag = (vmread(VMCS_GUEST_RFLAGS) & RFLAGS_IF) != 0;
    state->shadow = (vmx_of(vcpu)->interruptibility & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) != 0;
}

// A software interrupt returns to RIP (abi.md); the processor adds the length of an instruction to the field.
static void write_soft_event(struct vmx_vcpu *v, uint64_t event) {
    uint64_t rip = vmread(VMCS_GUEST_RIP);
    v->soft_event = event & UINT32_MAX;
    v->soft_rip = rip > UINT32_MAX ? rip - 1 : (uint32_t)(rip - 1);
    vmwrite(VMCS_GUEST_RIP, v->soft_rip);
    vmwrite(VMCS_ENTRY_LENGTH, 1);
}

// The entry's event; the format of the ABI is the VMCS' but for the error code's place.
static void write_event(struct vcpu *vcpu, uint64_t event) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    v->soft_event = 0;
    v->injected = event & UINT32_MAX;
    if (!event)
        return; // the hardware has cleared the field at the last exit
    if ((event & EVENT_ERROR_VALID) && !(vmread(VMCS_GUEST_CR0) & CR0_PE))
        event &= ~EVENT_ERROR_VALID; // real mode pushes none
    if (event & EVENT_ERROR_VALID)
        vmwrite(VMCS_ENTRY_ERROR, event >> 32);
    if ((event & EVENT_TYPE) == EVENT_SOFTWARE)
        write_soft_event(v, event);
    if ((event & EVENT_TYPE) == EVENT_NMI) // its delivery was interrupted, perhaps: it blocks others from now on only
        vmx_set_interruptibility(v, v->interruptibility & ~(uint64_t)BLOCKED_BY_NMI);
    vmwrite(VMCS_ENTRY_EVENT, event & 0xffffffff);
}

static void vmx_prepare(struct vcpu *vcpu, uint64_t event, struct inject_decision decision) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    bool window = decision.interrupt_window;
    if (vcpu->virtual_delivery && vcpu->apic_changed)
        window = vmx_apic_hand_over(vcpu, event != 0, window);
    uint32_t controls = vmx_features.cpu | (window ? CPU_INTERRUPT_WINDOW : 0);
    // A processor may open an NMI's window in the shadow of STI, where none can be injected; IF is set behind it.
    if (decision.nmi_window)
        controls |= !event && (v->interruptibility & BLOCKED_BY_STI) ? CPU_INTERRUPT_WINDOW : CPU_NMI_WINDOW;
    if (v->cpu_controls != controls) {
        v->cpu_controls = controls;
        vmwrite(VMCS_CPU_CONTROLS, controls);
    }
    if (v->tpr_threshold != decision.tpr_threshold) {
        v->tpr_threshold = decision.tpr_threshold;
        vmwrite(VMCS_TPR_THRESHOLD, v->tpr_threshold);
    }
    write_event(vcpu, event);
}

// Translations of the guest space as it was are forgotten; a VPID of this CPU whose translations are of this guest.
static void forget_stale(struct vcpu *vcpu, struct cpu *cpu) {
    uint64_t owner = cpu->asid_generation << 8 | cpu->id;
    if (vcpu->asid_generation == owner && vcpu->space_generation_seen == vcpu->guest->generation)
        return;
    count(COUNTER_GUEST_TLB);
    invept(INVEPT_CONTEXT, vcpu->guest->root_hpa | vmx_features.ept);
    vcpu->space_generation_seen = vcpu->guest->generation;
    if (!(vmx_features.cpu2 & CPU2_VPID) || vcpu->asid_generation == owner) {
        vcpu->asid_generation = owner;
        return;
    }
    if (cpu->asid_next >= VPIDS) {
        cpu->asid_generation++;
        cpu->asid_next = 1;
        invvpid(INVVPID_ALL);
        owner = cpu->asid_generation << 8 | cpu->id;
    }
    vcpu->asid_generation = owner;
    vmwrite(VMCS_VPID, cpu->asid_next++);
}

static void write_host_changes(struct vmx_vcpu *v, struct cpu *cpu) {
    uint64_t cr3 = read_cr3();
    if (v->host_stale) {
        v->host_stale = false;
        write_host_cpu(cpu);
    }
    if (v->host_cr3 != cr3) {
        v->host_cr3 = cr3;
        vmwrite(VMCS_HOST_CR3, cr3);
    }
}

// Exits leave the limits of GDTR and TR at FFFFh and 67h (SDM 3C 30.5.2): a selector of user level must not reach what
// lies behind the table, and the bitmap of ports is beyond TR's.
static void restore_tables(struct cpu *cpu) {
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } gdtr = {sizeof(cpu->gdt) - 1, (uint64_t)(uintptr_t)cpu->gdt};
    __asm__ volatile("lgdt %0" : : "m"(gdtr));
    cpu->tss_cut = true;
    cpu->fs_base = 0; // as the host's field says
}

// Exits behind which host interrupts are taken: theirs, and those with which a guest could begin its millisecond of the
// timer anew for ever, for the core enters it again (core.md).
#define TAKES_INTERRUPTS                                                                                               \
    (1ull << REASON_EXCEPTION | 1ull << REASON_INTERRUPT | 1ull << REASON_CR | 1ull << REASON_TPR |                    \
     1ull << REASON_PREEMPTION_TIMER)

static bool vmx_enter(struct vcpu *vcpu) {
    struct vmx_vcpu *v = vmx_of(vcpu);
    struct cpu *cpu = cpu_self();
    forget_stale(vcpu, cpu);
    write_host_changes(v, cpu);
    if (read_cr2() != v->cr2)
        write_cr2(v->cr2);
    write_dr6(v->dr6);
    v->entry_failed = vmx_enter_guest(vcpu->page->gpr, &v->host_rsp, v->launched);
    if (v->entry_failed) // an event in the page that the processor refuses: nothing of the host has changed
        return false;
    v->cr2 = read_cr2();
    v->dr6 = read_dr6();
    restore_tables(cpu);
    uint32_t reason = v->reason = (uint32_t)vmread(VMCS_EXIT_REASON);
    v->launched |= !(reason & REASON_ENTRY_FAILED);
    if (reason == REASON_EXCEPTION &&
        (vmread(VMCS_EXIT_EVENT) & (EVENT_VALID | EVENT_TYPE)) == (EVENT_VALID | EVENT_NMI))
        __asm__ volatile("int $2");
    return reason < 64 && (TAKES_INTERRUPTS >> reason & 1);
}

// The VMX-abort indicator, the second word of the VMCS region (SDM 3C 30.7); it is memory even while the VMCS is
// active.
static uint32_t vmx_aborted(const struct cpu *cpu) {
    const char *v = cpu->vendor_current;
    return v ? __atomic_load_n((const uint32_t *)(const void *)(v + PAGE_SIZE) + 1, __ATOMIC_RELAXED) : 0;
}

const struct vendor vmx_vendor = {
    .name = "VT-x",
    .id = HOST_VENDOR_VMX,
    .detect = vmx_detect,
    .cpu_start = vmx_cpu_start,
    .cpu_stop = vmx_cpu_stop,
    .control_pages = 2,
    .vcpu_create = vmx_vcpu_create,
    .vcpu_forget = vmx_vcpu_forget,
    .load = vmx_load,
    .fetch = vmx_fetch,
    .interruptibility = vmx_interruptibility,
    .prepare = vmx_prepare,
    .enter = vmx_enter,
    .exit = vmx_exit,
    .release = vmx_release,
    .aborted = vmx_aborted,
};
