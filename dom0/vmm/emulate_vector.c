// Emulated moves between memory and vector registers: MMX, SSE, and AVX's of the VEX encoding.
#include "dom0/vmm/emulate_operation.h"
#include "lib/string.h"

#define XCR0_SSE_AVX 6ull
#define REGISTER_MAX 32u // bytes
#define LOW_BYTES    16u // what is moved of a part lies in there
#define NO_EXCEPTION 0u

// The exception that the CPU raises before it accesses memory (SDM 2A 2.6, 2.4). It has checked the same, but the code
// may have changed since, and the registers are no longer those of the program that runs.
static unsigned exception_of(const struct emulate *e, bool mmx) {
    const struct vcpu_page *cpu = e->cpu;
    if (e->instruction->prefixes & PREFIX_VEX) {
        bool on = (cpu->cr4 & CR4_OSXSAVE) && (e->host->xcr0(e->host->context) & XCR0_SSE_AVX) == XCR0_SSE_AVX;
        if (!on || !(cpu->cr0 & CR0_PE) || (cpu->rflags & RFLAGS_VM))
            return VECTOR_UD;
    } else if ((cpu->cr0 & CR0_EM) || (!mmx && !(cpu->cr4 & CR4_OSFXSR))) {
        return VECTOR_UD;
    }
    return cpu->cr0 & CR0_TS ? VECTOR_NM : NO_EXCEPTION;
}

static enum vector_bank bank_of(const struct instruction *i, const struct operand *operand) {
    if (operand->kind == OPERAND_MMX)
        return VECTOR_MMX;
    if (operand->bytes == REGISTER_MAX)
        return VECTOR_YMM;
    return i->prefixes & PREFIX_VEX ? VECTOR_XMM_VEX : VECTOR_XMM;
}

static void load(struct emulate *e, const struct memory_access *from) {
    const struct instruction *i = e->instruction;
    const struct emulate_host *host = e->host;
    const struct operand *to = &i->operand[0];
    uint8_t value[REGISTER_MAX] = {0};
    unsigned offset = i->part == VECTOR_HIGH ? LOW_BYTES / 2 : 0;
    // What stays is the register's own other half, or with three operands that of the second.
    if (i->part == VECTOR_LOW || i->part == VECTOR_HIGH)
        host->vector_read(host->context, VECTOR_XMM, i->operand[i->operands - 2u].number, value);
    memory_read_bytes(e, from, value + offset);
    host->vector_write(host->context, bank_of(i, to), to->number, value);
}

static void store(struct emulate *e, const struct memory_access *to) {
    const struct instruction *i = e->instruction;
    const struct operand *from = &i->operand[1];
    uint8_t value[REGISTER_MAX] = {0};
    e->host->vector_read(e->host->context, bank_of(i, from), from->number, value);
    memory_write_bytes(e, to, value + (i->part == VECTOR_HIGH ? LOW_BYTES / 2 : 0));
}

enum emulate_result emulate_vector(struct emulate *e) {
    const struct instruction *i = e->instruction;
    bool loads = i->operands >= 2 && i->operand[i->operands - 1u].kind == OPERAND_MEMORY;
    const struct operand *memory = &i->operand[loads ? i->operands - 1u : 0];
    const struct operand *vector = &i->operand[loads ? 0 : 1];
    bool mmx = vector->kind == OPERAND_MMX;
    if (memory->kind != OPERAND_MEMORY || (!loads && i->operands != 2) || (!mmx && vector->kind != OPERAND_VECTOR) ||
        memory->bytes == 0 || memory->bytes > vector->bytes)
        return EMULATE_UNHANDLED;
    unsigned exception = exception_of(e, mmx);
    if (exception != NO_EXCEPTION)
        return emulate_raise(e, exception, false, 0);
    struct memory_access access;
    unsigned segment = i->memory.segment;
    uint64_t offset = operand_address(e);
    if (i->part == VECTOR_ALIGNED && segment_linear(e, segment, offset) % memory->bytes != 0)
        return emulate_raise(e, VECTOR_GP, true, 0);
    TRY(memory_prepare(e, segment, offset, memory->bytes, loads ? 0 : ACCESS_WRITE, &access));
    if (loads)
        load(e, &access);
    else
        store(e, &access);
    return EMULATE_DONE;
}
