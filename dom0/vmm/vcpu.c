// vCPUs: their threads, their way into the guest and out of it, and the signals between them.
#include "dom0/vmm/machine.h"
#include "dom0/vmm/vector_registers.h"
#include "lib/server.h"
#include "lib/string.h"

// Kernel pages and stacks lie at fixed places below the image.
#define VCPU_PAGES        0x100000ull
#define VCPU_PAGES_STRIDE 0x4000ull
#define STACK_PAGES       8u

static struct {
    uint8_t guard[PAGE_SIZE];
    uint8_t stack[STACK_PAGES * PAGE_SIZE];
} __attribute__((aligned(4096))) stacks[VMM_VCPUS_MAX];

void vcpu_inject(struct vcpu *vcpu, uint64_t event) {
    vcpu->page->event = event;
    vcpu->page->dirty |= GROUP_EVENT;
}

bool vcpu_need(void *context, uint32_t groups) {
    struct vcpu *vcpu = context;
    // What was changed here and not yet loaded is newer than what the core has.
    uint32_t missing = groups & ~(vcpu->page->valid | vcpu->page->dirty);
    if (!missing)
        return true;
    if (sys_vcpu_control(vcpu->selector, VCPU_FETCH, missing) != OK)
        return false;
    vcpu->page->valid |= missing;
    return true;
}

void vcpu_request(struct vcpu *vcpu, uint32_t request, bool level) {
    uint32_t *requests = &vcpu->page->requests;
    if (!level) {
        __atomic_fetch_and(requests, ~request, __ATOMIC_RELAXED);
        return;
    }
    bool was = (__atomic_fetch_or(requests, request, __ATOMIC_SEQ_CST) & request) != 0;
    if (!was && vcpu->machine->current != vcpu)
        sys_vcpu_control(vcpu->selector, VCPU_KICK, 0);
}

void vcpu_attend(struct vcpu *vcpu, bool *flag) {
    *flag = true;
    vcpu->attention = true;
    if (vcpu->machine->current != vcpu)
        sys_thread_control(vcpu->thread, THREAD_SIGNAL, VCPU_EVENT_ATTENTION, 0, 0);
}

// ---- States

// Registers after RESET and INIT (SDM 3A table 9-1), but for CR0. INIT keeps the MSRs.
static void registers_reset(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    static const struct vcpu_segment data = {0, 0x093, 0xffff, 0};
    memset(page->gpr, 0, sizeof page->gpr);
    page->gpr[RDX] = vcpu->machine->cpuid.leaves[1].leaf == 1 ? vcpu->machine->cpuid.leaves[1].result.eax : 0x600;
    page->rip = 0xfff0;
    page->rflags = 2;
    page->interruptibility = 0;
    page->cpl = 0;
    page->cr2 = page->cr3 = page->cr4 = page->efer = 0;
    for (unsigned i = 0; i < SEGMENT_LDTR; i++)
        page->segment[i] = data;
    page->segment[SEGMENT_CS] = (struct vcpu_segment){0xf000, 0x09b, 0xffff, 0xffff0000};
    page->segment[SEGMENT_LDTR] = (struct vcpu_segment){0, 0x082, 0xffff, 0};
    page->segment[SEGMENT_TR] = (struct vcpu_segment){0, 0x08b, 0xffff, 0};
    page->gdtr = page->idtr = (struct vcpu_segment){.limit = 0xffff};
    page->dr6 = 0xffff0ff0;
    page->dr7 = 0x400;
    memset(page->dr, 0, sizeof page->dr);
    page->event = 0;
    page->activity = VCPU_ACTIVE;
    page->dirty |= GROUP_RIP | GROUP_CONTROL | GROUP_CS_SS | GROUP_SEGMENT | GROUP_TABLE | GROUP_DEBUG | GROUP_EVENT;
}

void vcpu_reset(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    registers_reset(vcpu);
    page->cr0 = CR0_CD | CR0_NW | CR0_ET;
    page->star = page->lstar = page->cstar = page->sfmask = page->kernel_gs_base = 0;
    page->sysenter_cs = page->sysenter_esp = page->sysenter_eip = 0;
    page->pat = 0x0007040600070406;
    page->xcr0 = 1;
    // VT-x makes an x87 error #MF, whatever the guest's CR0.NE says; AMD-V's exit for CR0.NE clear is no #MF.
    page->exception_intercepts = vcpu->machine->cpuid.intel ? 1u << VECTOR_MF : 0;
    page->dirty |= GROUP_MSR | GROUP_INTERCEPT | GROUP_TSC;
    if (vcpu->machine->cpuid.xcr0_allowed)
        page->dirty |= GROUP_XCR0;
    msr_reset(&vcpu->msr);
    page->tsc_offset = vcpu->machine->clock.tsc_offset;
    __atomic_store_n(&page->requests, 0, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 4; i++)
        __atomic_store_n(&page->pir[i], 0, __ATOMIC_RELAXED);
    lapic_reset(&vcpu->lapic);
    page->apic_access = LAPIC_BASE;
    vcpu->mode = vcpu->index == 0 ? VCPU_MODE_RUN : VCPU_MODE_WAIT_SIPI;
    vcpu->init_pending = vcpu->startup_pending = false;
    emulate_map_changed(&vcpu->emulate);
    vcpu->timers_changed = true;
}

// CD and NW stay as they are.
static void init_signal(struct vcpu *vcpu) {
    uint64_t kept = vcpu_need(vcpu, GROUP_CONTROL) ? vcpu->page->cr0 & (CR0_CD | CR0_NW) : 0;
    registers_reset(vcpu);
    vcpu->page->cr0 = kept | CR0_ET;
    lapic_init_signal(&vcpu->lapic);
    vcpu->timers_changed = true;
    vcpu->mode = vcpu->index == 0 ? VCPU_MODE_RUN : VCPU_MODE_WAIT_SIPI;
}

// Start-up IPI: real mode at vector << 12 (SDM 3A 8.4.2).
static void start_up(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    page->segment[SEGMENT_CS].selector = (uint16_t)(vcpu->startup_vector << 8);
    page->segment[SEGMENT_CS].base = (uint64_t)vcpu->startup_vector << 12;
    page->rip = 0;
    page->dirty |= GROUP_CS_SS | GROUP_RIP;
    vcpu->mode = VCPU_MODE_RUN;
}

// ---- The thread

// Sleeps until the vCPU has something to look at. The lock is released meanwhile.
static void wait_for_attention(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    machine_unlock(&machine->lock);
    sys_reply_wait(WAIT_NO_REPLY, VCPU_EVENT_ATTENTION, NO_DEADLINE);
    machine_lock(&machine->lock);
    machine->current = vcpu;
}

static void park(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    vcpu->parked = true;
    if (machine_all_parked(machine))
        machine_parked(machine);
    while (machine->hold)
        wait_for_attention(vcpu);
    vcpu->parked = false;
    vcpu->timers_changed = true;
}

// Looks at everything that others asked of this vCPU, and returns when it may run.
static void attend(struct vcpu *vcpu) {
    for (;;) {
        vcpu->attention = false;
        if (vcpu->machine->hold) {
            park(vcpu);
            continue;
        }
        if (vcpu->init_pending) {
            vcpu->init_pending = false;
            init_signal(vcpu);
        }
        if (vcpu->startup_pending) {
            vcpu->startup_pending = false;
            if (vcpu->mode == VCPU_MODE_WAIT_SIPI)
                start_up(vcpu);
        }
        if (vcpu->mode == VCPU_MODE_RUN)
            return;
        wait_for_attention(vcpu);
    }
}

static void run_failed(struct vcpu *vcpu, int64_t status) {
    machine_crash(vcpu->machine, "vCPU %u cannot be run: status %lld", vcpu->index, (long long)status);
}

// First code of a vCPU's thread.
static _Noreturn void vcpu_thread(struct vcpu *vcpu) {
    struct machine *machine = vcpu->machine;
    machine_lock(&machine->lock);
    machine->current = vcpu;
    vcpu->attention = true;
    for (;;) {
        if (vcpu->attention)
            attend(vcpu);
        if (vcpu->timers_changed)
            machine_set_deadline(vcpu);
        machine_unlock(&machine->lock);
        int64_t status = sys_run(vcpu->selector, VCPU_EVENT_ATTENTION);
        machine_lock(&machine->lock);
        machine->current = vcpu;
        if (status == OK)
            vcpu_exit(vcpu);
        else
            run_failed(vcpu, status);
    }
}

static void connect_msrs(struct vcpu *vcpu);
static void connect_emulation(struct vcpu *vcpu);

const char *vcpu_init(struct machine *machine, unsigned index, unsigned cpu) {
    struct vcpu *vcpu = &machine->vcpus[index];
    uint64_t at = VCPU_PAGES + index * VCPU_PAGES_STRIDE;
    uint64_t message = selector_new(), state = selector_new(), apic = selector_new();
    vcpu->machine = machine;
    vcpu->index = index;
    vcpu->cpu = cpu;
    vcpu->selector = selector_new();
    vcpu->thread = selector_new();
    if (sys_create_page(message, SELECTOR_SELF, at) != OK ||
        sys_create_page(state, SELECTOR_SELF, at + PAGE_SIZE) != OK ||
        sys_create_page(apic, SELECTOR_SELF, at + 2 * PAGE_SIZE) != OK)
        return "vcpus: no kernel memory for a vCPU's pages";
    vcpu->message = (struct message_buffer *)at;
    vcpu->page = (struct vcpu_page *)(at + PAGE_SIZE);
    vcpu->apic_page = (volatile uint32_t *)(at + 2 * PAGE_SIZE);
    if (sys_create_vcpu(vcpu->selector, machine->space, state, apic, cpu) != OK)
        return "vcpus: a vCPU cannot be created; the host lacks hardware virtualization, or kernel memory";
    sys_delegate(SELECTOR_SELF, 0, SELECTOR_SELF, (uint64_t)(uintptr_t)stacks[index].guard, 0);
    uint64_t top = (uint64_t)(uintptr_t)(stacks[index].stack + sizeof stacks[index].stack);
    if (sys_create_thread(vcpu->thread, SELECTOR_SELF, message, cpu, (uint64_t)(uintptr_t)vcpu_thread, top - 8) != OK)
        return "vcpus: no kernel memory for a vCPU's thread";
    lapic_init(&vcpu->lapic, &machine->lapic_host, index, vcpu->apic_page, (_Atomic uint64_t *)vcpu->page->pir);
    machine->lapics[index] = &vcpu->lapic;
    connect_msrs(vcpu);
    connect_emulation(vcpu);
    vcpu->page->wanted_memory = GROUP_SEGMENT;
    vcpu->page->wanted_other = 0;
    vcpu->page->deadline_tsc = NO_DEADLINE;
    return NULL;
}

const char *vcpu_start_thread(struct vcpu *vcpu) {
    int64_t status = sys_thread_control(vcpu->thread, THREAD_START, (uint64_t)(uintptr_t)vcpu, 0, 0);
    return status == OK ? NULL : "vcpus: a vCPU's thread does not start";
}

// ---- MSRs that reach beyond the vCPU

static uint64_t msr_guest_tsc(void *context) {
    const struct vcpu *vcpu = context;
    return guest_clock_tsc(&vcpu->machine->clock, now_tsc());
}

static void msr_adjust_changed(void *context) {
    struct vcpu *vcpu = context;
    vcpu->page->tsc_offset = vcpu->machine->clock.tsc_offset + vcpu->msr.s.tsc_adjust;
    vcpu->page->dirty |= GROUP_TSC;
    vcpu->timers_changed = true;
}

// The KVM clock: a page per vCPU that says how guest time follows from the TSC; bit 0 enables it.
static void msr_clock_page_changed(void *context) {
    struct vcpu *vcpu = context;
    uint64_t at = vcpu->msr.s.clock_page;
    if (!(at & 1))
        return;
    struct kvm_clock_page page =
        kvm_clock_page(&vcpu->machine->clock, now_tsc(), vcpu->msr.s.tsc_adjust, vcpu->clock_version += 2);
    machine_memory_write(vcpu->machine, at & ~1ull, &page, sizeof page);
}

static void msr_wall_clock_changed(void *context) {
    struct vcpu *vcpu = context;
    struct kvm_wall_clock clock = kvm_wall_clock(&vcpu->machine->clock, vcpu->clock_version += 2);
    machine_memory_write(vcpu->machine, vcpu->msr.s.wall_clock, &clock, sizeof clock);
}

static bool msr_apic_read(void *context, uint32_t number, uint64_t *value) {
    struct vcpu *vcpu = context;
    return lapic_msr_read(&vcpu->lapic, number, value);
}

static bool msr_apic_write(void *context, uint32_t number, uint64_t value) {
    struct vcpu *vcpu = context;
    return lapic_msr_write(&vcpu->lapic, number, value);
}

static void connect_msrs(struct vcpu *vcpu) {
    vcpu->msr_host = (struct msr_host){
        vcpu,          vcpu_need,     msr_guest_tsc, msr_adjust_changed, msr_clock_page_changed, msr_wall_clock_changed,
        lapic_has_msr, msr_apic_read, msr_apic_write};
    vcpu->msr.host = &vcpu->msr_host;
    vcpu->msr.cpu = vcpu->page;
    vcpu->msr.intel = vcpu->machine->cpuid.intel;
    vcpu->msr.physical_bits = vcpu->machine->cpuid.physical_bits;
}

static void connect_emulation(struct vcpu *vcpu) {
    vcpu->emulate_host = (struct emulate_host){vcpu,
                                               {vcpu, machine_memory_pointer, machine_mmio_read},
                                               machine_mmio_write,
                                               machine_port_read_string,
                                               machine_port_write_string,
                                               vector_registers_read,
                                               vector_registers_write,
                                               vector_registers_xcr0};
    vcpu->emulate.host = &vcpu->emulate_host;
    vcpu->emulate.cpu = vcpu->page;
    vcpu->emulate.physical_bits = vcpu->machine->cpuid.physical_bits;
}
