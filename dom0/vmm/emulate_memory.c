// Emulation: segments, translations, accesses to memory, and operands.
#include "dom0/vmm/emulate_operation.h"
#include "lib/string.h"

void register_write(struct vcpu_page *cpu, unsigned number, unsigned bytes, uint64_t value) {
    uint64_t mask = bytes_mask(bytes);
    cpu->gpr[number] = bytes == 4 ? value & mask : (cpu->gpr[number] & ~mask) | (value & mask);
}

enum emulate_result emulate_raise(struct emulate *e, unsigned vector, bool has_error, uint32_t error) {
    e->exception = EVENT_VALID | EVENT_EXCEPTION | vector;
    if (has_error)
        e->exception |= EVENT_ERROR_VALID | EVENT_ERROR(error);
    return EMULATE_FAULT;
}

// ---- Addresses

enum emulate_result emulate_walk(struct emulate *e, uint64_t linear, unsigned access, struct page_walk *out) {
    struct vcpu_page *cpu = e->cpu;
    struct page_walk_registers registers = {cpu->cr0, cpu->cr3, cpu->cr4, cpu->efer, e->physical_bits};
    if (!(access & ACCESS_SYSTEM) && cpu->cpl == 3)
        access |= ACCESS_USER;
    if (!(access & ACCESS_SYSTEM) && (cpu->rflags & RFLAGS_AC))
        access |= ACCESS_AC;
    if (page_walk(&registers, &e->host->memory, linear, access, out) == PAGE_WALK_OK)
        return EMULATE_DONE;
    cpu->cr2 = linear;
    cpu->dirty |= GROUP_CONTROL;
    return emulate_raise(e, VECTOR_PF, true, out->error_code);
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
        return emulate_raise(e, segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP, true, 0);
    return linear_prepare(e, segment_linear(e, segment, offset), bytes, access & ~ACCESS_EXECUTE, out);
}

enum emulate_result linear_prepare(struct emulate *e, uint64_t linear, unsigned bytes, unsigned access,
                                   struct memory_access *out) {
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
            struct page_walk translation;
            enum emulate_result status = emulate_walk(e, linear, access, &translation);
            if (status != EMULATE_DONE)
                return status;
            gpa = translation.gpa;
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

// Devices have registers of 1, 2, 4 and 8 bytes; what is left of an access begins with the largest that fits.
static unsigned device_part(unsigned left) {
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

void memory_read_bytes(const struct emulate *e, const struct memory_access *access, void *to) {
    const struct page_walk_memory *memory = &e->host->memory;
    uint8_t *at = to;
    for (unsigned i = 0; i < 2 && access->piece[i].bytes; i++) {
        unsigned bytes = access->piece[i].bytes;
        if (access->piece[i].ram)
            memcpy(at, access->piece[i].ram, bytes);
        for (unsigned done = 0, part; !access->piece[i].ram && done < bytes; done += part) {
            part = device_part(bytes - done);
            uint64_t value = memory->device_read(memory->context, access->piece[i].gpa + done, part);
            memcpy(at + done, &value, part);
        }
        at += bytes;
    }
}

void memory_write_bytes(const struct emulate *e, const struct memory_access *access, const void *from) {
    const uint8_t *at = from;
    for (unsigned i = 0; i < 2 && access->piece[i].bytes; i++) {
        unsigned bytes = access->piece[i].bytes;
        if (access->piece[i].ram)
            memcpy(access->piece[i].ram, at, bytes);
        for (unsigned done = 0, part; !access->piece[i].ram && done < bytes; done += part) {
            uint64_t value = 0;
            part = device_part(bytes - done);
            memcpy(&value, at + done, part);
            e->host->write(e->host->context, access->piece[i].gpa + done, part, value);
        }
        at += bytes;
    }
}

// A device's register: all within one piece, of a size that registers have.
static bool is_register(const struct memory_access *access) {
    unsigned bytes = access->piece[0].bytes;
    return !access->piece[0].ram && access->piece[1].bytes == 0 && (bytes & (bytes - 1)) == 0;
}

uint64_t memory_read(const struct emulate *e, const struct memory_access *access) {
    const struct page_walk_memory *memory = &e->host->memory;
    unsigned bytes = access->piece[0].bytes;
    if (is_register(access))
        return memory->device_read(memory->context, access->piece[0].gpa, bytes) & bytes_mask(bytes);
    uint64_t value = 0;
    memory_read_bytes(e, access, &value);
    return value;
}

void memory_write(const struct emulate *e, const struct memory_access *access, uint64_t value) {
    unsigned bytes = access->piece[0].bytes;
    if (is_register(access))
        e->host->write(e->host->context, access->piece[0].gpa, bytes, value & bytes_mask(bytes));
    else
        memory_write_bytes(e, access, &value);
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
