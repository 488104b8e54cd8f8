// Runs one instruction on the CPU with given registers, and makes up the registers.
#pragma once
#include "tests/instructions/samples.h"
#include <stdbool.h>

struct run_state {
    uint64_t gpr[16]; // RSP is neither loaded nor stored
    uint64_t rflags;
    uint8_t ymm[16][32]; // without AVX only the lower halves
    uint8_t mmx[8][8];
};

_Static_assert(offsetof(struct run_state, rflags) == 128 && offsetof(struct run_state, ymm) == 136 &&
                   offsetof(struct run_state, mmx) == 648,
               "the offsets in the assembly below");

// Two of each: with AVX, and without.
__asm__(".macro run suffix, move, register\n"
        "run_\\suffix:\n"
        "    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "    mov %rdi, run_place(%rip)\n"
        "    mov %rsi, run_code(%rip)\n"
        "    mov %rsp, run_stack(%rip)\n"
        "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "    \\move 136 + 32 * \\n(%rdi), %\\register\\n\n"
        "    .endr\n"
        "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
        "    movq 648 + 8 * \\n(%rdi), %mm\\n\n"
        "    .endr\n"
        "    pushq 128(%rdi); popfq\n"
        "    mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx; mov 40(%rdi), %rbp\n"
        "    mov 48(%rdi), %rsi; mov 64(%rdi), %r8; mov 72(%rdi), %r9; mov 80(%rdi), %r10; mov 88(%rdi), %r11\n"
        "    mov 96(%rdi), %r12; mov 104(%rdi), %r13; mov 112(%rdi), %r14; mov 120(%rdi), %r15\n"
        "    mov 56(%rdi), %rdi\n"
        "    jmp *run_code(%rip)\n"
        "run_return_\\suffix:\n"
        "    mov %rdi, run_rdi(%rip)\n"
        "    mov run_place(%rip), %rdi\n"
        "    mov %rax, 0(%rdi); mov %rcx, 8(%rdi); mov %rdx, 16(%rdi); mov %rbx, 24(%rdi); mov %rbp, 40(%rdi)\n"
        "    mov %rsi, 48(%rdi); mov %r8, 64(%rdi); mov %r9, 72(%rdi); mov %r10, 80(%rdi); mov %r11, 88(%rdi)\n"
        "    mov %r12, 96(%rdi); mov %r13, 104(%rdi); mov %r14, 112(%rdi); mov %r15, 120(%rdi)\n"
        "    mov run_rdi(%rip), %rax; mov %rax, 56(%rdi)\n"
        "    pushfq; popq 128(%rdi)\n"
        "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "    \\move %\\register\\n, 136 + 32 * \\n(%rdi)\n"
        "    .endr\n"
        "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
        "    movq %mm\\n, 648 + 8 * \\n(%rdi)\n"
        "    .endr\n"
        "    emms; cld\n"
        "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "    ret\n"
        ".endm\n"
        ".text\n"
        "run avx, vmovups, ymm\n"
        "run sse, movups, xmm\n"
        ".local run_place, run_code, run_stack, run_rdi\n"
        ".comm run_place, 8; .comm run_code, 8; .comm run_stack, 8; .comm run_rdi, 8\n");

void run_avx(struct run_state *state, const void *code);
void run_return_avx(void);
void run_sse(struct run_state *state, const void *code);
void run_return_sse(void);

// Runs the instruction in `code`, which is writable, executable and has room for a jump behind it.
static void run_instruction(struct run_state *state, uint8_t *code, const uint8_t *instruction, unsigned bytes,
                            bool avx) {
    static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0}; // to the address behind it
    uint64_t back = (uint64_t)(uintptr_t)(avx ? run_return_avx : run_return_sse);
    for (unsigned i = 0; i < bytes; i++)
        code[i] = instruction[i];
    for (unsigned i = 0; i < sizeof jump; i++)
        code[bytes + i] = jump[i];
    for (unsigned i = 0; i < sizeof back; i++)
        code[bytes + sizeof jump + i] = (uint8_t)(back >> 8 * i);
    (avx ? run_avx : run_sse)(state, code);
}

// ---- Registers

static uint64_t run_seed = 0x123456789abcdef;

static uint64_t random_number(void) {
    run_seed ^= run_seed << 13;
    run_seed ^= run_seed >> 7;
    return run_seed ^= run_seed << 17;
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

enum { RUN_RAX, RUN_RCX, RUN_RDX, RUN_RBX, RUN_RSP, RUN_RBP, RUN_RSI, RUN_RDI };

static void random_state(const struct sample *sample, uint64_t page, bool aligned, struct run_state *state) {
    uint64_t *vector = (uint64_t *)(void *)state->ymm, *mmx = (uint64_t *)(void *)state->mmx;
    for (unsigned i = 0; i < 16; i++)
        state->gpr[i] = random_value();
    aligned = aligned || random_number() & 1;
    state->gpr[RUN_RDI] = page + OPERANDS + (aligned ? random_number() % 4 * 32 : random_number() % 64);
    state->rflags = 2 | (random_number() & FLAG_ARITHMETIC);
    if (sample->how & BIT_OFFSET)
        state->gpr[RUN_RSI] = (random_number() & 0xfff) - 0x800;
    if (sample->how & SMALL_COUNT)
        state->gpr[RUN_RCX] = 1 + random_number() % 7;
    if (sample->how & POINTERS) {
        state->gpr[RUN_RSI] = page + OPERANDS + random_number() % 256;
        state->gpr[RUN_RBX] = state->gpr[RUN_RSI];
        state->gpr[RUN_RCX] = random_number() % 20;
    }
    if (sample->how & DIVIDES && random_number() & 1)
        state->gpr[RUN_RDX] = random_number() & 1 ? 0 : UINT64_MAX;
    if (sample->how & DIVIDES && random_number() & 1)
        state->gpr[RUN_RAX] = (uint64_t)(int64_t)(int8_t)random_number();
    for (unsigned i = 0; i < sizeof state->ymm / 8; i++)
        vector[i] = random_number();
    for (unsigned i = 0; i < sizeof state->mmx / 8; i++)
        mmx[i] = random_number();
}

// The page that the operand lies in. Comparisons come out equal now and then.
static void random_page(const struct run_state *state, uint8_t *page, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i += 8)
        *(uint64_t *)(void *)(page + i) = random_value();
    uint64_t pair[2] = {state->gpr[RUN_RAX], state->gpr[RUN_RDX]};
    unsigned at = state->gpr[RUN_RDI] % bytes, wanted = random_number() & 3;
    for (unsigned i = 0; i < 16; i++)
        if (wanted >> i / 8 & 1)
            page[at + i] = (uint8_t)(pair[i / 8] >> i % 8 * 8);
}
