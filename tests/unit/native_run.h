// Runs one instruction on this machine's CPU with given registers, to compare the emulator with.
#pragma once
#include "emulate_machine.h"
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NATIVE_NO_FAULT (-1)

struct native_state {
    uint64_t gpr[16]; // RSP is neither loaded nor stored
    uint64_t rflags;
    uint8_t ymm[16][32]; // without AVX only the lower halves
    uint8_t mmx[8][8];
};

_Static_assert(offsetof(struct native_state, rflags) == 128 && offsetof(struct native_state, ymm) == 136 &&
                   offsetof(struct native_state, mmx) == 648,
               "the offsets in the assembly below");

// Two of each: with AVX, and without.
__asm__(".macro native_run suffix, move, register\n"
        "native_run_\\suffix:\n"
        "    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "    mov %rdi, native_place(%rip)\n"
        "    mov %rsi, native_code(%rip)\n"
        "    mov %rsp, native_stack(%rip)\n"
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
        "    jmp *native_code(%rip)\n"
        "native_return_\\suffix:\n"
        "    mov %rdi, native_rdi(%rip)\n"
        "    mov native_place(%rip), %rdi\n"
        "    mov %rax, 0(%rdi); mov %rcx, 8(%rdi); mov %rdx, 16(%rdi); mov %rbx, 24(%rdi); mov %rbp, 40(%rdi)\n"
        "    mov %rsi, 48(%rdi); mov %r8, 64(%rdi); mov %r9, 72(%rdi); mov %r10, 80(%rdi); mov %r11, 88(%rdi)\n"
        "    mov %r12, 96(%rdi); mov %r13, 104(%rdi); mov %r14, 112(%rdi); mov %r15, 120(%rdi)\n"
        "    mov native_rdi(%rip), %rax; mov %rax, 56(%rdi)\n"
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
        "native_run avx, vmovups, ymm\n"
        "native_run sse, movups, xmm\n"
        ".local native_place, native_code, native_stack, native_rdi\n"
        ".comm native_place, 8; .comm native_code, 8; .comm native_stack, 8; .comm native_rdi, 8\n");

void native_run_avx(struct native_state *state, const void *code);
void native_return_avx(void);
void native_run_sse(struct native_state *state, const void *code);
void native_return_sse(void);

static sigjmp_buf native_fault;
static uint8_t *native_page;

static void native_signal(int number) {
    siglongjmp(native_fault, number);
}

static bool native_has_avx(void) {
    return __builtin_cpu_supports("avx") != 0;
}

// Memory for code, and at the emulated machine's device address for data.
static void native_setup(void) {
    native_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *data = mmap((void *)(uintptr_t)EMULATE_DEVICE, PAGE_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (native_page == MAP_FAILED || data == MAP_FAILED) {
        fprintf(stderr, "no memory for code, or none at %x for data\n", EMULATE_DEVICE);
        exit(1);
    }
}

// Runs the instruction; NATIVE_NO_FAULT, or the vector of #DE or #GP, and the state is as before then.
static int native_run(struct native_state *state, const uint8_t *instruction, size_t bytes) {
    static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0}; // to the address behind it
    bool avx = native_has_avx();
    uintptr_t back = (uintptr_t)(avx ? native_return_avx : native_return_sse);
    memcpy(native_page, instruction, bytes);
    memcpy(native_page + bytes, jump, sizeof jump);
    memcpy(native_page + bytes + sizeof jump, &back, sizeof back);
    // Each time, as cmocka takes signals for itself.
    (void)signal(SIGFPE, native_signal);
    (void)signal(SIGSEGV, native_signal);
    int number = sigsetjmp(native_fault, 1);
    if (number)
        return number == SIGFPE ? 0 : 13;
    (avx ? native_run_avx : native_run_sse)(state, native_page);
    return NATIVE_NO_FAULT;
}
