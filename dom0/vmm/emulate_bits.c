// Emulated shifts, rotates, bit tests and bit scans, with their flags.
#include "dom0/vmm/emulate_operation.h"

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

// Through the carry flag, bit by bit.
static uint64_t rotate_carry(enum operation operation, uint64_t value, unsigned count, unsigned bits,
                             uint64_t *rflags) {
    uint64_t carry = *rflags & RFLAGS_CF ? 1 : 0;
    for (unsigned i = 0; i < count; i++) {
        bool left = operation == OPERATION_RCL;
        uint64_t out = left ? value >> (bits - 1) & 1 : value & 1;
        value = left ? value << 1 | carry : value >> 1 | carry << (bits - 1);
        carry = out;
    }
    uint64_t top = value >> (bits - 1) & 1, next = operation == OPERATION_RCL ? carry : value >> (bits - 2) & 1;
    *rflags = (*rflags & ~(RFLAGS_CF | RFLAGS_OF)) | (carry ? RFLAGS_CF : 0) | (top ^ next ? RFLAGS_OF : 0);
    return value;
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

typedef uint64_t shift_function(enum operation operation, uint64_t value, unsigned count, unsigned bits,
                                uint64_t *rflags);

static shift_function *const functions[OPERATION_COUNT] = {
    [OPERATION_ROL] = rotate, [OPERATION_ROR] = rotate,       [OPERATION_SHL] = shift,        [OPERATION_SHR] = shift,
    [OPERATION_SAR] = shift,  [OPERATION_RCL] = rotate_carry, [OPERATION_RCR] = rotate_carry,
};

enum emulate_result emulate_shift(struct emulate *e) {
    enum operation operation = e->instruction->operation;
    struct operand_value to, by;
    if (e->instruction->operands != 2)
        return EMULATE_UNHANDLED;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    TRY(operand_prepare(e, 1, 0, &by));
    unsigned bits = 8u * to.operand->bytes, count = (unsigned)operand_read(e, &by) & (bits == 64 ? 63 : 31);
    uint64_t value = operand_read(e, &to) & bytes_mask(to.operand->bytes);
    if (count != 0)
        value = functions[operation](operation, value, count, bits, &e->cpu->rflags);
    operand_write(e, &to, value);
    return EMULATE_DONE;
}

// SHLD, SHRD: bits of a register follow those that are shifted out.
enum emulate_result emulate_shift_double(struct emulate *e) {
    struct operand_value to, from, by;
    TRY(operand_prepare(e, 0, ACCESS_WRITE, &to));
    TRY(operand_prepare(e, 1, 0, &from));
    TRY(operand_prepare(e, 2, 0, &by));
    bool left = e->instruction->operation == OPERATION_SHLD;
    unsigned bytes = to.operand->bytes, bits = 8 * bytes,
             count = (unsigned)operand_read(e, &by) & (bits == 64 ? 63 : 31);
    uint64_t value = operand_read(e, &to), filler = operand_read(e, &from), result = value;
    if (count > bits)
        count -= bits; // undefined (SDM 2B SHLD)
    if (count != 0) {
        unsigned rest = bits - count;
        if (count == bits)
            result = filler;
        else
            result = left ? value << count | filler >> rest : value >> count | filler << rest;
        uint64_t carry = value >> (left ? rest : count - 1) & 1, changed = (value ^ result) >> (bits - 1) & 1;
        e->cpu->rflags = (e->cpu->rflags & ~(RFLAGS_ARITHMETIC & ~RFLAGS_AF)) | (carry ? RFLAGS_CF : 0) |
                         (changed ? RFLAGS_OF : 0) | result_flags(result, bytes);
    }
    operand_write(e, &to, result);
    return EMULATE_DONE;
}

// BSF and BSR leave the register alone where there is no bit, POPCNT sets it.
enum emulate_result emulate_bit_scan(struct emulate *e) {
    enum operation operation = e->instruction->operation;
    struct operand_value to, from;
    TRY(operand_prepare(e, 0, 0, &to));
    TRY(operand_prepare(e, 1, 0, &from));
    uint64_t value = operand_read(e, &from);
    bool counts = operation == OPERATION_POPCNT;
    e->cpu->rflags &= ~(counts ? RFLAGS_ARITHMETIC : RFLAGS_ZF);
    e->cpu->rflags |= value ? 0 : RFLAGS_ZF;
    if (counts)
        operand_write(e, &to, (uint64_t)__builtin_popcountll(value));
    else if (value)
        operand_write(e, &to,
                      (uint64_t)(operation == OPERATION_BSF ? __builtin_ctzll(value) : 63 - __builtin_clzll(value)));
    return EMULATE_DONE;
}
