// Emulated arithmetic, logic, shifts and bit tests, with their flags.
#include "dom0/vmm/emulate_operation.h"

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum emulate_result status_ = (call);                                                                          \
        if (status_ != EMULATE_DONE)                                                                                   \
            return status_;                                                                                            \
    } while (0)

static uint64_t result_flags(uint64_t result, unsigned bytes) {
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

static uint64_t bit_changed(enum operation operation, uint64_t value, uint64_t bit) {
    switch (operation) {
    case OPERATION_BTS:
        return value | bit;
    case OPERATION_BTR:
        return value & ~bit;
    case OPERATION_BTC:
        return value ^ bit;
    default:
        return value;
    }
}

// A bit offset in a register reaches beyond the memory operand, in both directions (SDM 2A BT).
static enum emulate_result bit_prepare(struct emulate *e, uint64_t offset, unsigned access, struct operand_value *to) {
    const struct operand *operand = &e->instruction->operand[0];
    if (operand->kind != OPERAND_MEMORY || e->instruction->operand[1].kind != OPERAND_REGISTER)
        return operand_prepare(e, 0, access, to);
    int64_t displaced = (int64_t)sign_extend(offset, operand->bytes) >> (operand->bytes == 8   ? 6
                                                                         : operand->bytes == 4 ? 5
                                                                                               : 4);
    uint64_t address = operand_address(e) + (uint64_t)displaced * operand->bytes;
    to->operand = operand;
    return memory_prepare(e, e->instruction->memory.segment, address & bytes_mask(e->instruction->address_bytes),
                          operand->bytes, access, &to->memory);
}

enum emulate_result emulate_bit_test(struct emulate *e) {
    enum operation operation = e->instruction->operation;
    struct operand_value to, from;
    TRY(operand_prepare(e, 1, 0, &from));
    uint64_t offset = operand_read(e, &from);
    TRY(bit_prepare(e, offset, operation == OPERATION_BT ? 0 : ACCESS_WRITE, &to));
    uint64_t bit = 1ull << (offset % (8u * to.operand->bytes)), value = operand_read(e, &to);
    e->cpu->rflags = (e->cpu->rflags & ~RFLAGS_CF) | (value & bit ? RFLAGS_CF : 0);
    if (operation != OPERATION_BT)
        operand_write(e, &to, bit_changed(operation, value, bit));
    return EMULATE_DONE;
}

static uint64_t rotate(enum operation operation, uint64_t value, unsigned count, unsigned bits, uint64_t *rflags) {
    unsigned by = count % bits;
    unsigned left = operation == OPERATION_ROL ? by : (bits - by) % bits;
    uint64_t result = left ? value << left | value >> (bits - left) : value;
    uint64_t top = result >> (bits - 1) & 1, carry = operation == OPERATION_ROL ? result & 1 : top;
    uint64_t overflow = operation == OPERATION_ROL ? top ^ carry : top ^ (result >> (bits - 2) & 1);
    *rflags = (*rflags & ~(RFLAGS_CF | RFLAGS_OF)) | (carry ? RFLAGS_CF : 0) | (overflow ? RFLAGS_OF : 0);
    return result;
}

static uint64_t shift(enum operation operation, uint64_t value, unsigned count, unsigned bits, uint64_t *rflags) {
    uint64_t result, carry, overflow, top = value >> (bits - 1) & 1;
    if (operation == OPERATION_SHL) {
        result = count < bits ? value << count : 0;
        carry = count <= bits ? value >> (bits - count) & 1 : 0;
        overflow = (result >> (bits - 1) & 1) ^ carry;
    } else if (operation == OPERATION_SHR) {
        result = count < bits ? value >> count : 0;
        carry = count <= bits ? value >> (count - 1) & 1 : 0;
        overflow = top;
    } else {
        int64_t extended = (int64_t)sign_extend(value, bits / 8);
        result = (uint64_t)(extended >> (count < 63 ? count : 63));
        carry = (uint64_t)(extended >> (count < 64 ? count - 1 : 63)) & 1;
        overflow = 0;
    }
    *rflags = (*rflags & ~(RFLAGS_ARITHMETIC & ~RFLAGS_AF)) | (carry ? RFLAGS_CF : 0) | (overflow ? RFLAGS_OF : 0) |
              result_flags(result, bits / 8);
    return result;
}

enum emulate_result emulate_shift(struct emulate *e) {
    enum operation operation = e->instruction->operation;
    struct operand_value to, by;
    if (e->instruction->operands != 2)
        return EMULATE_UNHANDLED;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    TRY(operand_prepare(e, 1, 0, &by));
    unsigned bits = 8u * to.operand->bytes, count = (unsigned)operand_read(e, &by) & (bits == 64 ? 63 : 31);
    uint64_t value = operand_read(e, &to) & bytes_mask(to.operand->bytes);
    if (count != 0 && (operation == OPERATION_ROL || operation == OPERATION_ROR))
        value = rotate(operation, value, count, bits, &e->cpu->rflags);
    else if (count != 0)
        value = shift(operation, value, count, bits, &e->cpu->rflags);
    operand_write(e, &to, value);
    return EMULATE_DONE;
}
