// Emulated moves: MOV and its extending and conditional kin, XCHG, the stack, and jumps through memory.
#include "dom0/vmm/emulate_operation.h"

enum emulate_result emulate_mov(struct emulate *e) {
    struct operand_value to, from;
    if (e->instruction->operands != 2 || e->instruction->operand[0].kind == OPERAND_SEGMENT)
        return EMULATE_UNHANDLED;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    TRY(operand_prepare(e, 1, 0, &from));
    operand_write(e, &to, operand_read(e, &from));
    return EMULATE_DONE;
}

enum emulate_result emulate_extend(struct emulate *e) {
    struct operand_value to, from;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    TRY(operand_prepare(e, 1, 0, &from));
    uint64_t value = operand_read(e, &from);
    if (e->instruction->operation == OPERATION_MOVSX)
        value = sign_extend(value, from.operand->bytes);
    operand_write(e, &to, value);
    return EMULATE_DONE;
}

enum emulate_result emulate_xchg(struct emulate *e) {
    struct operand_value a, b;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &a));
    TRY(operand_prepare(e, 1, ACCESS_WRITE, &b));
    uint64_t value_a = operand_read(e, &a), value_b = operand_read(e, &b);
    operand_write(e, &a, value_b);
    operand_write(e, &b, value_a);
    return EMULATE_DONE;
}

enum emulate_result emulate_movbe(struct emulate *e) {
    struct operand_value to, from;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    TRY(operand_prepare(e, 1, 0, &from));
    operand_write(e, &to, __builtin_bswap64(operand_read(e, &from)) >> (64 - 8 * to.operand->bytes));
    return EMULATE_DONE;
}

// Conditions in the order of the opcodes: pairs, of which the second is the first one's opposite (SDM 1 appendix B).
static bool condition_holds(uint64_t rflags, unsigned condition) {
    bool c = rflags & RFLAGS_CF, z = rflags & RFLAGS_ZF, s = rflags & RFLAGS_SF, o = rflags & RFLAGS_OF,
         p = rflags & RFLAGS_PF;
    const bool pairs[8] = {o, c, z, c || z, s, p, s != o, z || s != o};
    return pairs[condition >> 1 & 7] != (condition & 1);
}

enum emulate_result emulate_cmov(struct emulate *e) {
    struct operand_value to, from;
    TRY(operand_prepare(e, 0, 0, &to));
    TRY(operand_prepare(e, 1, 0, &from));
    uint64_t value = operand_read(e, &from); // also if it is not used
    operand_write(e, &to, condition_holds(e->cpu->rflags, e->instruction->condition) ? value : operand_read(e, &to));
    return EMULATE_DONE;
}

enum emulate_result emulate_set(struct emulate *e) {
    struct operand_value to;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    operand_write(e, &to, condition_holds(e->cpu->rflags, e->instruction->condition));
    return EMULATE_DONE;
}

enum emulate_result emulate_xlat(struct emulate *e) {
    const struct instruction *i = e->instruction;
    uint64_t offset = (e->cpu->gpr[RBX] + (e->cpu->gpr[RAX] & 0xff)) & bytes_mask(i->address_bytes);
    struct memory_access table;
    TRY(memory_prepare(e, i->memory.segment, offset, 1, 0, &table));
    register_write(e->cpu, RAX, 1, memory_read(e, &table));
    return EMULATE_DONE;
}

// Bytes of the stack pointer that are in use.
static unsigned stack_address_bytes(const struct vcpu_page *cpu) {
    if (emulate_mode_bits(cpu) == 64)
        return 8;
    return cpu->segment[SEGMENT_SS].attributes & 0x400 ? 4 : 2;
}

static enum emulate_result push(struct emulate *e, uint64_t value) {
    struct vcpu_page *cpu = e->cpu;
    unsigned address_bytes = stack_address_bytes(cpu), bytes = e->instruction->stack_bytes;
    uint64_t rsp = (cpu->gpr[RSP] - bytes) & bytes_mask(address_bytes);
    struct memory_access access;
    e->gpa_known = false;
    TRY(memory_prepare(e, SEGMENT_SS, rsp, bytes, ACCESS_WRITE, &access));
    memory_write(e, &access, value);
    register_write(cpu, RSP, address_bytes, rsp);
    return EMULATE_DONE;
}

enum emulate_result emulate_push(struct emulate *e) {
    struct operand_value from;
    e->gpa_known = false;
    if (e->instruction->operands < 1)
        return EMULATE_UNHANDLED;
    TRY(operand_prepare(e, 0, 0, &from));
    return push(e, operand_read(e, &from));
}

enum emulate_result emulate_pop(struct emulate *e) {
    struct vcpu_page *cpu = e->cpu;
    unsigned address_bytes = stack_address_bytes(cpu), bytes = e->instruction->stack_bytes;
    uint64_t rsp = cpu->gpr[RSP];
    struct memory_access access;
    struct operand_value to;
    e->gpa_known = false;
    if (e->instruction->operands < 1 || e->instruction->operand[0].kind == OPERAND_SEGMENT)
        return EMULATE_UNHANDLED;
    TRY(memory_prepare(e, SEGMENT_SS, rsp & bytes_mask(address_bytes), bytes, 0, &access));
    // An address with RSP as base is that after the increment (SDM 2B POP).
    register_write(cpu, RSP, address_bytes, rsp + bytes);
    enum emulate_result status = operand_prepare(e, 0, ACCESS_WRITE, &to);
    if (status != EMULATE_DONE) {
        cpu->gpr[RSP] = rsp;
        return status;
    }
    operand_write(e, &to, memory_read(e, &access));
    return EMULATE_DONE;
}

// The target of a near jump through memory or a register.
static enum emulate_result read_target(struct emulate *e, uint64_t *target) {
    const struct operand *operand = &e->instruction->operand[0];
    struct operand_value from;
    e->gpa_known = false;
    if (e->instruction->operands != 1 || operand->bytes != e->instruction->stack_bytes ||
        operand->kind == OPERAND_IMMEDIATE)
        return EMULATE_UNHANDLED;
    TRY(operand_prepare(e, 0, 0, &from));
    *target = operand_read(e, &from);
    bool inside = emulate_mode_bits(e->cpu) == 64 ? sign_extend(*target, 6) == *target
                                                  : *target <= e->cpu->segment[SEGMENT_CS].limit;
    return inside ? EMULATE_DONE : emulate_raise(e, 13, true, 0);
}

enum emulate_result emulate_jmp(struct emulate *e) {
    uint64_t target = 0;
    TRY(read_target(e, &target));
    e->cpu->rip = target;
    e->jumped = true;
    return EMULATE_DONE;
}

enum emulate_result emulate_call(struct emulate *e) {
    uint64_t target = 0;
    TRY(read_target(e, &target));
    TRY(push(e, e->cpu->rip + e->instruction->length));
    e->cpu->rip = target;
    e->jumped = true;
    return EMULATE_DONE;
}
