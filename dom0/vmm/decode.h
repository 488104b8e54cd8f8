// Instructions as the emulator wants them: the operations that touch memory or ports, with their operands. The
// decoding itself is Zydis'; a small cache keyed by address, bytes and mode keeps it off the hot path.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define INSTRUCTION_BYTES_MAX 15

enum operation {
    OPERATION_NONE, // decoded, but none that is emulated
    OPERATION_MOV,
    OPERATION_MOVZX,
    OPERATION_MOVSX, // and MOVSXD
    OPERATION_XCHG,
    OPERATION_PUSH,
    OPERATION_POP,
    OPERATION_CALL,
    OPERATION_JMP,
    OPERATION_ADD,
    OPERATION_OR,
    OPERATION_ADC,
    OPERATION_SBB,
    OPERATION_AND,
    OPERATION_SUB,
    OPERATION_XOR,
    OPERATION_CMP,
    OPERATION_TEST,
    OPERATION_INC,
    OPERATION_DEC,
    OPERATION_NEG,
    OPERATION_NOT,
    OPERATION_XADD,
    OPERATION_CMPXCHG,
    OPERATION_BT,
    OPERATION_BTS,
    OPERATION_BTR,
    OPERATION_BTC,
    OPERATION_ROL,
    OPERATION_ROR,
    OPERATION_SHL,
    OPERATION_SHR,
    OPERATION_SAR,
    OPERATION_RCL,
    OPERATION_RCR,
    OPERATION_SHLD,
    OPERATION_SHRD,
    OPERATION_MUL,
    OPERATION_IMUL,
    OPERATION_DIV,
    OPERATION_IDIV,
    OPERATION_CMPXCHG_PAIR, // CMPXCHG8B, CMPXCHG16B
    OPERATION_BSF,
    OPERATION_BSR,
    OPERATION_POPCNT,
    OPERATION_MOVBE,
    OPERATION_CMOV,
    OPERATION_SET,
    OPERATION_XLAT,
    OPERATION_VECTOR, // moves of vector registers
    OPERATION_MOVS,
    OPERATION_STOS,
    OPERATION_LODS,
    OPERATION_CMPS,
    OPERATION_SCAS,
    OPERATION_INS,
    OPERATION_OUTS,
    OPERATION_COUNT
};

enum operand_kind {
    OPERAND_NONE,
    OPERAND_REGISTER,
    OPERAND_HIGH_BYTE,
    OPERAND_SEGMENT,
    OPERAND_MEMORY,
    OPERAND_IMMEDIATE,
    OPERAND_MMX,
    OPERAND_VECTOR // XMM, YMM
};

struct operand {
    uint8_t kind; // enum operand_kind
    uint8_t bytes;
    uint8_t number; // of the register
    uint64_t immediate;
};

#define REGISTER_NONE 0xff
#define REGISTER_IP   0xfe

// At most one operand with an address; string instructions have theirs in their operation.
struct memory_operand {
    uint8_t base, index; // register number, REGISTER_NONE, REGISTER_IP
    uint8_t scale;       // 0, 1, 2, 4, 8
    uint8_t segment;     // enum vcpu_segment_name; also the source of string instructions
    int64_t displacement;
};

#define PREFIX_REP   1u // F3
#define PREFIX_REPNE 2u // F2
#define PREFIX_LOCK  4u
#define PREFIX_VEX   8u // not the legacy encoding

// What a move of a vector register does with the parts that are not moved.
enum vector_part {
    VECTOR_WHOLE,   // all of the register, or the low part of it with zeros above it
    VECTOR_ALIGNED, // as above, and the address has to be a multiple of the size
    VECTOR_LOW,     // bits 0 to 63, the others stay
    VECTOR_HIGH     // bits 64 to 127
};

#define INSTRUCTION_OPERANDS_MAX 3

struct instruction {
    uint8_t operation; // enum operation
    uint8_t length;
    uint8_t prefixes;
    uint8_t operands;
    uint8_t width;         // bytes of an element of a string instruction
    uint8_t part;          // of OPERATION_VECTOR: enum vector_part
    uint8_t condition;     // of CMOV and SET, as in the opcode (SDM 1 appendix B)
    uint8_t address_bytes; // 2, 4, 8
    uint8_t stack_bytes;
    struct memory_operand memory;
    struct operand operand[INSTRUCTION_OPERANDS_MAX];
};

// Decodes the instruction at the start of `bytes`, of which `count` (at most 15) are known; mode_bits: 16, 32, 64.
// False if they are no instruction, or not a whole one.
bool decode(const uint8_t *bytes, unsigned count, unsigned mode_bits, struct instruction *out);

#define DECODE_CACHE_ENTRIES 64u

struct decode_cache {
    struct {
        uint64_t bytes[2];
        uint64_t mask[2];  // of the instruction's own bytes
        uint8_t mode_bits; // 0: unused
        struct instruction instruction;
    } entry[DECODE_CACHE_ENTRIES];
};

// As decode(), through a cache. `bytes` are 16, of which `count` are known and the rest is anything. Null for none.
const struct instruction *decode_cached(struct decode_cache *cache, uint64_t rip, const uint8_t bytes[16],
                                        unsigned count, unsigned mode_bits);

// Length of an instruction that is known but for its prefixes: `opcode` of `opcode_bytes`, e.g. 0F A2. 0 if it is not
// at the start of `bytes`.
unsigned decode_length_of(const uint8_t *bytes, unsigned count, unsigned mode_bits, const uint8_t *opcode,
                          unsigned opcode_bytes);
