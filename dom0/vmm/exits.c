// Exits of a vCPU: a table from reason to what serves it.
#include "dom0/vmm/emulate_operation.h"
#include "dom0/vmm/machine.h"
#include "dom0/vmm/state_check.h"
#include "dom0/vmm/vector_registers.h"
#include "lib/server.h"

#define DR6_SINGLE_STEP 0x4000ull
#define KVM_ENOSYS      (-1000ll)

// ---- The ends of an instruction

static void single_step(struct vcpu *vcpu) {
    if (!vcpu_need(vcpu, GROUP_DEBUG))
        return;
    vcpu->page->dr6 |= DR6_SINGLE_STEP;
    vcpu->page->dirty |= GROUP_DEBUG;
    vcpu_inject(vcpu, exception(VECTOR_DB));
}

// What a simple exit may lack (VCPU_EXITS_SIMPLE).
static bool need_mode(struct vcpu *vcpu) {
    return vcpu_need(vcpu, GROUP_CONTROL | GROUP_CS_SS);
}

void vcpu_skip(struct vcpu *vcpu, unsigned length) {
    if (emulate_skip_wraps(vcpu->page, length))
        (void)need_mode(vcpu);
    emulate_skip(&vcpu->emulate, length);
    if (vcpu->emulate.single_step)
        single_step(vcpu);
}

static void report_unhandled(struct vcpu *vcpu, const char *what) {
    const struct vcpu_page *page = vcpu->page;
    uint8_t b[16] = {0};
    unsigned count = 0;
    struct emulate *e = &vcpu->emulate;
    if (!need_mode(vcpu) || emulate_fetch(e, b, &count) != EMULATE_DONE)
        count = 0;
    machine_log(vcpu->machine,
                "vCPU %u at %04x:%llx: %s (exit %u, address %llx): %02x %02x %02x %02x %02x %02x %02x %02x; #UD",
                vcpu->index, page->segment[SEGMENT_CS].selector, (unsigned long long)page->rip, what, page->exit_reason,
                (unsigned long long)page->gpa, b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
}

void vcpu_emulated(struct vcpu *vcpu, enum emulate_result result) {
    struct emulate *e = &vcpu->emulate;
    switch (result) {
    case EMULATE_DONE:
    case EMULATE_AGAIN:
        vcpu->page->dirty |= GROUP_RIP;
        if (e->single_step)
            single_step(vcpu);
        break;
    case EMULATE_FAULT:
        vcpu_inject(vcpu, e->exception);
        break;
    case EMULATE_UNHANDLED:
        report_unhandled(vcpu, "an instruction that is not emulated");
        vcpu_inject(vcpu, exception(VECTOR_UD));
        break;
    case EMULATE_NO_RAM:
        report_unhandled(vcpu, "code that is not in memory");
        vcpu_inject(vcpu, exception(VECTOR_UD));
        break;
    }
}

bool vcpu_length(struct vcpu *vcpu, const uint8_t *opcode, unsigned bytes, unsigned *length) {
    *length = vcpu->page->instruction_length;
    if (*length)
        return true;
    if (vcpu->page->next_rip > vcpu->page->rip && vcpu->page->next_rip - vcpu->page->rip <= INSTRUCTION_BYTES_MAX) {
        *length = (unsigned)(vcpu->page->next_rip - vcpu->page->rip);
        return true;
    }
    enum emulate_result result =
        need_mode(vcpu) ? emulate_length(&vcpu->emulate, opcode, bytes, length) : EMULATE_UNHANDLED;
    if (result == EMULATE_DONE)
        return true;
    vcpu->emulate.single_step = false;
    vcpu_emulated(vcpu, result);
    return false;
}

// Skips an instruction that needs nothing else done.
static void skip_opcode(struct vcpu *vcpu, const uint8_t *opcode, unsigned bytes) {
    unsigned length;
    if (vcpu_length(vcpu, opcode, bytes, &length))
        vcpu_skip(vcpu, length);
}

// ---- Handlers

static void exit_nothing(struct vcpu *vcpu) {
}

static void exit_deadline(struct vcpu *vcpu) {
    machine_expire(vcpu);
}

static void exit_extint(struct vcpu *vcpu) {
    int vector = pic_acknowledge(&vcpu->machine->pic);
    vcpu_inject(vcpu, EVENT_VALID | EVENT_INTERRUPT | (uint8_t)vector);
}

static void exit_cpuid(struct vcpu *vcpu) {
    static const uint8_t opcode[] = {0x0f, 0xa2};
    struct vcpu_page *page = vcpu->page;
    unsigned length;
    if (!vcpu_length(vcpu, opcode, sizeof opcode, &length))
        return;
    uint32_t leaf = (uint32_t)page->gpr[RAX];
    uint64_t xcr0 = leaf == 0xd && vcpu->machine->cpuid.xcr0_allowed ? vector_registers_xcr0(vcpu) : 1;
    if (leaf == 1 && !vcpu_need(vcpu, GROUP_CONTROL))
        return;
    struct cpuid_vcpu state = {vcpu->index, page->cr4, xcr0, lapic_enabled(&vcpu->lapic)};
    struct cpuid_result result = cpuid_read(&vcpu->machine->cpuid, &state, leaf, (uint32_t)page->gpr[RCX]);
    page->gpr[RAX] = result.eax;
    page->gpr[RBX] = result.ebx;
    page->gpr[RCX] = result.ecx;
    page->gpr[RDX] = result.edx;
    vcpu_skip(vcpu, length);
}

static void exit_hlt(struct vcpu *vcpu) {
    static const uint8_t opcode[] = {0xf4};
    unsigned length;
    if (!vcpu_length(vcpu, opcode, sizeof opcode, &length))
        return;
    vcpu_skip(vcpu, length);
    if (!vcpu->emulate.single_step)
        vcpu->page->activity = VCPU_HALTED;
}

static void exit_io(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    uint64_t q = page->qualification;
    uint16_t port = VCPU_IO_PORT(q);
    unsigned bytes = VCPU_IO_BYTES(q);
    if (q & VCPU_IO_STRING) {
        vcpu->emulate.gpa_known = false;
        vcpu_emulated(vcpu, vcpu_need(vcpu, GROUP_SEGMENT) ? emulate_instruction(&vcpu->emulate) : EMULATE_UNHANDLED);
        return;
    }
    if (q & VCPU_IO_IN)
        register_write(page, RAX, bytes, machine_port_read(vcpu->machine, port, bytes));
    else
        machine_port_write(vcpu->machine, port, bytes, (uint32_t)(page->gpr[RAX] & bytes_mask(bytes)));
    vcpu_skip(vcpu, page->instruction_length ? page->instruction_length : (unsigned)(page->next_rip - page->rip) & 15);
}

static void exit_memory(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    if (page->event & EVENT_VALID) {
        machine_crash(vcpu->machine, "an interrupt's delivery touches %llx, which is not memory; RIP %llx",
                      (unsigned long long)page->gpa, (unsigned long long)page->rip);
        return;
    }
    if (!vcpu_need(vcpu, GROUP_SEGMENT))
        return;
    vcpu->emulate.gpa_known = !(page->qualification & (VCPU_MEMORY_WALK | VCPU_MEMORY_EXECUTE));
    vcpu->emulate.gpa = page->gpa;
    vcpu_emulated(vcpu, emulate_instruction(&vcpu->emulate));
}

// With CR0.NE clear an x87 error is no exception: the processor waits at the instruction for the interrupt that FERR#
// asks the chipset for (SDM 1 D.2; APM 2 15.14.3).
static void x87_error(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    piix3_coprocessor_error(&vcpu->machine->piix3);
    page->interruptibility &= ~VCPU_SHADOW;
    page->dirty |= GROUP_RIP;
    page->activity = VCPU_HALTED;
}

static void exit_exception(struct vcpu *vcpu) {
    uint64_t q = vcpu->page->qualification;
    unsigned vector = (unsigned)(q & 0x1f);
    if (vector == VECTOR_MF && !(vcpu->page->cr0 & CR0_NE)) {
        x87_error(vcpu);
        return;
    }
    bool has_error = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    vcpu_inject(vcpu, has_error ? exception_with_error(vector, (uint32_t)(q >> 32)) : exception(vector));
}

static void exit_shutdown(struct vcpu *vcpu) {
    machine_triple_fault(vcpu->machine);
}

static void exit_vmcall(struct vcpu *vcpu) {
    static const uint8_t amd[] = {0x0f, 0x01, 0xd9}, intel[] = {0x0f, 0x01, 0xc1};
    vcpu->page->gpr[RAX] = (uint64_t)KVM_ENOSYS;
    skip_opcode(vcpu, vcpu->machine->cpuid.intel ? intel : amd, 3);
}

static void exit_wbinvd(struct vcpu *vcpu) {
    static const uint8_t wbinvd[] = {0x0f, 0x09}, invd[] = {0x0f, 0x08};
    unsigned length;
    if (emulate_length(&vcpu->emulate, invd, sizeof invd, &length) == EMULATE_DONE)
        vcpu_skip(vcpu, length);
    else
        skip_opcode(vcpu, wbinvd, sizeof wbinvd);
}

static void exit_pause(struct vcpu *vcpu) {
    static const uint8_t opcode[] = {0x90}; // the F3 before it counts as a prefix
    skip_opcode(vcpu, opcode, sizeof opcode);
}

static void exit_undefined(struct vcpu *vcpu) {
    vcpu_inject(vcpu, exception(VECTOR_UD));
}

static void exit_protection(struct vcpu *vcpu) {
    vcpu_inject(vcpu, exception_with_error(VECTOR_GP, 0));
}

static void exit_invalid(struct vcpu *vcpu) {
    const struct vcpu_page *page = vcpu->page;
    bool complete = vcpu_need(vcpu, GROUP_ALL);
    const char *failed = complete ? state_check(page, vcpu->machine->cpuid.physical_bits) : NULL;
    machine_crash(vcpu->machine,
                  "the CPU state cannot be entered: %s; reason %llx, RIP %llx, CR0 %llx, CR3 %llx, CR4 %llx, EFER %llx",
                  failed ? failed : "no check known here fails", (unsigned long long)page->qualification,
                  (unsigned long long)page->rip, (unsigned long long)page->cr0, (unsigned long long)page->cr3,
                  (unsigned long long)page->cr4, (unsigned long long)page->efer);
}

static void exit_eoi(struct vcpu *vcpu) {
    lapic_ended(&vcpu->lapic, (uint8_t)vcpu->page->qualification);
}

static void exit_apic_write(struct vcpu *vcpu) {
    lapic_written(&vcpu->lapic, (unsigned)vcpu->page->qualification);
}

typedef void exit_function(struct vcpu *vcpu);

static exit_function *const handlers[VCPU_EXIT_COUNT] = {
    [VCPU_EXIT_POKE] = exit_nothing,
    [VCPU_EXIT_EVENTS] = exit_nothing,
    [VCPU_EXIT_DEADLINE] = exit_deadline,
    [VCPU_EXIT_EXTINT] = exit_extint,
    [VCPU_EXIT_CPUID] = exit_cpuid,
    [VCPU_EXIT_HLT] = exit_hlt,
    [VCPU_EXIT_IO] = exit_io,
    [VCPU_EXIT_RDMSR] = exit_msr_read,
    [VCPU_EXIT_WRMSR] = exit_msr_write,
    [VCPU_EXIT_MEMORY] = exit_memory,
    [VCPU_EXIT_CR] = exit_control_register,
    [VCPU_EXIT_EXCEPTION] = exit_exception,
    [VCPU_EXIT_SHUTDOWN] = exit_shutdown,
    [VCPU_EXIT_VMCALL] = exit_vmcall,
    [VCPU_EXIT_XSETBV] = exit_xsetbv,
    [VCPU_EXIT_WBINVD] = exit_wbinvd,
    [VCPU_EXIT_PAUSE] = exit_pause,
    [VCPU_EXIT_MWAIT] = exit_undefined,
    [VCPU_EXIT_VIRTUALIZATION] = exit_undefined,
    [VCPU_EXIT_TASK_SWITCH] = exit_task_switch,
    [VCPU_EXIT_RDPMC] = exit_protection,
    [VCPU_EXIT_INVALID] = exit_invalid,
    [VCPU_EXIT_EOI] = exit_eoi,
    [VCPU_EXIT_APIC_WRITE] = exit_apic_write,
};

void vcpu_exit(struct vcpu *vcpu) {
    uint32_t reason = vcpu->page->exit_reason;
    if (reason < VCPU_EXIT_COUNT)
        handlers[reason](vcpu);
    else
        machine_crash(vcpu->machine, "the core gives exit reason %u, which this VMM does not know", reason);
}
