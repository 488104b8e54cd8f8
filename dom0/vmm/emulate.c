// Emulation: fetching, addressing, dispatch, and the end of an instruction.
#include "dom0/vmm/emulate_operation.h"
#include "lib/string.h"

static operation_function *const functions[OPERATION_COUNT] = {
    [OPERATION_MOV] = emulate_mov,           [OPERATION_MOVZX] = emulate_extend,
    [OPERATION_MOVSX] = emulate_extend,      [OPERATION_XCHG] = emulate_xchg,
    [OPERATION_PUSH] = emulate_push,         [OPERATION_POP] = emulate_pop,
    [OPERATION_CALL] = emulate_call,         [OPERATION_JMP] = emulate_jmp,
    [OPERATION_ADD] = emulate_binary,        [OPERATION_OR] = emulate_binary,
    [OPERATION_ADC] = emulate_binary,        [OPERATION_SBB] = emulate_binary,
    [OPERATION_AND] = emulate_binary,        [OPERATION_SUB] = emulate_binary,
    [OPERATION_XOR] = emulate_binary,        [OPERATION_CMP] = emulate_binary,
    [OPERATION_TEST] = emulate_binary,       [OPERATION_INC] = emulate_unary,
    [OPERATION_DEC] = emulate_unary,         [OPERATION_NEG] = emulate_unary,
    [OPERATION_NOT] = emulate_unary,         [OPERATION_XADD] = emulate_xadd,
    [OPERATION_CMPXCHG] = emulate_cmpxchg,   [OPERATION_BT] = emulate_bit_test,
    [OPERATION_BTS] = emulate_bit_test,      [OPERATION_BTR] = emulate_bit_test,
    [OPERATION_BTC] = emulate_bit_test,      [OPERATION_ROL] = emulate_shift,
    [OPERATION_ROR] = emulate_shift,         [OPERATION_SHL] = emulate_shift,
    [OPERATION_SHR] = emulate_shift,         [OPERATION_SAR] = emulate_shift,
    [OPERATION_MOVS] = emulate_string,       [OPERATION_STOS] = emulate_string,
    [OPERATION_LODS] = emulate_string,       [OPERATION_CMPS] = emulate_string,
    [OPERATION_SCAS] = emulate_string,       [OPERATION_INS] = emulate_port_string,
    [OPERATION_OUTS] = emulate_port_string,  [OPERATION_RCL] = emulate_shift,
    [OPERATION_RCR] = emulate_shift,         [OPERATION_SHLD] = emulate_shift_double,
    [OPERATION_SHRD] = emulate_shift_double, [OPERATION_MUL] = emulate_multiply,
    [OPERATION_IMUL] = emulate_multiply,     [OPERATION_DIV] = emulate_divide,
    [OPERATION_IDIV] = emulate_divide,       [OPERATION_CMPXCHG_PAIR] = emulate_cmpxchg_pair,
    [OPERATION_BSF] = emulate_bit_scan,      [OPERATION_BSR] = emulate_bit_scan,
    [OPERATION_POPCNT] = emulate_bit_scan,   [OPERATION_MOVBE] = emulate_movbe,
    [OPERATION_CMOV] = emulate_cmov,         [OPERATION_SET] = emulate_set,
    [OPERATION_XLAT] = emulate_xlat,         [OPERATION_VECTOR] = emulate_vector,
};

unsigned emulate_mode_bits(const struct vcpu_page *cpu) {
    uint16_t attributes = cpu->segment[SEGMENT_CS].attributes;
    if ((cpu->efer & EFER_LMA) && (attributes & 0x200))
        return 64;
    return attributes & 0x400 ? 32 : 16;
}

// ---- Fetch

void emulate_map_changed(struct emulate *e) {
    for (unsigned i = 0; i < FETCH_CACHE_PAGES; i++)
        e->fetch_cache.entry[i].page = NULL;
}

static enum emulate_result fetch_walk(struct emulate *e, uint64_t linear, uint8_t access, struct fetch_page *out) {
    const struct vcpu_page *cpu = e->cpu;
    out->page = NULL;
    enum emulate_result status = emulate_walk(e, linear, ACCESS_EXECUTE, &out->walk);
    if (status != EMULATE_DONE)
        return status;
    uint64_t gpa = out->walk.gpa & ~(PAGE_SIZE - 1);
    out->page = e->host->memory.pointer(e->host->memory.context, gpa, PAGE_SIZE, false);
    out->linear_page = linear & ~(PAGE_SIZE - 1);
    out->access = access;
    out->cr0 = cpu->cr0;
    out->cr3 = cpu->cr3;
    out->cr4 = cpu->cr4;
    out->efer = cpu->efer;
    return out->page ? EMULATE_DONE : EMULATE_NO_RAM;
}

static struct fetch_page *fetch_place(struct emulate *e, uint64_t linear) {
    return &e->fetch_cache.entry[linear / PAGE_SIZE % FETCH_CACHE_PAGES];
}

static uint8_t fetch_access(const struct vcpu_page *cpu) {
    return cpu->cpl == 3 ? ACCESS_EXECUTE | ACCESS_USER : ACCESS_EXECUTE;
}

// The code at a linear address, up to the end of its page, if it was fetched from before; else null.
static inline const uint8_t *fetch_known(struct emulate *e, uint64_t linear) {
    const struct vcpu_page *cpu = e->cpu;
    const struct fetch_page *page = fetch_place(e, linear);
    uint64_t other = (page->linear_page ^ (linear & ~(PAGE_SIZE - 1))) | (page->cr3 ^ cpu->cr3) |
                     (page->cr0 ^ cpu->cr0) | (page->cr4 ^ cpu->cr4) | (page->efer ^ cpu->efer);
    if (other || !page->page || page->access != fetch_access(cpu) || !page_walk_still_valid(&page->walk))
        return NULL;
    return page->page + linear % PAGE_SIZE;
}

// The same, walking the guest's page tables if need be; null with a status if they do not lead there.
static const uint8_t *fetch_page(struct emulate *e, uint64_t linear, enum emulate_result *status) {
    const uint8_t *known = fetch_known(e, linear);
    if (known)
        return known;
    struct fetch_page *page = fetch_place(e, linear);
    *status = fetch_walk(e, linear, fetch_access(e->cpu), page);
    return *status == EMULATE_DONE ? page->page + linear % PAGE_SIZE : NULL;
}

enum emulate_result emulate_fetch(struct emulate *e, uint8_t bytes[16], unsigned *count) {
    enum emulate_result status = EMULATE_DONE;
    uint64_t linear = segment_linear(e, SEGMENT_CS, e->cpu->rip);
    unsigned room = (unsigned)(PAGE_SIZE - linear % PAGE_SIZE);
    const uint8_t *code = fetch_page(e, linear, &status);
    if (!code)
        return status;
    if (room >= 16) {
        memcpy(bytes, code, 16);
        *count = INSTRUCTION_BYTES_MAX;
        return EMULATE_DONE;
    }
    memset(bytes, 0, 16);
    memcpy(bytes, code, room);
    *count = room < INSTRUCTION_BYTES_MAX ? room : INSTRUCTION_BYTES_MAX;
    return EMULATE_DONE;
}

enum emulate_result emulate_fetch_more(struct emulate *e, uint8_t bytes[16], unsigned *count) {
    enum emulate_result status = EMULATE_DONE;
    const uint8_t *code = fetch_page(e, segment_linear(e, SEGMENT_CS, e->cpu->rip + *count), &status);
    if (!code)
        return status;
    memcpy(bytes + *count, code, INSTRUCTION_BYTES_MAX - *count);
    *count = INSTRUCTION_BYTES_MAX;
    return EMULATE_DONE;
}

// The usual case: no prefix, all on one page, from which code was fetched before.
static inline bool opcode_at_rip(struct emulate *e, const uint8_t *opcode, unsigned opcode_bytes) {
    uint64_t linear = segment_linear(e, SEGMENT_CS, e->cpu->rip);
    const uint8_t *code = PAGE_SIZE - linear % PAGE_SIZE >= opcode_bytes ? fetch_known(e, linear) : NULL;
    for (unsigned i = 0; code && i < opcode_bytes; i++)
        if (code[i] != opcode[i])
            return false;
    return code != NULL;
}

static __attribute__((noinline)) enum emulate_result length_decoded(struct emulate *e, const uint8_t *opcode,
                                                                    unsigned opcode_bytes, unsigned *length) {
    uint8_t bytes[16];
    unsigned count = 0, mode = emulate_mode_bits(e->cpu);
    enum emulate_result status = emulate_fetch(e, bytes, &count);
    if (status != EMULATE_DONE)
        return status;
    *length = decode_length_of(bytes, count, mode, opcode, opcode_bytes);
    if (*length == 0 && count < INSTRUCTION_BYTES_MAX) {
        status = emulate_fetch_more(e, bytes, &count);
        if (status != EMULATE_DONE)
            return status;
        *length = decode_length_of(bytes, count, mode, opcode, opcode_bytes);
    }
    return *length ? EMULATE_DONE : EMULATE_UNHANDLED;
}

enum emulate_result emulate_length(struct emulate *e, const uint8_t *opcode, unsigned opcode_bytes, unsigned *length) {
    if (!opcode_at_rip(e, opcode, opcode_bytes))
        return length_decoded(e, opcode, opcode_bytes, length);
    *length = opcode_bytes;
    return EMULATE_DONE;
}

// ---- Instructions

void emulate_skip(struct emulate *e, unsigned length) {
    struct vcpu_page *cpu = e->cpu;
    uint64_t rip = cpu->rip + length;
    if (emulate_skip_wraps(cpu, length) && emulate_mode_bits(cpu) != 64)
        rip &= 0xffffffff;
    cpu->rip = rip;
    cpu->rflags &= ~RFLAGS_RF;
    cpu->interruptibility &= ~VCPU_SHADOW;
    e->single_step = (cpu->rflags & RFLAGS_TF) != 0;
    cpu->dirty |= GROUP_RIP;
}

enum emulate_result emulate_decode(struct emulate *e) {
    uint8_t bytes[16];
    unsigned count = 0, mode = emulate_mode_bits(e->cpu);
    enum emulate_result status = emulate_fetch(e, bytes, &count);
    if (status != EMULATE_DONE)
        return status;
    e->instruction = decode_cached(&e->decode_cache, e->cpu->rip, bytes, count, mode);
    if (!e->instruction && count < INSTRUCTION_BYTES_MAX) {
        status = emulate_fetch_more(e, bytes, &count);
        if (status != EMULATE_DONE)
            return status;
        e->instruction = decode_cached(&e->decode_cache, e->cpu->rip, bytes, count, mode);
    }
    return e->instruction ? EMULATE_DONE : emulate_raise(e, VECTOR_UD, false, 0);
}

enum emulate_result emulate_instruction(struct emulate *e) {
    e->single_step = false;
    enum emulate_result status = emulate_decode(e);
    if (status != EMULATE_DONE)
        return status;
    operation_function *function = functions[e->instruction->operation];
    if (!function)
        return EMULATE_UNHANDLED;
    e->jumped = false;
    status = function(e);
    if (status == EMULATE_DONE)
        emulate_skip(e, e->jumped ? 0 : e->instruction->length);
    return status;
}
