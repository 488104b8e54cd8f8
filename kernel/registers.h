// Registers of a thread as the entries of entry.asm save them.
#pragma once
#include <stdint.h>

struct registers {
    uint64_t gpr[16]; // enum vcpu_gpr; RSP's place is unused
    uint64_t vector;  // exception or interrupt, VECTOR_SYSCALL
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct registers) == 184, "entry.asm: REGS_SIZE");

#define VECTOR_SYSCALL 0x100

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA   0x1b
#define SELECTOR_USER_CODE   0x23
#define SELECTOR_TSS         0x28
