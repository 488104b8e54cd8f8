// Emulated multiplications and divisions.
#include "dom0/vmm/emulate_operation.h"

typedef unsigned __int128 uint128_t;

// The accumulator and what extends it: AH:AL, DX:AX, EDX:EAX, RDX:RAX.
static void accumulator_write(struct vcpu_page *cpu, unsigned bytes, uint64_t high, uint64_t low) {
    if (bytes == 1) {
        register_write(cpu, RAX, 2, high << 8 | (low & 0xff));
        return;
    }
    register_write(cpu, RAX, bytes, low);
    register_write(cpu, RDX, bytes, high);
}

// A dividend of 128 bits in halves.
struct dividend {
    uint64_t high, low;
};

static struct dividend accumulator_read(const struct vcpu_page *cpu, unsigned bytes, bool is_signed) {
    uint64_t low = cpu->gpr[RAX] & bytes_mask(bytes);
    uint64_t high = bytes == 1 ? cpu->gpr[RAX] >> 8 & 0xff : cpu->gpr[RDX] & bytes_mask(bytes);
    if (bytes == 8)
        return (struct dividend){high, low};
    uint64_t value = high << (8 * bytes & 63) | low;
    if (!is_signed)
        return (struct dividend){0, value};
    value = sign_extend(value, 2 * bytes);
    return (struct dividend){value >> 63 ? UINT64_MAX : 0, value};
}

enum emulate_result emulate_multiply(struct emulate *e) {
    const struct instruction *i = e->instruction;
    bool is_signed = i->operation == OPERATION_IMUL, wide = i->operands == 1;
    struct operand_value to, from;
    TRY(operand_prepare(e, 0, 0, &to));
    TRY(operand_prepare(e, wide ? 0 : 1, 0, &from));
    unsigned bytes = to.operand->bytes;
    uint64_t a = operand_read(e, &from), b = wide ? e->cpu->gpr[RAX] & bytes_mask(bytes) : operand_read(e, &to);
    if (i->operands == 3)
        b = i->operand[2].immediate;
    uint128_t product =
        is_signed ? (uint128_t)((__int128)(int64_t)sign_extend(a, bytes) * (__int128)(int64_t)sign_extend(b, bytes))
                  : (uint128_t)a * b;
    uint64_t low = (uint64_t)product & bytes_mask(bytes),
             high = bytes == 8 ? (uint64_t)(product >> 64) : (uint64_t)product >> (8 * bytes & 63);
    bool fits = is_signed ? product == (uint128_t)(__int128)(int64_t)sign_extend(low, bytes) : high == 0;
    e->cpu->rflags = (e->cpu->rflags & ~(RFLAGS_CF | RFLAGS_OF)) | (fits ? 0 : RFLAGS_CF | RFLAGS_OF);
    if (wide)
        accumulator_write(e->cpu, bytes, high, low);
    else
        operand_write(e, &to, low);
    return EMULATE_DONE;
}

// False: the quotient has more than 64 bits.
static bool divide(struct dividend dividend, uint64_t divisor, uint64_t *quotient, uint64_t *remainder) {
    if (dividend.high >= divisor)
        return false;
    __asm__("divq %4" : "=a"(*quotient), "=d"(*remainder) : "a"(dividend.low), "d"(dividend.high), "r"(divisor) : "cc");
    return true;
}

// Divides magnitudes; the remainder has the dividend's sign.
enum emulate_result emulate_divide(struct emulate *e) {
    bool is_signed = e->instruction->operation == OPERATION_IDIV;
    struct operand_value from;
    TRY(operand_prepare(e, 0, 0, &from));
    unsigned bytes = from.operand->bytes;
    uint64_t divisor = operand_read(e, &from), quotient, remainder;
    struct dividend dividend = accumulator_read(e->cpu, bytes, is_signed);
    bool dividend_negative = is_signed && dividend.high >> 63, divisor_negative = false;
    if (is_signed) {
        divisor = sign_extend(divisor, bytes);
        divisor_negative = divisor >> 63;
        divisor = divisor_negative ? -divisor : divisor;
    }
    if (dividend_negative)
        dividend = (struct dividend){~dividend.high + !dividend.low, -dividend.low};
    bool negative = dividend_negative != divisor_negative;
    uint64_t most = is_signed ? (bytes_mask(bytes) >> 1) + negative : bytes_mask(bytes);
    if (!divide(dividend, divisor, &quotient, &remainder) || quotient > most)
        return emulate_raise(e, VECTOR_DE, false, 0);
    accumulator_write(e->cpu, bytes, dividend_negative ? -remainder : remainder, negative ? -quotient : quotient);
    return EMULATE_DONE;
}
