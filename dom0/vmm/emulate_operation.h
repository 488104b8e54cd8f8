// What the emulated operations share: registers, operands, memory accesses, flags. Private to emulate*.c.
#pragma once
#include "dom0/vmm/emulate.h"
#include "dom0/vmm/exception.h"

#define RFLAGS_CF         0x00001ull
#define RFLAGS_PF         0x00004ull
#define RFLAGS_AF         0x00010ull
#define RFLAGS_ZF         0x00040ull
#define RFLAGS_SF         0x00080ull
#define RFLAGS_TF         0x00100ull
#define RFLAGS_IF         0x00200ull
#define RFLAGS_DF         0x00400ull
#define RFLAGS_OF         0x00800ull
#define RFLAGS_RF         0x10000ull
#define RFLAGS_VM         0x20000ull
#define RFLAGS_AC         0x40000ull
#define RFLAGS_ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

// A memory operand after translation: one piece, or two where it crosses a page. Nothing of it was accessed yet.
struct memory_access {
    struct {
        uint64_t gpa;
        uint8_t *ram; // null: not RAM, or not writable and the access writes
        unsigned bytes;
    } piece[2];
};

static inline uint64_t bytes_mask(unsigned bytes) {
    return bytes > 7 ? UINT64_MAX : (1ull << (8 * (bytes & 7))) - 1;
}

static inline uint64_t sign_extend(uint64_t value, unsigned bytes) {
    unsigned shift = bytes && bytes < 8 ? 64 - 8 * bytes : 0;
    return (uint64_t)((int64_t)(value << shift) >> shift);
}

// Writes a general register as the CPU does: 32 bits clear the upper half.
void register_write(struct vcpu_page *cpu, unsigned number, unsigned bytes, uint64_t value);

enum emulate_result emulate_raise(struct emulate *e, unsigned vector, bool has_error, uint32_t error);

// An access that the CPU itself makes, of a descriptor or the TSS: with a supervisor's rights, whatever RFLAGS.AC says.
// For emulate_walk() and linear_prepare() only.
#define ACCESS_SYSTEM 0x100u

// Translates a linear address for an access of the current privilege, or ACCESS_SYSTEM; raises #PF.
enum emulate_result emulate_walk(struct emulate *e, uint64_t linear, unsigned access, struct page_walk *out);

// Checks segment, limit and paging of [offset, offset+bytes), which spans at most two pages.
enum emulate_result memory_prepare(struct emulate *e, unsigned segment, uint64_t offset, unsigned bytes,
                                   unsigned access, struct memory_access *out);
// As above, with a linear address, of which only paging is checked.
enum emulate_result linear_prepare(struct emulate *e, uint64_t linear, unsigned bytes, unsigned access,
                                   struct memory_access *out);
// Does a range lie within the segment's limit? Raises nothing.
bool segment_covers(const struct emulate *e, unsigned segment, uint64_t offset, uint64_t bytes);
uint64_t segment_linear(const struct emulate *e, unsigned segment, uint64_t offset);

// As many bytes as were prepared.
void memory_read_bytes(const struct emulate *e, const struct memory_access *access, void *to);
void memory_write_bytes(const struct emulate *e, const struct memory_access *access, const void *from);
// At most 8 bytes.
uint64_t memory_read(const struct emulate *e, const struct memory_access *access);
void memory_write(const struct emulate *e, const struct memory_access *access, uint64_t value);

// An operand of the current instruction; memory is prepared once, for all that is done with it.
struct operand_value {
    const struct operand *operand;
    struct memory_access memory;
};
enum emulate_result operand_prepare(struct emulate *e, unsigned index, unsigned access, struct operand_value *out);
uint64_t operand_read(const struct emulate *e, const struct operand_value *value);
void operand_write(struct emulate *e, const struct operand_value *value, uint64_t data);
uint64_t operand_address(const struct emulate *e); // offset of the memory operand

// Result and flags of an arithmetic operation on `bytes`; enum operation, of two operands.
uint64_t arithmetic(enum operation operation, uint64_t a, uint64_t b, unsigned bytes, uint64_t *rflags);

// ZF, SF and PF of a result.
uint64_t result_flags(uint64_t result, unsigned bytes);

// Leaves the function that it stands in with any status but EMULATE_DONE.
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum emulate_result status_ = (call);                                                                          \
        if (status_ != EMULATE_DONE)                                                                                   \
            return status_;                                                                                            \
    } while (0)

typedef enum emulate_result operation_function(struct emulate *e);
operation_function emulate_mov, emulate_extend, emulate_xchg, emulate_push, emulate_pop, emulate_call, emulate_jmp;
operation_function emulate_movbe, emulate_cmov, emulate_set, emulate_xlat;
operation_function emulate_binary, emulate_unary, emulate_xadd, emulate_cmpxchg, emulate_cmpxchg_pair;
operation_function emulate_multiply, emulate_divide;
operation_function emulate_bit_test, emulate_bit_scan, emulate_shift, emulate_shift_double;
operation_function emulate_string, emulate_port_string;
operation_function emulate_vector;
