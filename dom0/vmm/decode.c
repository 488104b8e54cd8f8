// Zydis' view of an instruction turned into the emulator's.
#include "dom0/vmm/decode.h"
#include "kernel/abi.h"
#include "lib/string.h"

#include <Zydis/Zydis.h>

static const struct {
    ZydisMnemonic mnemonic;
    uint8_t operation;
    uint8_t width; // of what string instructions and XLAT access
} operations[] = {
    {ZYDIS_MNEMONIC_MOV, OPERATION_MOV, 0},
    {ZYDIS_MNEMONIC_MOVNTI, OPERATION_MOV, 0},
    {ZYDIS_MNEMONIC_MOVZX, OPERATION_MOVZX, 0},
    {ZYDIS_MNEMONIC_MOVSX, OPERATION_MOVSX, 0},
    {ZYDIS_MNEMONIC_MOVSXD, OPERATION_MOVSX, 0},
    {ZYDIS_MNEMONIC_XCHG, OPERATION_XCHG, 0},
    {ZYDIS_MNEMONIC_PUSH, OPERATION_PUSH, 0},
    {ZYDIS_MNEMONIC_POP, OPERATION_POP, 0},
    {ZYDIS_MNEMONIC_CALL, OPERATION_CALL, 0},
    {ZYDIS_MNEMONIC_JMP, OPERATION_JMP, 0},
    {ZYDIS_MNEMONIC_ADD, OPERATION_ADD, 0},
    {ZYDIS_MNEMONIC_OR, OPERATION_OR, 0},
    {ZYDIS_MNEMONIC_ADC, OPERATION_ADC, 0},
    {ZYDIS_MNEMONIC_SBB, OPERATION_SBB, 0},
    {ZYDIS_MNEMONIC_AND, OPERATION_AND, 0},
    {ZYDIS_MNEMONIC_SUB, OPERATION_SUB, 0},
    {ZYDIS_MNEMONIC_XOR, OPERATION_XOR, 0},
    {ZYDIS_MNEMONIC_CMP, OPERATION_CMP, 0},
    {ZYDIS_MNEMONIC_TEST, OPERATION_TEST, 0},
    {ZYDIS_MNEMONIC_INC, OPERATION_INC, 0},
    {ZYDIS_MNEMONIC_DEC, OPERATION_DEC, 0},
    {ZYDIS_MNEMONIC_NEG, OPERATION_NEG, 0},
    {ZYDIS_MNEMONIC_NOT, OPERATION_NOT, 0},
    {ZYDIS_MNEMONIC_XADD, OPERATION_XADD, 0},
    {ZYDIS_MNEMONIC_CMPXCHG, OPERATION_CMPXCHG, 0},
    {ZYDIS_MNEMONIC_BT, OPERATION_BT, 0},
    {ZYDIS_MNEMONIC_BTS, OPERATION_BTS, 0},
    {ZYDIS_MNEMONIC_BTR, OPERATION_BTR, 0},
    {ZYDIS_MNEMONIC_BTC, OPERATION_BTC, 0},
    {ZYDIS_MNEMONIC_ROL, OPERATION_ROL, 0},
    {ZYDIS_MNEMONIC_ROR, OPERATION_ROR, 0},
    {ZYDIS_MNEMONIC_SHL, OPERATION_SHL, 0},
    {ZYDIS_MNEMONIC_SHR, OPERATION_SHR, 0},
    {ZYDIS_MNEMONIC_SAR, OPERATION_SAR, 0},
    {ZYDIS_MNEMONIC_RCL, OPERATION_RCL, 0},
    {ZYDIS_MNEMONIC_RCR, OPERATION_RCR, 0},
    {ZYDIS_MNEMONIC_SHLD, OPERATION_SHLD, 0},
    {ZYDIS_MNEMONIC_SHRD, OPERATION_SHRD, 0},
    {ZYDIS_MNEMONIC_MUL, OPERATION_MUL, 0},
    {ZYDIS_MNEMONIC_IMUL, OPERATION_IMUL, 0},
    {ZYDIS_MNEMONIC_DIV, OPERATION_DIV, 0},
    {ZYDIS_MNEMONIC_IDIV, OPERATION_IDIV, 0},
    {ZYDIS_MNEMONIC_CMPXCHG8B, OPERATION_CMPXCHG_PAIR, 0},
    {ZYDIS_MNEMONIC_CMPXCHG16B, OPERATION_CMPXCHG_PAIR, 0},
    {ZYDIS_MNEMONIC_BSF, OPERATION_BSF, 0},
    {ZYDIS_MNEMONIC_BSR, OPERATION_BSR, 0},
    {ZYDIS_MNEMONIC_POPCNT, OPERATION_POPCNT, 0},
    {ZYDIS_MNEMONIC_MOVBE, OPERATION_MOVBE, 0},
    {ZYDIS_MNEMONIC_MOVSB, OPERATION_MOVS, 1},
    {ZYDIS_MNEMONIC_MOVSW, OPERATION_MOVS, 2},
    {ZYDIS_MNEMONIC_MOVSD, OPERATION_MOVS, 4},
    {ZYDIS_MNEMONIC_MOVSQ, OPERATION_MOVS, 8},
    {ZYDIS_MNEMONIC_STOSB, OPERATION_STOS, 1},
    {ZYDIS_MNEMONIC_STOSW, OPERATION_STOS, 2},
    {ZYDIS_MNEMONIC_STOSD, OPERATION_STOS, 4},
    {ZYDIS_MNEMONIC_STOSQ, OPERATION_STOS, 8},
    {ZYDIS_MNEMONIC_LODSB, OPERATION_LODS, 1},
    {ZYDIS_MNEMONIC_LODSW, OPERATION_LODS, 2},
    {ZYDIS_MNEMONIC_LODSD, OPERATION_LODS, 4},
    {ZYDIS_MNEMONIC_LODSQ, OPERATION_LODS, 8},
    {ZYDIS_MNEMONIC_CMPSB, OPERATION_CMPS, 1},
    {ZYDIS_MNEMONIC_CMPSW, OPERATION_CMPS, 2},
    {ZYDIS_MNEMONIC_CMPSD, OPERATION_CMPS, 4},
    {ZYDIS_MNEMONIC_CMPSQ, OPERATION_CMPS, 8},
    {ZYDIS_MNEMONIC_SCASB, OPERATION_SCAS, 1},
    {ZYDIS_MNEMONIC_SCASW, OPERATION_SCAS, 2},
    {ZYDIS_MNEMONIC_SCASD, OPERATION_SCAS, 4},
    {ZYDIS_MNEMONIC_SCASQ, OPERATION_SCAS, 8},
    {ZYDIS_MNEMONIC_INSB, OPERATION_INS, 1},
    {ZYDIS_MNEMONIC_INSW, OPERATION_INS, 2},
    {ZYDIS_MNEMONIC_INSD, OPERATION_INS, 4},
    {ZYDIS_MNEMONIC_OUTSB, OPERATION_OUTS, 1},
    {ZYDIS_MNEMONIC_OUTSW, OPERATION_OUTS, 2},
    {ZYDIS_MNEMONIC_OUTSD, OPERATION_OUTS, 4},
    {ZYDIS_MNEMONIC_XLAT, OPERATION_XLAT, 1},
};

// Moves between memory and vector registers; of each that has one, the VEX form too. Not: EVEX, which has masks.
static const struct {
    ZydisMnemonic legacy, vex;
    uint8_t part; // enum vector_part
} vector_moves[] = {
    {ZYDIS_MNEMONIC_MOVUPS, ZYDIS_MNEMONIC_VMOVUPS, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_MOVUPD, ZYDIS_MNEMONIC_VMOVUPD, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_MOVDQU, ZYDIS_MNEMONIC_VMOVDQU, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_LDDQU, ZYDIS_MNEMONIC_VLDDQU, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_MOVSS, ZYDIS_MNEMONIC_VMOVSS, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_MOVSD, ZYDIS_MNEMONIC_VMOVSD, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_MOVD, ZYDIS_MNEMONIC_VMOVD, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_MOVQ, ZYDIS_MNEMONIC_VMOVQ, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_MOVNTQ, ZYDIS_MNEMONIC_INVALID, VECTOR_WHOLE},
    {ZYDIS_MNEMONIC_MOVAPS, ZYDIS_MNEMONIC_VMOVAPS, VECTOR_ALIGNED},
    {ZYDIS_MNEMONIC_MOVAPD, ZYDIS_MNEMONIC_VMOVAPD, VECTOR_ALIGNED},
    {ZYDIS_MNEMONIC_MOVDQA, ZYDIS_MNEMONIC_VMOVDQA, VECTOR_ALIGNED},
    {ZYDIS_MNEMONIC_MOVNTPS, ZYDIS_MNEMONIC_VMOVNTPS, VECTOR_ALIGNED},
    {ZYDIS_MNEMONIC_MOVNTPD, ZYDIS_MNEMONIC_VMOVNTPD, VECTOR_ALIGNED},
    {ZYDIS_MNEMONIC_MOVNTDQ, ZYDIS_MNEMONIC_VMOVNTDQ, VECTOR_ALIGNED},
    {ZYDIS_MNEMONIC_MOVNTDQA, ZYDIS_MNEMONIC_VMOVNTDQA, VECTOR_ALIGNED},
    {ZYDIS_MNEMONIC_MOVLPS, ZYDIS_MNEMONIC_VMOVLPS, VECTOR_LOW},
    {ZYDIS_MNEMONIC_MOVLPD, ZYDIS_MNEMONIC_VMOVLPD, VECTOR_LOW},
    {ZYDIS_MNEMONIC_MOVHPS, ZYDIS_MNEMONIC_VMOVHPS, VECTOR_HIGH},
    {ZYDIS_MNEMONIC_MOVHPD, ZYDIS_MNEMONIC_VMOVHPD, VECTOR_HIGH},
};

// Classes of registers that Zydis numbers one after the other, and what they are here.
static const struct {
    ZydisRegister first, last;
    uint8_t kind, number, bytes;
} registers[] = {
    {ZYDIS_REGISTER_AL, ZYDIS_REGISTER_BL, OPERAND_REGISTER, 0, 1},
    {ZYDIS_REGISTER_AH, ZYDIS_REGISTER_BH, OPERAND_HIGH_BYTE, 0, 1},
    {ZYDIS_REGISTER_SPL, ZYDIS_REGISTER_DIL, OPERAND_REGISTER, 4, 1},
    {ZYDIS_REGISTER_R8B, ZYDIS_REGISTER_R15B, OPERAND_REGISTER, 8, 1},
    {ZYDIS_REGISTER_AX, ZYDIS_REGISTER_R15W, OPERAND_REGISTER, 0, 2},
    {ZYDIS_REGISTER_EAX, ZYDIS_REGISTER_R15D, OPERAND_REGISTER, 0, 4},
    {ZYDIS_REGISTER_RAX, ZYDIS_REGISTER_R15, OPERAND_REGISTER, 0, 8},
    {ZYDIS_REGISTER_ES, ZYDIS_REGISTER_GS, OPERAND_SEGMENT, 0, 2},
    {ZYDIS_REGISTER_MM0, ZYDIS_REGISTER_MM7, OPERAND_MMX, 0, 8},
    {ZYDIS_REGISTER_XMM0, ZYDIS_REGISTER_XMM15, OPERAND_VECTOR, 0, 16},
    {ZYDIS_REGISTER_YMM0, ZYDIS_REGISTER_YMM15, OPERAND_VECTOR, 0, 32},
};

static bool convert_register(ZydisRegister from, struct operand *to) {
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++) {
        if (from < registers[i].first || from > registers[i].last)
            continue;
        to->kind = registers[i].kind;
        to->number = (uint8_t)(from - registers[i].first + registers[i].number);
        to->bytes = registers[i].bytes;
        return true;
    }
    return false;
}

static bool convert_address_register(ZydisRegister from, uint8_t *number) {
    struct operand operand;
    *number = REGISTER_NONE;
    if (from == ZYDIS_REGISTER_NONE)
        return true;
    if (from == ZYDIS_REGISTER_RIP || from == ZYDIS_REGISTER_EIP) {
        *number = REGISTER_IP;
        return true;
    }
    if (!convert_register(from, &operand) || operand.kind != OPERAND_REGISTER)
        return false;
    *number = operand.number;
    return true;
}

static bool convert_memory(const ZydisDecodedOperandMem *from, struct memory_operand *to) {
    if (from->segment < ZYDIS_REGISTER_ES || from->segment > ZYDIS_REGISTER_GS)
        return false;
    to->segment = (uint8_t)(from->segment - ZYDIS_REGISTER_ES);
    to->scale = from->scale;
    to->displacement = from->disp.has_displacement ? from->disp.value : 0;
    return convert_address_register(from->base, &to->base) && convert_address_register(from->index, &to->index);
}

static bool convert_operand(const ZydisDecodedOperand *from, struct operand *to, struct memory_operand *memory) {
    bool good;
    switch (from->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        good = convert_register(from->reg.value, to);
        break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
        to->kind = OPERAND_MEMORY;
        good = from->mem.type == ZYDIS_MEMOP_TYPE_MEM && convert_memory(&from->mem, memory);
        break;
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        to->kind = OPERAND_IMMEDIATE;
        to->immediate = from->imm.value.u;
        good = !from->imm.is_relative;
        break;
    default:
        good = false;
    }
    to->bytes = (uint8_t)(from->size / 8);
    return good;
}

// The source of a string instruction that has one, and XLAT's table, keep their segment in `memory`.
static void convert_string(const ZydisDecodedOperand *operands, unsigned count, struct instruction *out) {
    out->memory.segment = SEGMENT_DS;
    for (unsigned i = 0; i < count; i++) {
        const ZydisDecodedOperand *operand = &operands[i];
        bool source = operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->mem.base != ZYDIS_REGISTER_DI &&
                      operand->mem.base != ZYDIS_REGISTER_EDI && operand->mem.base != ZYDIS_REGISTER_RDI;
        if (source)
            out->memory.segment = (uint8_t)(operand->mem.segment - ZYDIS_REGISTER_ES);
    }
}

static bool convert_operands(const ZydisDecodedInstruction *from, const ZydisDecodedOperand *operands,
                             struct instruction *out) {
    if (from->operand_count_visible > INSTRUCTION_OPERANDS_MAX)
        return false;
    out->operands = from->operand_count_visible;
    for (unsigned i = 0; i < out->operands; i++)
        if (!convert_operand(&operands[i], &out->operand[i], &out->memory))
            return false;
    return true;
}

static bool convert_vector(const ZydisDecodedInstruction *from, struct instruction *out) {
    bool vex = from->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX;
    if (!vex && from->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
        return false;
    for (unsigned i = 0; i < sizeof vector_moves / sizeof *vector_moves; i++) {
        if ((vex ? vector_moves[i].vex : vector_moves[i].legacy) != from->mnemonic)
            continue;
        out->operation = OPERATION_VECTOR;
        out->part = vector_moves[i].part;
        out->prefixes |= vex ? PREFIX_VEX : 0;
        return true;
    }
    return false;
}

// CMOVcc and SETcc have mnemonics by condition, and the condition in the opcode.
static bool convert_conditional(const ZydisDecodedInstruction *from, struct instruction *out) {
    unsigned row = from->opcode & 0xf0u;
    if (from->opcode_map != ZYDIS_OPCODE_MAP_0F || (row != 0x40 && row != 0x90))
        return false;
    out->operation = row == 0x40 ? OPERATION_CMOV : OPERATION_SET;
    out->condition = from->opcode & 0xf;
    return true;
}

static bool convert_general(const ZydisDecodedInstruction *from, const ZydisDecodedOperand *operands,
                            struct instruction *out) {
    unsigned found = 0, count = sizeof operations / sizeof *operations;
    while (found < count && operations[found].mnemonic != from->mnemonic)
        found++;
    if (found == count || (operations[found].width && from->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT))
        return false;
    out->operation = operations[found].operation;
    out->width = operations[found].width;
    if (out->width)
        convert_string(operands, from->operand_count, out);
    return true;
}

static void convert(const ZydisDecodedInstruction *from, const ZydisDecodedOperand *operands, struct instruction *out) {
    // MOVSD and CMPSD are also instructions of SSE; the string instructions are those of the first opcode map.
    bool vector = from->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT && convert_vector(from, out);
    bool legacy = from->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY;
    bool known = vector || (legacy && (convert_conditional(from, out) || convert_general(from, operands, out)));
    if (known && !out->width && !convert_operands(from, operands, out))
        out->operation = OPERATION_NONE;
}

// One decoder per mode; they hold nothing but the mode.
static bool decoder_for(unsigned mode_bits, ZydisDecoder *decoder) {
    ZydisMachineMode mode = mode_bits == 64   ? ZYDIS_MACHINE_MODE_LONG_64
                            : mode_bits == 32 ? ZYDIS_MACHINE_MODE_LEGACY_32
                                              : ZYDIS_MACHINE_MODE_LEGACY_16;
    ZydisStackWidth width = mode_bits == 64   ? ZYDIS_STACK_WIDTH_64
                            : mode_bits == 32 ? ZYDIS_STACK_WIDTH_32
                                              : ZYDIS_STACK_WIDTH_16;
    return ZYAN_SUCCESS(ZydisDecoderInit(decoder, mode, width));
}

bool decode(const uint8_t *bytes, unsigned count, unsigned mode_bits, struct instruction *out) {
    ZydisDecoder decoder;
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    *out = (struct instruction){0};
    if (!decoder_for(mode_bits, &decoder) ||
        !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, count, &instruction, operands)))
        return false;
    out->length = instruction.length;
    out->address_bytes = instruction.address_width / 8;
    out->stack_bytes = instruction.operand_width / 8;
    if (mode_bits == 64 && out->stack_bytes == 4)
        out->stack_bytes = 8;
    if (instruction.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE))
        out->prefixes |= PREFIX_REP;
    if (instruction.attributes & ZYDIS_ATTRIB_HAS_REPNE)
        out->prefixes |= PREFIX_REPNE;
    if (instruction.attributes & ZYDIS_ATTRIB_HAS_LOCK)
        out->prefixes |= PREFIX_LOCK;
    convert(&instruction, operands, out);
    return true;
}

const struct instruction *decode_cached(struct decode_cache *cache, uint64_t rip, const uint8_t bytes[16],
                                        unsigned count, unsigned mode_bits) {
    uint64_t words[2];
    memcpy(words, bytes, sizeof words);
    __typeof__(&cache->entry[0]) entry = &cache->entry[(rip ^ rip >> 6) % DECODE_CACHE_ENTRIES];
    if (entry->mode_bits == mode_bits && entry->instruction.length <= count &&
        !((words[0] ^ entry->bytes[0]) & entry->mask[0]) && !((words[1] ^ entry->bytes[1]) & entry->mask[1]))
        return &entry->instruction;
    if (!decode(bytes, count, mode_bits, &entry->instruction)) {
        entry->mode_bits = 0;
        return NULL;
    }
    unsigned length = entry->instruction.length;
    entry->mode_bits = (uint8_t)mode_bits;
    entry->bytes[0] = words[0];
    entry->bytes[1] = words[1];
    entry->mask[0] = length >= 8 ? UINT64_MAX : (1ull << (8 * length)) - 1;
    entry->mask[1] = length > 8 ? (1ull << (8 * (length - 8))) - 1 : 0;
    return &entry->instruction;
}

static bool is_prefix(uint8_t byte, unsigned mode_bits) {
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return mode_bits == 64 && (byte & 0xf0) == 0x40; // REX
    }
}

unsigned decode_length_of(const uint8_t *bytes, unsigned count, unsigned mode_bits, const uint8_t *opcode,
                          unsigned opcode_bytes) {
    unsigned at = 0;
    while (at < count && is_prefix(bytes[at], mode_bits))
        at++;
    if (at + opcode_bytes > count || memcmp(bytes + at, opcode, opcode_bytes) != 0)
        return 0;
    return at + opcode_bytes;
}
