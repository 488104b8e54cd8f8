// Virtual machine control block (APM 2 appendix B).
#pragma once
#include "kernel/abi.h"

struct vmcb {
    uint32_t intercept_cr; // reads 0..15, writes 16..31
    uint32_t intercept_dr;
    uint32_t intercept_exceptions;
    uint32_t intercept_misc1;
    uint32_t intercept_misc2;
    uint8_t reserved0[0x40 - 0x14];
    uint64_t iopm_base;
    uint64_t msrpm_base;
    uint64_t tsc_offset;
    uint32_t asid;
    uint32_t tlb_control;
    uint64_t vintr; // V_TPR, V_IRQ ...
    uint64_t interrupt_shadow;
    uint64_t exit_code;
    uint64_t exit_info1;
    uint64_t exit_info2;
    uint64_t exit_int_info;
    uint64_t nested_enable;
    uint8_t reserved1[0xa8 - 0x98];
    uint64_t event_injection;
    uint64_t nested_cr3;
    uint64_t lbr_enable;
    uint32_t clean;
    uint32_t reserved2;
    uint64_t next_rip;
    uint8_t reserved3[0x400 - 0xd0];
    struct vcpu_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved4[0x4cb - 0x4a0];
    uint8_t cpl;
    uint32_t reserved5;
    uint64_t efer;
    uint8_t reserved6[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved7[0x5d8 - 0x580];
    uint64_t rsp;
    uint8_t reserved8[0x5f8 - 0x5e0];
    uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    uint8_t reserved9[0x668 - 0x648];
    uint64_t pat;
    uint8_t reserved10[0x1000 - 0x670];
} __attribute__((packed, aligned(4096)));

_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "VMCB");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "VMCB");
_Static_assert(offsetof(struct vmcb, event_injection) == 0xa8, "VMCB");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "VMCB");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "VMCB");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "VMCB");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "VMCB");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "VMCB");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "VMCB");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "VMCB");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "VMCB");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "VMCB");

#define INTERCEPT_CR_READ(n)  (1u << (n))
#define INTERCEPT_CR_WRITE(n) (1u << (16 + (n)))

// intercept_misc1
#define INTERCEPT_INTR        (1u << 0)
#define INTERCEPT_NMI         (1u << 1)
#define INTERCEPT_INIT        (1u << 3)
#define INTERCEPT_VINTR       (1u << 4)
#define INTERCEPT_RDPMC       (1u << 15)
#define INTERCEPT_CPUID       (1u << 18)
#define INTERCEPT_IRET        (1u << 20)
#define INTERCEPT_INVD        (1u << 22)
#define INTERCEPT_HLT         (1u << 24)
#define INTERCEPT_INVLPGA     (1u << 26)
#define INTERCEPT_IOIO        (1u << 27)
#define INTERCEPT_MSR         (1u << 28)
#define INTERCEPT_TASK_SWITCH (1u << 29)
#define INTERCEPT_FERR        (1u << 30)
#define INTERCEPT_SHUTDOWN    (1u << 31)

// intercept_misc2
#define INTERCEPT_VMRUN   (1u << 0)
#define INTERCEPT_VMMCALL (1u << 1)
#define INTERCEPT_VMLOAD  (1u << 2)
#define INTERCEPT_VMSAVE  (1u << 3)
#define INTERCEPT_STGI    (1u << 4)
#define INTERCEPT_CLGI    (1u << 5)
#define INTERCEPT_SKINIT  (1u << 6)
#define INTERCEPT_RDTSCP  (1u << 7)
#define INTERCEPT_WBINVD  (1u << 9)
#define INTERCEPT_MONITOR (1u << 10)
#define INTERCEPT_MWAIT   (1u << 11)
#define INTERCEPT_MWAIT_C (1u << 12)
#define INTERCEPT_XSETBV  (1u << 13)

// vintr
#define V_TPR_MASK     0xfull
#define V_IRQ          (1ull << 8)
#define V_INTR_PRIO    (0xfull << 16)
#define V_IGN_TPR      (1ull << 20)
#define V_INTR_MASKING (1ull << 24)

#define TLB_CONTROL_FLUSH_ALL 1u

// Exit codes (APM 2 appendix C)
#define EXIT_CR_READ0    0x000u
#define EXIT_CR_WRITE0   0x010u
#define EXIT_EXCEPTION0  0x040u
#define EXIT_INTR        0x060u
#define EXIT_NMI         0x061u
#define EXIT_INIT        0x063u
#define EXIT_VINTR       0x064u
#define EXIT_RDPMC       0x06fu
#define EXIT_CPUID       0x072u
#define EXIT_IRET        0x074u
#define EXIT_INVD        0x076u
#define EXIT_HLT         0x078u
#define EXIT_INVLPGA     0x07au
#define EXIT_IOIO        0x07bu
#define EXIT_MSR         0x07cu
#define EXIT_TASK_SWITCH 0x07du
#define EXIT_FERR        0x07eu
#define EXIT_SHUTDOWN    0x07fu
#define EXIT_VMRUN       0x080u
#define EXIT_VMMCALL     0x081u
#define EXIT_VMLOAD      0x082u
#define EXIT_SKINIT      0x086u
#define EXIT_RDTSCP      0x087u
#define EXIT_WBINVD      0x089u
#define EXIT_MONITOR     0x08au
#define EXIT_MWAIT       0x08bu
#define EXIT_MWAIT_C     0x08cu
#define EXIT_XSETBV      0x08du
#define EXIT_NPF         0x400u
#define EXIT_INVALID     0xffffffffu // low 32 bits: some hardware and QEMU do not sign-extend it
