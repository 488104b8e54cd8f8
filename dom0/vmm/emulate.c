// Emulation: fetching, addressing, dispatch, and the end of an instruction.
#include "dom0/vmm/emulate_operation.h"
#include "lib/string.h"

#define VECTOR_UD 6u
#define VECTOR_SS 12u
#define VECTOR_GP 13u
#define VECTOR_PF 14u

static operation_function *const functions[OPERATION_COUNT] = {
    [OPERATION_MOV] = emulate_mov,      [OPERATION_MOVZX] = emulate_extend,    [OPERATION_MOVSX] = emulate_extend,
    [OPERATION_XCHG] = emulate_xchg,    [OPERATION_PUSH] = emulate_push,       [OPERATION_POP] = emulate_pop,
    [OPERATION_CALL] = emulate_call,    [OPERATION_JMP] = emulate_jmp,         [OPERATION_ADD] = emulate_binary,
    [OPERATION_OR] = emulate_binary,    [OPERATION_ADC] = emulate_binary,      [OPERATION_SBB] = emulate_binary,
    [OPERATION_AND] = emulate_binary,   [OPERATION_SUB] = emulate_binary,      [OPERATION_XOR] = emulate_binary,
    [OPERATION_CMP] = emulate_binary,   [OPERATION_TEST] = emulate_binary,     [OPERATION_INC] = emulate_unary,
    [OPERATION_DEC] = emulate_unary,    [OPERATION_NEG] = emulate_unary,       [OPERATION_NOT] = emulate_unary,
    [OPERATION_XADD] = emulate_xadd,    [OPERATION_CMPXCHG] = emulate_cmpxchg, [OPERATION_BT] = emulate_bit_test,
    [OPERATION_BTS] = emulate_bit_test, [OPERATION_BTR] = emulate_bit_test,    [OPERATION_BTC] = emulate_bit_test,
    [OPERATION_ROL] = emulate_shift,    [OPERATION_ROR] = emulate_shift,       [OPERATION_SHL] = emulate_shift,
    [OPERATION_SHR] = emulate_shift,    [OPERATION_SAR] = emulate_shift,       [OPERATION_MOVS] = emulate_string,
    [OPERATION_STOS] = emulate_string,  [OPERATION_LODS] = emulate_string,     [OPERATION_CMPS] = emulate_string,
    [OPERATION_SCAS] = emulate_string,  [OPERATION_INS] = emulate_string,      [OPERATION_OUTS] = emulate_string,
};

unsigned emulate_mode_bits(const struct vcpu_page *cpu) {
    uint16_t attributes = cpu->segment[SEGMENT_CS].attributes;
    if ((cpu->efer & EFER_LMA) && (attributes & 0x200))
        return 64;
    return attributes & 0x400 ? 32 : 16;
}

void register_write(struct vcpu_page *cpu, unsigned number, unsigned bytes, uint64_t value) {
    uint64_t mask = bytes_mask(bytes);
    cpu->gpr[number] = bytes == 4 ? value & mask : (cpu->gpr[number] & ~mask) | (value & mask);
}

enum emulate_result raise(struct emulate *e, unsigned vector, bool has_error, uint32_t error) {
    e->exception = EVENT_VALID | EVENT_EXCEPTION | vector;
    if (has_error)
        e->exception |= EVENT_ERROR_VALID | EVENT_ERROR(error);
    return EMULATE_FAULT;
}

// ---- Addresses

static enum emulate_result walk(struct emulate *e, uint64_t linear, unsigned access, struct page_walk *out) {
    struct vcpu_page *cpu = e->cpu;
    struct page_walk_registers registers = {cpu->cr0, cpu->cr3, cpu->cr4, cpu->efer, e->physical_bits};
    if (cpu->cpl == 3)
        access |= ACCESS_USER;
    if (cpu->rflags & RFLAGS_AC)
        access |= ACCESS_AC;
    switch (page_walk(&registers, &e->host->memory, linear, access, out)) {
    case PAGE_WALK_OK:
        return EMULATE_DONE;
    case PAGE_WALK_FAULT:
        cpu->cr2 = linear;
        cpu->dirty |= GROUP_CONTROL;
        return raise(e, VECTOR_PF, true, out->error_code);
    case PAGE_WALK_NO_RAM:
        break;
    }
    return EMULATE_NO_RAM;
}

enum emulate_result emulate_translate(struct emulate *e, uint64_t linear, unsigned access, uint64_t *gpa) {
    struct page_walk result;
    enum emulate_result status = walk(e, linear, access, &result);
    if (status == EMULATE_DONE)
        *gpa = result.gpa;
    return status;
}

uint64_t segment_linear(const struct emulate *e, unsigned segment, uint64_t offset) {
    const struct vcpu_page *cpu = e->cpu;
    if (emulate_mode_bits(cpu) == 64)
        return segment == SEGMENT_FS || segment == SEGMENT_GS ? cpu->segment[segment].base + offset : offset;
    return (cpu->segment[segment].base + offset) & 0xffffffff;
}

bool segment_covers(const struct emulate *e, unsigned segment, uint64_t offset, uint64_t bytes) {
    const struct vcpu_page *cpu = e->cpu;
    uint64_t last = offset + bytes - 1;
    if (emulate_mode_bits(cpu) == 64) {
        uint64_t first = segment_linear(e, segment, offset), end = first + bytes - 1;
        return (uint64_t)((int64_t)(first << 16) >> 16) == first && (uint64_t)((int64_t)(end << 16) >> 16) == end &&
               first <= end;
    }
    const struct vcpu_segment *s = &cpu->segment[segment];
    if (last < offset || last > 0xffffffff)
        return false;
    if ((s->attributes & 0x1c) == 0x14) // data, expand-down: above the limit
        return offset > s->limit && last <= (s->attributes & 0x400 ? 0xffffffff : 0xffff);
    return last <= s->limit;
}

// Type and presence of a segment outside 64-bit mode (SDM 3A 5.5).
static bool segment_permits(const struct emulate *e, unsigned segment, unsigned access) {
    const struct vcpu_page *cpu = e->cpu;
    uint16_t attributes = cpu->segment[segment].attributes;
    if (emulate_mode_bits(cpu) == 64 || !(cpu->cr0 & CR0_PE) || (cpu->rflags & RFLAGS_VM))
        return true;
    if (!(attributes & 0x80))
        return false;
    bool code = (attributes & 0x08) != 0, second = (attributes & 0x02) != 0; // writable data, readable code
    return access & ACCESS_WRITE ? !code && second : !code || second;
}

enum emulate_result memory_prepare(struct emulate *e, unsigned segment, uint64_t offset, unsigned bytes,
                                   unsigned access, struct memory_access *out) {
    if (!segment_permits(e, segment, access) || !segment_covers(e, segment, offset, bytes))
        return raise(e, segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP, true, 0);
    uint64_t linear = segment_linear(e, segment, offset);
    unsigned left = bytes;
    for (unsigned i = 0; i < 2; i++) {
        unsigned room = (unsigned)(PAGE_SIZE - linear % PAGE_SIZE), now = left < room ? left : room;
        out->piece[i].bytes = now;
        if (now == 0)
            break;
        uint64_t gpa;
        if (e->gpa_known && now == bytes && e->gpa % PAGE_SIZE == linear % PAGE_SIZE) {
            gpa = e->gpa;
        } else {
            enum emulate_result status = emulate_translate(e, linear, access & ~ACCESS_EXECUTE, &gpa);
            if (status != EMULATE_DONE)
                return status;
        }
        out->piece[i].gpa = gpa;
        out->piece[i].ram = e->host->memory.pointer(e->host->memory.context, gpa, now, (access & ACCESS_WRITE) != 0);
        linear += now;
        if (emulate_mode_bits(e->cpu) != 64)
            linear &= 0xffffffff;
        left -= now;
    }
    return EMULATE_DONE;
}

// Devices have registers of 1, 2, 4 and 8 bytes; a piece of another size is accessed as single bytes.
static bool device_size(unsigned bytes) {
    return (bytes & (bytes - 1)) == 0 && bytes <= 8;
}

uint64_t memory_read(const struct emulate *e, const struct memory_access *access) {
    uint64_t value = 0;
    unsigned at = 0;
    for (unsigned i = 0; i < 2 && access->piece[i].bytes; i++) {
        unsigned bytes = access->piece[i].bytes;
        uint64_t gpa = access->piece[i].gpa, part = 0;
        if (access->piece[i].ram)
            memcpy(&part, access->piece[i].ram, bytes);
        else if (device_size(bytes))
            part = e->host->read(e->host->context, gpa, bytes) & bytes_mask(bytes);
        else
            for (unsigned b = 0; b < bytes; b++)
                part |= (e->host->read(e->host->context, gpa + b, 1) & 0xff) << (8 * b);
        value |= part << (8 * at);
        at += bytes;
    }
    return value;
}

void memory_write(const struct emulate *e, const struct memory_access *access, uint64_t value) {
    for (unsigned i = 0; i < 2 && access->piece[i].bytes; i++) {
        unsigned bytes = access->piece[i].bytes;
        uint64_t gpa = access->piece[i].gpa;
        if (access->piece[i].ram)
            memcpy(access->piece[i].ram, &value, bytes);
        else if (device_size(bytes))
            e->host->write(e->host->context, gpa, bytes, value & bytes_mask(bytes));
        else
            for (unsigned b = 0; b < bytes; b++)
                e->host->write(e->host->context, gpa + b, 1, value >> (8 * b) & 0xff);
        value = bytes < 8 ? value >> (8 * bytes) : 0;
    }
}

// ---- Operands

uint64_t operand_address(const struct emulate *e) {
    const struct instruction *i = e->instruction;
    const struct memory_operand *m = &i->memory;
    uint64_t address = (uint64_t)m->displacement;
    if (m->base == REGISTER_IP)
        address += e->cpu->rip + i->length;
    else if (m->base != REGISTER_NONE)
        address += e->cpu->gpr[m->base & 15];
    if (m->index < 16)
        address += e->cpu->gpr[m->index] * m->scale;
    return address & bytes_mask(i->address_bytes);
}

enum emulate_result operand_prepare(struct emulate *e, unsigned index, unsigned access, struct operand_value *out) {
    const struct operand *operand = &e->instruction->operand[index];
    out->operand = operand;
    if (operand->kind != OPERAND_MEMORY)
        return EMULATE_DONE;
    if (operand->bytes == 0 || operand->bytes > 8)
        return EMULATE_UNHANDLED;
    return memory_prepare(e, e->instruction->memory.segment, operand_address(e), operand->bytes, access, &out->memory);
}

uint64_t operand_read(const struct emulate *e, const struct operand_value *value) {
    const struct operand *operand = value->operand;
    switch (operand->kind) {
    case OPERAND_REGISTER:
        return e->cpu->gpr[operand->number] & bytes_mask(operand->bytes);
    case OPERAND_HIGH_BYTE:
        return e->cpu->gpr[operand->number] >> 8 & 0xff;
    case OPERAND_SEGMENT:
        return e->cpu->segment[operand->number].selector;
    case OPERAND_IMMEDIATE:
        return operand->immediate;
    case OPERAND_MEMORY:
        return memory_read(e, &value->memory);
    default:
        return 0;
    }
}

void operand_write(struct emulate *e, const struct operand_value *value, uint64_t data) {
    const struct operand *operand = value->operand;
    uint64_t *gpr = &e->cpu->gpr[operand->number & 15];
    if (operand->kind == OPERAND_REGISTER)
        register_write(e->cpu, operand->number, operand->bytes, data);
    else if (operand->kind == OPERAND_HIGH_BYTE)
        *gpr = (*gpr & ~0xff00ull) | (data & 0xff) << 8;
    else if (operand->kind == OPERAND_MEMORY)
        memory_write(e, &value->memory, data);
}

// ---- Fetch

static const uint8_t *fetch_page(struct emulate *e, uint64_t linear, enum emulate_result *status) {
    const struct vcpu_page *cpu = e->cpu;
    struct fetch_cache *cache = &e->fetch_cache;
    uint64_t linear_page = linear & ~(PAGE_SIZE - 1);
    uint8_t access = cpu->cpl == 3 ? ACCESS_EXECUTE | ACCESS_USER : ACCESS_EXECUTE;
    if (cache->used && cache->linear_page == linear_page && cache->access == access && cache->cr3 == cpu->cr3 &&
        cache->cr0 == cpu->cr0 && cache->cr4 == cpu->cr4 && cache->efer == cpu->efer &&
        page_walk_still_valid(&cache->walk))
        return cache->page + linear % PAGE_SIZE;
    cache->used = false;
    *status = walk(e, linear, ACCESS_EXECUTE, &cache->walk);
    if (*status != EMULATE_DONE)
        return NULL;
    uint64_t gpa = cache->walk.gpa & ~(PAGE_SIZE - 1);
    cache->page = e->host->memory.pointer(e->host->memory.context, gpa, PAGE_SIZE, false);
    if (!cache->page) {
        *status = EMULATE_NO_RAM;
        return NULL;
    }
    cache->linear_page = linear_page;
    cache->access = access;
    cache->cr0 = cpu->cr0;
    cache->cr3 = cpu->cr3;
    cache->cr4 = cpu->cr4;
    cache->efer = cpu->efer;
    cache->used = true;
    return cache->page + linear % PAGE_SIZE;
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

// Adds the bytes on the next page, where the instruction turned out to go on there.
static enum emulate_result fetch_more(struct emulate *e, uint8_t bytes[16], unsigned *count) {
    enum emulate_result status = EMULATE_DONE;
    const uint8_t *code = fetch_page(e, segment_linear(e, SEGMENT_CS, e->cpu->rip + *count), &status);
    if (!code)
        return status;
    memcpy(bytes + *count, code, INSTRUCTION_BYTES_MAX - *count);
    *count = INSTRUCTION_BYTES_MAX;
    return EMULATE_DONE;
}

// The usual case: no prefix, all on one page.
static bool opcode_at_rip(struct emulate *e, const uint8_t *opcode, unsigned opcode_bytes) {
    enum emulate_result status = EMULATE_DONE;
    uint64_t linear = segment_linear(e, SEGMENT_CS, e->cpu->rip);
    const uint8_t *code = PAGE_SIZE - linear % PAGE_SIZE >= opcode_bytes ? fetch_page(e, linear, &status) : NULL;
    for (unsigned i = 0; code && i < opcode_bytes; i++)
        if (code[i] != opcode[i])
            return false;
    return code != NULL;
}

enum emulate_result emulate_length(struct emulate *e, const uint8_t *opcode, unsigned opcode_bytes, unsigned *length) {
    if (opcode_at_rip(e, opcode, opcode_bytes)) {
        *length = opcode_bytes;
        return EMULATE_DONE;
    }
    uint8_t bytes[16];
    unsigned count = 0, mode = emulate_mode_bits(e->cpu);
    enum emulate_result status = emulate_fetch(e, bytes, &count);
    if (status != EMULATE_DONE)
        return status;
    *length = decode_length_of(bytes, count, mode, opcode, opcode_bytes);
    if (*length == 0 && count < INSTRUCTION_BYTES_MAX) {
        status = fetch_more(e, bytes, &count);
        if (status != EMULATE_DONE)
            return status;
        *length = decode_length_of(bytes, count, mode, opcode, opcode_bytes);
    }
    return *length ? EMULATE_DONE : EMULATE_UNHANDLED;
}

// ---- Instructions

void emulate_skip(struct emulate *e, unsigned length) {
    struct vcpu_page *cpu = e->cpu;
    uint64_t rip = cpu->rip + length;
    cpu->rip = emulate_mode_bits(cpu) == 64 ? rip : rip & 0xffffffff;
    cpu->rflags &= ~RFLAGS_RF;
    cpu->interruptibility &= ~VCPU_SHADOW;
    e->single_step = (cpu->rflags & RFLAGS_TF) != 0;
    cpu->dirty |= GROUP_RIP;
}

enum emulate_result emulate_instruction(struct emulate *e) {
    uint8_t bytes[16];
    unsigned count = 0, mode = emulate_mode_bits(e->cpu);
    e->single_step = false;
    enum emulate_result status = emulate_fetch(e, bytes, &count);
    if (status != EMULATE_DONE)
        return status;
    e->instruction = decode_cached(&e->decode_cache, e->cpu->rip, bytes, count, mode);
    if (!e->instruction && count < INSTRUCTION_BYTES_MAX) {
        status = fetch_more(e, bytes, &count);
        if (status != EMULATE_DONE)
            return status;
        e->instruction = decode_cached(&e->decode_cache, e->cpu->rip, bytes, count, mode);
    }
    if (!e->instruction)
        return raise(e, VECTOR_UD, false, 0);
    operation_function *function = functions[e->instruction->operation];
    if (!function)
        return EMULATE_UNHANDLED;
    e->jumped = false;
    status = function(e);
    if (status == EMULATE_DONE)
        emulate_skip(e, e->jumped ? 0 : e->instruction->length);
    return status;
}
