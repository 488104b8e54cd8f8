// Emulated instructions against the CPU that this test runs on: same registers, same memory, same instruction; the same
// must come out, and all flags that are defined.
#include "dom0/vmm/emulate_operation.h"
#include "native_run.h"
#include <stdarg.h>
// cmocka wants the headers above
#include <cmocka.h>

#define ROUNDS   300u
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

#define F_LOGIC  RFLAGS_AF
#define F_MUL    (RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF)
#define F_BIT    (RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF)
#define F_SCAN   (RFLAGS_ARITHMETIC & ~RFLAGS_ZF)
#define F_SHIFT1 RFLAGS_AF               // by 1
#define F_SHIFT  (RFLAGS_AF | RFLAGS_OF) // by more

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
    {"div r/m8", BYTE | DIVIDES, RFLAGS_ARITHMETIC, CODE(0xf6, MODRM(6))},
    {"div", ALL | DIVIDES, RFLAGS_ARITHMETIC, CODE(0xf7, MODRM(6))},
    {"idiv r/m8", BYTE | DIVIDES, RFLAGS_ARITHMETIC, CODE(0xf6, MODRM(7))},
    {"idiv", ALL | DIVIDES, RFLAGS_ARITHMETIC, CODE(0xf7, MODRM(7))},
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
    {"bsf", ALL, F_SCAN, CODE(0x0f, 0xbc, MODRM(6))},
    {"bsr", ALL, F_SCAN, CODE(0x0f, 0xbd, MODRM(6))},
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

static struct emulate_machine m;
static uint64_t seed;

static uint64_t random_number(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

// Values at which flags change are frequent.
static uint64_t random_value(void) {
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     UINT64_MAX,
                                     UINT64_MAX - 1};
    uint64_t choice = random_number();
    return choice & 1 ? edges[choice >> 8 & 15] : random_number() >> (choice >> 8 & 63);
}

static void random_state(const struct sample *sample, struct native_state *state) {
    for (unsigned i = 0; i < 16; i++)
        state->gpr[i] = random_value();
    state->gpr[RDI] =
        EMULATE_DEVICE + OPERANDS + (random_number() & 1 ? random_number() % 64 : random_number() % 4 * 32);
    state->rflags = 2 | (random_number() & RFLAGS_ARITHMETIC);
    if (sample->how & BIT_OFFSET)
        state->gpr[RSI] = (random_number() & 0xfff) - 0x800;
    if (sample->how & SMALL_COUNT)
        state->gpr[RCX] = 1 + random_number() % 7;
    if (sample->how & POINTERS) {
        state->gpr[RSI] = EMULATE_DEVICE + OPERANDS + random_number() % 256;
        state->gpr[RBX] = state->gpr[RSI];
        state->gpr[RCX] = random_number() % 20;
    }
    if (sample->how & DIVIDES && random_number() & 1)
        state->gpr[RDX] = random_number() & 1 ? 0 : UINT64_MAX;
    if (sample->how & DIVIDES && random_number() & 1)
        state->gpr[RAX] = (uint64_t)(int64_t)(int8_t)random_number();
    for (unsigned i = 0; i < sizeof state->ymm; i += 8)
        memcpy(&state->ymm[0][0] + i, &(uint64_t){random_number()}, 8);
    for (unsigned i = 0; i < sizeof state->mmx; i += 8)
        memcpy(&state->mmx[0][0] + i, &(uint64_t){random_number()}, 8);
    for (unsigned i = 0; i < PAGE_SIZE; i += 8)
        memcpy(m.device + i, &(uint64_t){random_value()}, 8);
    // Comparisons come out equal now and then.
    if (random_number() & 1)
        memcpy(m.device + (state->gpr[RDI] - EMULATE_DEVICE), &state->gpr[RAX], 8);
    if (random_number() & 1)
        memcpy(m.device + (state->gpr[RDI] - EMULATE_DEVICE) + 8, &state->gpr[RDX], 8);
}

static void load(const struct native_state *state) {
    memcpy(m.cpu.gpr, state->gpr, sizeof m.cpu.gpr);
    m.cpu.rflags = state->rflags;
    memcpy(m.ymm, state->ymm, sizeof m.ymm);
    memcpy(m.mmx, state->mmx, sizeof m.mmx);
    m.cpu.rip = EMULATE_CODE;
}

static void compare(const struct sample *sample, const struct native_state *native) {
    uint64_t different = (m.cpu.rflags ^ native->rflags) & RFLAGS_ARITHMETIC & ~sample->undefined;
    if (different)
        fail_msg("%s: flags %llx, the CPU's %llx", sample->name, (unsigned long long)m.cpu.rflags,
                 (unsigned long long)native->rflags);
    for (unsigned i = 0; i < 16; i++)
        if (i != RSP && m.cpu.gpr[i] != native->gpr[i])
            fail_msg("%s: register %u %llx, the CPU's %llx", sample->name, i, (unsigned long long)m.cpu.gpr[i],
                     (unsigned long long)native->gpr[i]);
    for (unsigned i = 0; i < 16; i++)
        if (memcmp(m.ymm[i], native->ymm[i], native_has_avx() ? 32 : 16) != 0)
            fail_msg("%s: vector register %u", sample->name, i);
    if (memcmp(m.mmx, native->mmx, sizeof m.mmx) != 0)
        fail_msg("%s: an MMX register", sample->name);
    if (memcmp(m.device, (const void *)(uintptr_t)EMULATE_DEVICE, PAGE_SIZE) != 0)
        fail_msg("%s: memory", sample->name);
}

// One round; true if the instruction raised no exception, neither there nor here.
static bool run(const struct sample *sample, const uint8_t *code, size_t bytes) {
    struct native_state state;
    random_state(sample, &state);
    load(&state);
    m.e.gpa_known = random_number() & 1 && !(sample->how & (POINTERS | BIT_OFFSET));
    m.e.gpa = state.gpr[RDI];
    memcpy((void *)(uintptr_t)EMULATE_DEVICE, m.device, PAGE_SIZE);
    memcpy(m.ram + EMULATE_CODE, code, bytes);
    int fault = native_run(&state, code, bytes);
    enum emulate_result result = emulate_instruction(&m.e);
    if (fault != NATIVE_NO_FAULT && result == EMULATE_FAULT) {
        assert_int_equal(EVENT_VECTOR(m.e.exception), fault);
        return false;
    }
    if (fault != NATIVE_NO_FAULT || result != EMULATE_DONE)
        fail_msg("%s: result %d, the CPU's %d", sample->name, result, fault);
    assert_int_equal(m.cpu.rip, EMULATE_CODE + bytes);
    compare(sample, &state);
    return true;
}

// A prefix stands before REX, and before what is part of the opcode.
static void run_with(const struct sample *sample, uint8_t prefix) {
    uint8_t code[INSTRUCTION_BYTES_MAX];
    size_t at = 0, from = 0;
    if (prefix == 0x48 && (sample->code[0] & 0xfe) == 0xf2)
        code[at++] = sample->code[from++];
    if (prefix)
        code[at++] = prefix;
    memcpy(code + at, sample->code + from, sample->bytes - from);
    unsigned good = 0;
    for (unsigned round = 0; round < ROUNDS; round++)
        good += run(sample, code, at + sample->bytes - from);
    if (good < ROUNDS / 10)
        fail_msg("%s: only %u of %u rounds without exception", sample->name, good, ROUNDS);
}

static void run_sample(const struct sample *sample) {
    static const uint8_t prefixes[] = {0x66, 0, 0x48};
    if ((sample->how & NEEDS_AVX) && !native_has_avx())
        return;
    if (sample->how & BYTE) {
        run_with(sample, 0);    // DH
        run_with(sample, 0x40); // SIL
    }
    for (unsigned i = 0; i < 3; i++)
        if (sample->how & WORD << i)
            run_with(sample, prefixes[i]);
}

static int setup(void **state) {
    emulate_machine_init(&m, 64);
    seed = 0x123456789abcdef;
    return 0;
}

static void test_samples(void **state) {
    for (unsigned i = 0; i < sizeof samples / sizeof *samples; i++)
        run_sample(&samples[i]);
}

// ADD OR ADC SBB AND SUB XOR CMP, in all their forms.
static void test_arithmetic(void **state) {
    static const char *const names[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
    for (uint8_t i = 0; i < 8; i++) {
        uint64_t undefined = i == 1 || i == 4 || i == 6 ? F_LOGIC : 0;
        for (uint8_t form = 0; form < 4; form++)
            run_sample(
                &(struct sample){names[i], form & 1 ? ALL : BYTE, undefined, CODE((uint8_t)(8 * i + form), MODRM(6))});
        run_sample(&(struct sample){names[i], BYTE, undefined, CODE(0x80, (uint8_t)MODRM(i), 0x7f)});
        run_sample(&(struct sample){names[i], ALL, undefined, CODE(0x83, (uint8_t)MODRM(i), 0x80)});
        run_sample(&(struct sample){names[i], DWORD | QWORD, undefined, CODE(0x81, (uint8_t)MODRM(i), 0, 0, 0, 0x80)});
    }
}

// ROL ROR RCL RCR SHL SHR - SAR, by 1, by an immediate and by CL.
static void test_shifts(void **state) {
    static const char *const names[] = {"rol", "ror", "rcl", "rcr", "shl", "shr", NULL, "sar"};
    for (uint8_t i = 0; i < 8; i++) {
        if (!names[i])
            continue;
        uint8_t modrm = (uint8_t)MODRM(i);
        run_sample(&(struct sample){names[i], BYTE, i < 4 ? 0 : F_SHIFT1, CODE(0xd0, modrm)});
        run_sample(&(struct sample){names[i], ALL, i < 4 ? 0 : F_SHIFT1, CODE(0xd1, modrm)});
        run_sample(&(struct sample){names[i], BYTE, F_SHIFT, CODE(0xc0, modrm, 5)});
        run_sample(&(struct sample){names[i], ALL, F_SHIFT, CODE(0xc1, modrm, 13)});
        run_sample(&(struct sample){names[i], BYTE | SMALL_COUNT, F_SHIFT, CODE(0xd2, modrm)});
        run_sample(&(struct sample){names[i], WORD | SMALL_COUNT, F_SHIFT, CODE(0xd3, modrm)});
        run_sample(&(struct sample){names[i], DWORD | QWORD, F_SHIFT, CODE(0xd3, modrm)});
        if (i < 4 || i == 7) { // by more than the width: defined for rotations and SAR
            run_sample(&(struct sample){names[i], BYTE, F_SHIFT, CODE(0xd2, modrm)});
            run_sample(&(struct sample){names[i], WORD, F_SHIFT, CODE(0xd3, modrm)});
        }
    }
}

static void test_conditions(void **state) {
    for (uint8_t condition = 0; condition < 16; condition++) {
        run_sample(&(struct sample){"cmov", ALL, 0, CODE(0x0f, (uint8_t)(0x40 | condition), MODRM(6))});
        run_sample(&(struct sample){"set", BYTE, 0, CODE(0x0f, (uint8_t)(0x90 | condition), MODRM(0))});
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_samples, setup),
        cmocka_unit_test_setup(test_arithmetic, setup),
        cmocka_unit_test_setup(test_shifts, setup),
        cmocka_unit_test_setup(test_conditions, setup),
    };
    native_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
