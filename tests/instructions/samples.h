// Instructions that the emulator has to do as the CPU does: run on the CPU in a unit test, and in a guest on its RAM,
// which the CPU does, and on device memory, which the emulator does. All are of 64-bit mode; the operand is at [RDI].
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FLAG_CF         0x001ull
#define FLAG_PF         0x004ull
#define FLAG_AF         0x010ull
#define FLAG_ZF         0x040ull
#define FLAG_SF         0x080ull
#define FLAG_OF         0x800ull
#define FLAG_ARITHMETIC (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define OPERANDS 0x400u         // the memory operand lies from here in the device's page, with room on both sides
#define MODRM(n) ((n) << 3 | 7) // [rdi] and a register or an opcode's extension

// What an instruction is run with.
#define BYTE        1u // no prefix, and REX
#define WORD        2u // 66
#define DWORD       4u // no prefix
#define QWORD       8u // REX.W
#define ALL         (WORD | DWORD | QWORD)
#define BIT_OFFSET  16u  // RSI is a bit offset within the page
#define SMALL_COUNT 32u  // CL is 1 to 7
#define POINTERS    64u  // RSI and RBX point into the page, RCX is a small count
#define DIVIDES     128u // the accumulator's upper half is small, so that some quotients fit
#define NEEDS_AVX   256u
#define SCANS       512u // the register is undefined where ZF comes out set (SDM 2A BSF)

#define F_LOGIC  FLAG_AF
#define F_MUL    (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)
#define F_BIT    (FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF)
#define F_SCAN   (FLAG_ARITHMETIC & ~FLAG_ZF)
#define F_SHIFT1 FLAG_AF             // by 1
#define F_SHIFT  (FLAG_AF | FLAG_OF) // by more

struct sample {
    const char *name;
    unsigned how;
    uint64_t undefined; // flags
    uint8_t bytes;
    uint8_t code[7];
};

#define CODE(...)                                                                                                      \
    sizeof((uint8_t[]){__VA_ARGS__}), {                                                                                \
        __VA_ARGS__                                                                                                    \
    }

static const struct sample samples[] = {
    {"mov r/m8, r8", BYTE, 0, CODE(0x88, MODRM(6))},
    {"mov r/m, r", ALL, 0, CODE(0x89, MODRM(6))},
    {"mov r8, r/m8", BYTE, 0, CODE(0x8a, MODRM(6))},
    {"mov r, r/m", ALL, 0, CODE(0x8b, MODRM(6))},
    {"mov r/m8, imm", BYTE, 0, CODE(0xc6, MODRM(0), 0x9a)},
    {"mov r/m, imm", DWORD | QWORD, 0, CODE(0xc7, MODRM(0), 0x9a, 0xbc, 0xde, 0xf0)},
    {"movnti", DWORD | QWORD, 0, CODE(0x0f, 0xc3, MODRM(6))},
    {"movzx r/m8", ALL, 0, CODE(0x0f, 0xb6, MODRM(6))},
    {"movzx r/m16", DWORD | QWORD, 0, CODE(0x0f, 0xb7, MODRM(6))},
    {"movsx r/m8", ALL, 0, CODE(0x0f, 0xbe, MODRM(6))},
    {"movsx r/m16", DWORD | QWORD, 0, CODE(0x0f, 0xbf, MODRM(6))},
    {"movsxd", DWORD | QWORD, 0, CODE(0x63, MODRM(6))},
    {"movbe r, m", ALL, 0, CODE(0x0f, 0x38, 0xf0, MODRM(6))},
    {"movbe m, r", ALL, 0, CODE(0x0f, 0x38, 0xf1, MODRM(6))},
    {"xchg r/m8, r8", BYTE, 0, CODE(0x86, MODRM(6))},
    {"xchg r/m, r", ALL, 0, CODE(0x87, MODRM(6))},
    {"xadd r/m8, r8", BYTE, 0, CODE(0x0f, 0xc0, MODRM(6))},
    {"xadd r/m, r", ALL, 0, CODE(0x0f, 0xc1, MODRM(6))},
    {"cmpxchg r/m8, r8", BYTE, 0, CODE(0x0f, 0xb0, MODRM(6))},
    {"cmpxchg r/m, r", ALL, 0, CODE(0x0f, 0xb1, MODRM(6))},
    {"cmpxchg8b, cmpxchg16b", DWORD | QWORD, 0, CODE(0x0f, 0xc7, MODRM(1))},
    {"test r/m8, r8", BYTE, F_LOGIC, CODE(0x84, MODRM(6))},
    {"test r/m, r", ALL, F_LOGIC, CODE(0x85, MODRM(6))},
    {"test r/m8, imm", BYTE, F_LOGIC, CODE(0xf6, MODRM(0), 0x5a)},
    {"not r/m8", BYTE, 0, CODE(0xf6, MODRM(2))},
    {"not", ALL, 0, CODE(0xf7, MODRM(2))},
    {"neg r/m8", BYTE, 0, CODE(0xf6, MODRM(3))},
    {"neg", ALL, 0, CODE(0xf7, MODRM(3))},
    {"mul r/m8", BYTE, F_MUL, CODE(0xf6, MODRM(4))},
    {"mul", ALL, F_MUL, CODE(0xf7, MODRM(4))},
    {"imul r/m8", BYTE, F_MUL, CODE(0xf6, MODRM(5))},
    {"imul", ALL, F_MUL, CODE(0xf7, MODRM(5))},
    {"imul r, r/m", ALL, F_MUL, CODE(0x0f, 0xaf, MODRM(6))},
    {"imul r, r/m, imm", ALL, F_MUL, CODE(0x6b, MODRM(6), 0xf9)},
    {"div r/m8", BYTE | DIVIDES, FLAG_ARITHMETIC, CODE(0xf6, MODRM(6))},
    {"div", ALL | DIVIDES, FLAG_ARITHMETIC, CODE(0xf7, MODRM(6))},
    {"idiv r/m8", BYTE | DIVIDES, FLAG_ARITHMETIC, CODE(0xf6, MODRM(7))},
    {"idiv", ALL | DIVIDES, FLAG_ARITHMETIC, CODE(0xf7, MODRM(7))},
    {"inc r/m8", BYTE, 0, CODE(0xfe, MODRM(0))},
    {"inc", ALL, 0, CODE(0xff, MODRM(0))},
    {"dec r/m8", BYTE, 0, CODE(0xfe, MODRM(1))},
    {"dec", ALL, 0, CODE(0xff, MODRM(1))},
    {"shld imm 1", ALL, F_SHIFT1, CODE(0x0f, 0xa4, MODRM(6), 1)},
    {"shld imm 13", ALL, F_SHIFT, CODE(0x0f, 0xa4, MODRM(6), 13)},
    {"shld cl", DWORD | QWORD, F_SHIFT, CODE(0x0f, 0xa5, MODRM(6))},
    {"shrd imm 1", ALL, F_SHIFT1, CODE(0x0f, 0xac, MODRM(6), 1)},
    {"shrd imm 13", ALL, F_SHIFT, CODE(0x0f, 0xac, MODRM(6), 13)},
    {"shrd cl", DWORD | QWORD, F_SHIFT, CODE(0x0f, 0xad, MODRM(6))},
    {"bt r", ALL | BIT_OFFSET, F_BIT, CODE(0x0f, 0xa3, MODRM(6))},
    {"bts r", ALL | BIT_OFFSET, F_BIT, CODE(0x0f, 0xab, MODRM(6))},
    {"btr r", ALL | BIT_OFFSET, F_BIT, CODE(0x0f, 0xb3, MODRM(6))},
    {"btc r", ALL | BIT_OFFSET, F_BIT, CODE(0x0f, 0xbb, MODRM(6))},
    {"bt imm", ALL, F_BIT, CODE(0x0f, 0xba, MODRM(4), 0x4b)},
    {"bts imm", ALL, F_BIT, CODE(0x0f, 0xba, MODRM(5), 0x4b)},
    {"btr imm", ALL, F_BIT, CODE(0x0f, 0xba, MODRM(6), 0x4b)},
    {"btc imm", ALL, F_BIT, CODE(0x0f, 0xba, MODRM(7), 0x4b)},
    {"bsf", ALL | SCANS, F_SCAN, CODE(0x0f, 0xbc, MODRM(6))},
    {"bsr", ALL | SCANS, F_SCAN, CODE(0x0f, 0xbd, MODRM(6))},
    {"popcnt", ALL, 0, CODE(0xf3, 0x0f, 0xb8, MODRM(6))},
    {"xlat", DWORD | POINTERS, 0, CODE(0xd7)},
    {"movsb", DWORD | POINTERS, 0, CODE(0xa4)},
    {"movs", ALL | POINTERS, 0, CODE(0xa5)},
    {"rep movs", ALL | POINTERS, 0, CODE(0xf3, 0xa5)},
    {"rep stosb", DWORD | POINTERS, 0, CODE(0xf3, 0xaa)},
    {"rep stos", ALL | POINTERS, 0, CODE(0xf3, 0xab)},
    {"lodsb", DWORD | POINTERS, 0, CODE(0xac)},
    {"lods", ALL | POINTERS, 0, CODE(0xad)},
    {"rep lods", ALL | POINTERS, 0, CODE(0xf3, 0xad)},
    {"cmps", ALL | POINTERS, 0, CODE(0xa7)},
    {"repe cmpsb", DWORD | POINTERS, 0, CODE(0xf3, 0xa6)},
    {"repne cmps", ALL | POINTERS, 0, CODE(0xf2, 0xa7)},
    {"repe scas", ALL | POINTERS, 0, CODE(0xf3, 0xaf)},
    {"repne scasb", DWORD | POINTERS, 0, CODE(0xf2, 0xae)},
    {"movups load", DWORD, 0, CODE(0x0f, 0x10, MODRM(6))},
    {"movups store, xmm14", DWORD, 0, CODE(0x44, 0x0f, 0x11, MODRM(6))},
    {"movupd load", DWORD, 0, CODE(0x66, 0x0f, 0x10, MODRM(6))},
    {"movss load", DWORD, 0, CODE(0xf3, 0x0f, 0x10, MODRM(6))},
    {"movss store", DWORD, 0, CODE(0xf3, 0x0f, 0x11, MODRM(6))},
    {"movsd load", DWORD, 0, CODE(0xf2, 0x0f, 0x10, MODRM(6))},
    {"movsd store", DWORD, 0, CODE(0xf2, 0x0f, 0x11, MODRM(6))},
    {"movlps load", DWORD, 0, CODE(0x0f, 0x12, MODRM(6))},
    {"movlps store", DWORD, 0, CODE(0x0f, 0x13, MODRM(6))},
    {"movhps load", DWORD, 0, CODE(0x0f, 0x16, MODRM(6))},
    {"movhpd store", DWORD, 0, CODE(0x66, 0x0f, 0x17, MODRM(6))},
    {"movaps load", DWORD, 0, CODE(0x0f, 0x28, MODRM(6))},
    {"movaps store", DWORD, 0, CODE(0x0f, 0x29, MODRM(6))},
    {"movntps", DWORD, 0, CODE(0x0f, 0x2b, MODRM(6))},
    {"movdqa load", DWORD, 0, CODE(0x66, 0x0f, 0x6f, MODRM(6))},
    {"movdqa store", DWORD, 0, CODE(0x66, 0x0f, 0x7f, MODRM(6))},
    {"movdqu load, xmm14", DWORD, 0, CODE(0xf3, 0x44, 0x0f, 0x6f, MODRM(6))},
    {"movdqu store", DWORD, 0, CODE(0xf3, 0x0f, 0x7f, MODRM(6))},
    {"movntdq", DWORD, 0, CODE(0x66, 0x0f, 0xe7, MODRM(6))},
    {"movntdqa", DWORD, 0, CODE(0x66, 0x0f, 0x38, 0x2a, MODRM(6))},
    {"lddqu", DWORD, 0, CODE(0xf2, 0x0f, 0xf0, MODRM(6))},
    {"movd xmm load", DWORD, 0, CODE(0x66, 0x0f, 0x6e, MODRM(6))},
    {"movd xmm store", DWORD, 0, CODE(0x66, 0x0f, 0x7e, MODRM(6))},
    {"movq xmm load by REX.W", DWORD, 0, CODE(0x66, 0x48, 0x0f, 0x6e, MODRM(6))},
    {"movq xmm load", DWORD, 0, CODE(0xf3, 0x0f, 0x7e, MODRM(6))},
    {"movq xmm store", DWORD, 0, CODE(0x66, 0x0f, 0xd6, MODRM(6))},
    {"movd mmx load", DWORD, 0, CODE(0x0f, 0x6e, MODRM(6))},
    {"movd mmx store", DWORD, 0, CODE(0x0f, 0x7e, MODRM(6))},
    {"movq mmx load", DWORD, 0, CODE(0x0f, 0x6f, MODRM(6))},
    {"movq mmx store", DWORD, 0, CODE(0x0f, 0x7f, MODRM(6))},
    {"movntq", DWORD, 0, CODE(0x0f, 0xe7, MODRM(6))},
    {"vmovups xmm load", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xf8, 0x10, MODRM(6))},
    {"vmovups ymm load", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xfc, 0x10, MODRM(6))},
    {"vmovups ymm store", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xfc, 0x11, MODRM(6))},
    {"vmovdqa ymm load", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xfd, 0x6f, MODRM(6))},
    {"vmovdqa xmm store", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xf9, 0x7f, MODRM(6))},
    {"vmovdqu ymm14 load", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0x7e, 0x6f, MODRM(6))},
    {"vmovdqu xmm store", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xfa, 0x7f, MODRM(6))},
    {"vmovntdq ymm", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xfd, 0xe7, MODRM(6))},
    {"vmovss load", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xfa, 0x10, MODRM(6))},
    {"vmovsd store", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xfb, 0x11, MODRM(6))},
    {"vmovd load", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xf9, 0x6e, MODRM(6))},
    {"vmovq load", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xfa, 0x7e, MODRM(6))},
    {"vmovq store", DWORD | NEEDS_AVX, 0, CODE(0xc4, 0xe1, 0xf9, 0x7e, MODRM(6))},
    {"vmovlps load, of xmm3", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xe0, 0x12, MODRM(6))},
    {"vmovhps load, of xmm3", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xe0, 0x16, MODRM(6))},
    {"vmovhps store", DWORD | NEEDS_AVX, 0, CODE(0xc5, 0xf8, 0x17, MODRM(6))},
};

// A sample with a prefix: what there is to be run.
typedef void sample_visit(const struct sample *sample, const uint8_t *code, unsigned bytes);

// The prefix stands before REX, and REX before what is part of the opcode.
static void sample_encode(sample_visit *visit, const struct sample *sample, uint8_t prefix) {
    uint8_t code[15];
    unsigned at = 0, from = 0;
    if (prefix == 0x48 && (sample->code[0] & 0xfe) == 0xf2)
        code[at++] = sample->code[from++];
    if (prefix)
        code[at++] = prefix;
    while (from < sample->bytes)
        code[at++] = sample->code[from++];
    visit(sample, code, at);
}

static void sample_each_size(sample_visit *visit, const struct sample *sample) {
    static const uint8_t prefixes[] = {0x66, 0, 0x48};
    if (sample->how & BYTE) {
        sample_encode(visit, sample, 0);    // DH
        sample_encode(visit, sample, 0x40); // SIL
    }
    for (unsigned i = 0; i < 3; i++)
        if (sample->how & WORD << i)
            sample_encode(visit, sample, prefixes[i]);
}

// ADD OR ADC SBB AND SUB XOR CMP, in all their forms.
static void samples_of_arithmetic(sample_visit *visit) {
    static const char *const names[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
    for (uint8_t i = 0; i < 8; i++) {
        uint8_t modrm = (uint8_t)MODRM(i);
        uint64_t undefined = i == 1 || i == 4 || i == 6 ? F_LOGIC : 0;
        const struct sample forms[] = {
            {names[i], BYTE, undefined, CODE((uint8_t)(8 * i), MODRM(6))},
            {names[i], ALL, undefined, CODE((uint8_t)(8 * i + 1), MODRM(6))},
            {names[i], BYTE, undefined, CODE((uint8_t)(8 * i + 2), MODRM(6))},
            {names[i], ALL, undefined, CODE((uint8_t)(8 * i + 3), MODRM(6))},
            {names[i], BYTE, undefined, CODE(0x80, modrm, 0x7f)},
            {names[i], ALL, undefined, CODE(0x83, modrm, 0x80)},
            {names[i], DWORD | QWORD, undefined, CODE(0x81, modrm, 0, 0, 0, 0x80)},
        };
        for (unsigned form = 0; form < sizeof forms / sizeof *forms; form++)
            sample_each_size(visit, &forms[form]);
    }
}

// ROL ROR RCL RCR SHL SHR SAR, by 1, by an immediate and by CL. By more than the width only where that is defined.
static void samples_of_shifts(sample_visit *visit) {
    static const char *const names[] = {"rol", "ror", "rcl", "rcr", "shl", "shr", NULL, "sar"};
    for (uint8_t i = 0; i < 8; i++) {
        uint8_t modrm = (uint8_t)MODRM(i);
        uint64_t by_1 = i < 4 ? 0 : F_SHIFT1;
        unsigned any_count = i == 4 || i == 5 ? SMALL_COUNT : 0;
        const struct sample forms[] = {
            {names[i], BYTE, by_1, CODE(0xd0, modrm)},
            {names[i], ALL, by_1, CODE(0xd1, modrm)},
            {names[i], BYTE, F_SHIFT, CODE(0xc0, modrm, 5)},
            {names[i], ALL, F_SHIFT, CODE(0xc1, modrm, 13)},
            {names[i], BYTE | any_count, F_SHIFT, CODE(0xd2, modrm)},
            {names[i], WORD | any_count, F_SHIFT, CODE(0xd3, modrm)},
            {names[i], DWORD | QWORD, F_SHIFT, CODE(0xd3, modrm)},
        };
        for (unsigned form = 0; names[i] && form < sizeof forms / sizeof *forms; form++)
            sample_each_size(visit, &forms[form]);
    }
}

static void samples_of_conditions(sample_visit *visit) {
    for (uint8_t i = 0; i < 16; i++) {
        sample_each_size(visit, &(struct sample){"cmov", ALL, 0, CODE(0x0f, (uint8_t)(0x40 | i), MODRM(6))});
        sample_each_size(visit, &(struct sample){"set", BYTE, 0, CODE(0x0f, (uint8_t)(0x90 | i), MODRM(0))});
    }
}

static void samples_of_the_table(sample_visit *visit) {
    for (unsigned i = 0; i < sizeof samples / sizeof *samples; i++)
        sample_each_size(visit, &samples[i]);
}
