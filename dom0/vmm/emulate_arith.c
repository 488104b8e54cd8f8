// Emulated arithmetic and logic, with flags, and the exchanges that compare or add.
#include "dom0/vmm/emulate_operation.h"
#include "lib/string.h"

uint64_t result_flags(uint64_t result, unsigned bytes) {
    uint64_t flags = __builtin_parity((unsigned)result & 0xff) ? 0 : RFLAGS_PF;
    if (!(result & bytes_mask(bytes)))
        flags |= RFLAGS_ZF;
    if (result >> (8 * bytes - 1) & 1)
        flags |= RFLAGS_SF;
    return flags;
}

static uint64_t add_flags(uint64_t a, uint64_t b, uint64_t result, unsigned bytes) {
    unsigned top = 8 * bytes - 1;
    uint64_t carry = (a & b) | ((a | b) & ~result), overflow = ~(a ^ b) & (a ^ result);
    return (carry >> top & 1 ? RFLAGS_CF : 0) | (overflow >> top & 1 ? RFLAGS_OF : 0) | ((a ^ b ^ result) & RFLAGS_AF);
}

static uint64_t subtract_flags(uint64_t a, uint64_t b, uint64_t result, unsigned bytes) {
    unsigned top = 8 * bytes - 1;
    uint64_t borrow = (~a & b) | (~(a ^ b) & result), overflow = (a ^ b) & (a ^ result);
    return (borrow >> top & 1 ? RFLAGS_CF : 0) | (overflow >> top & 1 ? RFLAGS_OF : 0) | ((a ^ b ^ result) & RFLAGS_AF);
}

uint64_t arithmetic(enum operation operation, uint64_t a, uint64_t b, unsigned bytes, uint64_t *rflags) {
    uint64_t mask = bytes_mask(bytes), carry = *rflags & RFLAGS_CF, result, flags = 0;
    a &= mask;
    b &= mask;
    switch (operation) {
    case OPERATION_ADD:
    case OPERATION_XADD:
        result = a + b;
        flags = add_flags(a, b, result, bytes);
        break;
    case OPERATION_ADC:
        result = a + b + carry;
        flags = add_flags(a, b, result, bytes);
        break;
    case OPERATION_SBB:
        result = a - b - carry;
        flags = subtract_flags(a, b, result, bytes);
        break;
    case OPERATION_SUB:
    case OPERATION_CMP:
        result = a - b;
        flags = subtract_flags(a, b, result, bytes);
        break;
    case OPERATION_OR:
        result = a | b;
        break;
    case OPERATION_XOR:
        result = a ^ b;
        break;
    default: // AND, TEST
        result = a & b;
    }
    *rflags = (*rflags & ~RFLAGS_ARITHMETIC) | flags | result_flags(result, bytes);
    return result & mask;
}

enum emulate_result emulate_binary(struct emulate *e) {
    enum operation operation = e->instruction->operation;
    bool stores = operation != OPERATION_CMP && operation != OPERATION_TEST;
    struct operand_value to, from;
    if (e->instruction->operands != 2)
        return EMULATE_UNHANDLED;
    TRY(operand_prepare(e, 0, stores ? ACCESS_WRITE : 0, &to));
    TRY(operand_prepare(e, 1, 0, &from));
    uint64_t a = operand_read(e, &to), b = operand_read(e, &from);
    uint64_t result = arithmetic(operation, a, b, to.operand->bytes, &e->cpu->rflags);
    if (stores)
        operand_write(e, &to, result);
    return EMULATE_DONE;
}

enum emulate_result emulate_unary(struct emulate *e) {
    struct operand_value to;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    uint64_t a = operand_read(e, &to), before = e->cpu->rflags, result;
    unsigned bytes = to.operand->bytes;
    switch ((enum operation)e->instruction->operation) {
    case OPERATION_INC:
        result = arithmetic(OPERATION_ADD, a, 1, bytes, &e->cpu->rflags);
        e->cpu->rflags = (e->cpu->rflags & ~RFLAGS_CF) | (before & RFLAGS_CF);
        break;
    case OPERATION_DEC:
        result = arithmetic(OPERATION_SUB, a, 1, bytes, &e->cpu->rflags);
        e->cpu->rflags = (e->cpu->rflags & ~RFLAGS_CF) | (before & RFLAGS_CF);
        break;
    case OPERATION_NEG:
        result = arithmetic(OPERATION_SUB, 0, a, bytes, &e->cpu->rflags);
        break;
    default: // NOT
        result = ~a;
    }
    operand_write(e, &to, result);
    return EMULATE_DONE;
}

enum emulate_result emulate_xadd(struct emulate *e) {
    struct operand_value to, from;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    TRY(operand_prepare(e, 1, ACCESS_WRITE, &from));
    uint64_t a = operand_read(e, &to), b = operand_read(e, &from);
    uint64_t sum = arithmetic(OPERATION_ADD, a, b, to.operand->bytes, &e->cpu->rflags);
    operand_write(e, &from, a);
    operand_write(e, &to, sum);
    return EMULATE_DONE;
}

enum emulate_result emulate_cmpxchg(struct emulate *e) {
    struct operand_value to, from;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    TRY(operand_prepare(e, 1, 0, &from));
    unsigned bytes = to.operand->bytes;
    uint64_t value = operand_read(e, &to), source = operand_read(e, &from);
    arithmetic(OPERATION_CMP, e->cpu->gpr[RAX], value, bytes, &e->cpu->rflags);
    bool equal = (e->cpu->rflags & RFLAGS_ZF) != 0;
    operand_write(e, &to, equal ? source : value); // the CPU writes in both cases
    if (!equal)
        register_write(e->cpu, RAX, bytes, value);
    return EMULATE_DONE;
}

// CMPXCHG8B and CMPXCHG16B: the pair in memory against EDX:EAX or RDX:RAX.
enum emulate_result emulate_cmpxchg_pair(struct emulate *e) {
    struct vcpu_page *cpu = e->cpu;
    const struct instruction *i = e->instruction;
    unsigned bytes = i->operand[0].bytes, half = bytes / 2;
    uint64_t mask = bytes_mask(half), offset = operand_address(e), old[2] = {0}, new[2];
    uint8_t pair[16];
    struct memory_access access;
    if (bytes == 16 && segment_linear(e, i->memory.segment, offset) % 16 != 0)
        return emulate_raise(e, VECTOR_GP, true, 0);
    TRY(memory_prepare(e, i->memory.segment, offset, bytes, ACCESS_WRITE, &access));
    memory_read_bytes(e, &access, pair);
    memcpy(&old[0], pair, half);
    memcpy(&old[1], pair + half, half);
    bool equal = old[0] == (cpu->gpr[RAX] & mask) && old[1] == (cpu->gpr[RDX] & mask);
    new[0] = equal ? cpu->gpr[RBX] : old[0];
    new[1] = equal ? cpu->gpr[RCX] : old[1];
    memcpy(pair, &new[0], half);
    memcpy(pair + half, &new[1], half);
    memory_write_bytes(e, &access, pair); // the CPU writes in both cases
    cpu->rflags = (cpu->rflags & ~RFLAGS_ZF) | (equal ? RFLAGS_ZF : 0);
    if (!equal) {
        register_write(cpu, RAX, half, old[0]);
        register_write(cpu, RDX, half, old[1]);
    }
    return EMULATE_DONE;
}
