// Exits for accesses to MSRs and control registers.
#include "dom0/vmm/emulate_operation.h"
#include "dom0/vmm/machine.h"
#include "lib/apic_priority.h"

void exit_msr_read(struct vcpu *vcpu) {
    static const uint8_t opcode[] = {0x0f, 0x32};
    struct vcpu_page *page = vcpu->page;
    uint32_t number = (uint32_t)page->gpr[RCX];
    unsigned length;
    uint64_t value;
    if (!vcpu_length(vcpu, opcode, sizeof opcode, &length))
        return;
    if (!msr_read(&vcpu->msr, number, &value)) {
        machine_log(vcpu->machine, "vCPU %u reads MSR %x, which it does not have: #GP; RIP %llx", vcpu->index, number,
                    (unsigned long long)page->rip);
        vcpu_inject(vcpu, exception_with_error(VECTOR_GP, 0));
        return;
    }
    page->gpr[RAX] = (uint32_t)value;
    page->gpr[RDX] = value >> 32;
    vcpu_skip(vcpu, length);
}

void exit_msr_write(struct vcpu *vcpu) {
    static const uint8_t opcode[] = {0x0f, 0x30};
    struct vcpu_page *page = vcpu->page;
    uint32_t number = (uint32_t)page->gpr[RCX];
    uint64_t value = (page->gpr[RAX] & 0xffffffff) | page->gpr[RDX] << 32;
    unsigned length;
    if (!vcpu_length(vcpu, opcode, sizeof opcode, &length))
        return;
    if (!msr_write(&vcpu->msr, number, value)) {
        machine_log(vcpu->machine, "vCPU %u writes %llx to MSR %x: #GP; RIP %llx", vcpu->index,
                    (unsigned long long)value, number, (unsigned long long)page->rip);
        vcpu_inject(vcpu, exception_with_error(VECTOR_GP, 0));
        return;
    }
    vcpu_skip(vcpu, length);
}

// ---- Control registers

static bool control_write(struct vcpu *vcpu, unsigned number, uint64_t value) {
    struct vcpu_page *page = vcpu->page;
    if (number == 4) {
        if (!cr4_takes(value, page->cr4, page->cr3, page->efer, vcpu->machine->cpuid.cr4_allowed))
            return false;
        page->cr4 = value;
        page->dirty |= GROUP_CONTROL; // and with it the guest's translations
        return true;
    }
    if (value >> 4)
        return false;
    vcpu->apic_page[LAPIC_TPR / 4] = (uint32_t)value << 4;
    return true;
}

// Finds ModRM behind prefixes and 0F xx; Zydis is not needed for the two instructions that there are: MOV from a
// control register and to one.
struct control_instruction {
    uint8_t opcode, modrm, rex, length;
    bool lock;
};

static bool control_parse(const uint8_t *bytes, unsigned count, unsigned mode, struct control_instruction *out) {
    unsigned at = 0;
    *out = (struct control_instruction){0};
    for (; at < count; at++) {
        if (bytes[at] == 0xf0)
            out->lock = true;
        else if (mode == 64 && (bytes[at] & 0xf0) == 0x40)
            out->rex = bytes[at];
        else if (bytes[at] == 0x0f)
            break;
    }
    if (at + 2 > count || bytes[at] != 0x0f)
        return false;
    out->opcode = bytes[at + 1];
    out->modrm = at + 2 < count ? bytes[at + 2] : 0;
    out->length = (uint8_t)(at + 3);
    return out->length <= count;
}

// The instruction may go on on the next page.
static bool control_decode(struct vcpu *vcpu, struct control_instruction *out) {
    uint8_t bytes[16];
    unsigned count = 0, mode = emulate_mode_bits(vcpu->page);
    if (emulate_fetch(&vcpu->emulate, bytes, &count) != EMULATE_DONE)
        return false;
    if (control_parse(bytes, count, mode, out))
        return true;
    return count < INSTRUCTION_BYTES_MAX && emulate_fetch_more(&vcpu->emulate, bytes, &count) == EMULATE_DONE &&
           control_parse(bytes, count, mode, out);
}

// On AMD-V: what is written to CR4 and CR8, and what is read from CR4 where the processor has another value there.
void exit_control_register(struct vcpu *vcpu) {
    struct vcpu_page *page = vcpu->page;
    struct control_instruction i;
    if (!control_decode(vcpu, &i)) {
        vcpu_emulated(vcpu, EMULATE_UNHANDLED);
        return;
    }
    unsigned number = (i.modrm >> 3 & 7) | (i.rex & 4 ? 8 : 0) | (i.lock ? 8 : 0),
             gpr = (i.modrm & 7) | (i.rex & 1 ? 8 : 0);
    bool wide = emulate_mode_bits(page) == 64, good = true;
    if (i.opcode == 0x20 && number == 4)
        register_write(page, gpr, wide ? 8 : 4, page->cr4);
    else if (i.opcode == 0x22 && (number == 4 || number == 8))
        good = control_write(vcpu, number, wide ? page->gpr[gpr] : page->gpr[gpr] & 0xffffffff);
    else {
        vcpu_emulated(vcpu, EMULATE_UNHANDLED);
        return;
    }
    if (good)
        vcpu_skip(vcpu, i.length);
    else
        vcpu_inject(vcpu, exception_with_error(VECTOR_GP, 0));
}

// XSETBV: XCR0 takes what CPUID offers, x87 always, AVX only with SSE, AVX-512 only whole (SDM 1 13.3).
void exit_xsetbv(struct vcpu *vcpu) {
    static const uint8_t opcode[] = {0x0f, 0x01, 0xd1};
    struct vcpu_page *page = vcpu->page;
    uint64_t value = (page->gpr[RAX] & 0xffffffff) | page->gpr[RDX] << 32;
    unsigned length;
    if (!vcpu_length(vcpu, opcode, sizeof opcode, &length))
        return;
    bool avx512 = (value & 0xe0) != 0;
    if ((uint32_t)page->gpr[RCX] != 0 || page->cpl != 0 || (value & ~vcpu->machine->cpuid.xcr0_allowed) ||
        !(value & 1) || ((value & 4) && !(value & 2)) || (avx512 && (value & 0xe6) != 0xe6)) {
        vcpu_inject(vcpu, exception_with_error(VECTOR_GP, 0));
        return;
    }
    page->xcr0 = value;
    page->dirty |= GROUP_XCR0;
    vcpu_skip(vcpu, length);
}
