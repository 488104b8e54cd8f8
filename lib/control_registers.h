// Bits of CR0, CR4 and EFER (SDM 3A 2.5, 2.2.1; APM 2 3.1), and which values a MOV takes: any other is #GP (SDM 2B, MOV
// to control registers; APM 2 3.1.1, 3.1.3). Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CR0_PE 0x00000001ull
#define CR0_MP 0x00000002ull
#define CR0_EM 0x00000004ull
#define CR0_TS 0x00000008ull
#define CR0_ET 0x00000010ull
#define CR0_NE 0x00000020ull
#define CR0_WP 0x00010000ull
#define CR0_AM 0x00040000ull
#define CR0_NW 0x20000000ull
#define CR0_CD 0x40000000ull
#define CR0_PG 0x80000000ull

#define CR3_PCID 0xfffull

#define CR4_PSE        0x00000010ull
#define CR4_PAE        0x00000020ull
#define CR4_MCE        0x00000040ull
#define CR4_PGE        0x00000080ull
#define CR4_OSFXSR     0x00000200ull
#define CR4_OSXMMEXCPT 0x00000400ull
#define CR4_UMIP       0x00000800ull
#define CR4_VMXE       0x00002000ull
#define CR4_FSGSBASE   0x00010000ull
#define CR4_PCIDE      0x00020000ull
#define CR4_OSXSAVE    0x00040000ull
#define CR4_SMEP       0x00100000ull
#define CR4_SMAP       0x00200000ull

#define EFER_SCE   0x0001ull
#define EFER_LME   0x0100ull
#define EFER_LMA   0x0400ull
#define EFER_NXE   0x0800ull
#define EFER_SVME  0x1000ull
#define EFER_FFXSR 0x4000ull

// `cr0`, `cr4`, `efer`: before the write; `code_long`: CS.L. The type of TR when long mode begins, and the pointers
// that PAE paging loads, are not looked at.
/*@ assigns \nothing;
    ensures \result <==>
      value <= 0xffffffff &&
      ((value & CR0_PG) != 0 ==> (value & CR0_PE) != 0) &&
      ((value & CR0_NW) != 0 ==> (value & CR0_CD) != 0) &&
      ((value & CR0_PG) != 0 && (cr0 & CR0_PG) == 0 && (efer & EFER_LME) != 0 ==>
        (cr4 & CR4_PAE) != 0 && !code_long) &&
      ((value & CR0_PG) == 0 && (cr0 & CR0_PG) != 0 ==>
        (cr4 & CR4_PCIDE) == 0 && !((efer & EFER_LMA) != 0 && code_long));
*/
static inline bool cr0_takes(uint64_t value, uint64_t cr0, uint64_t cr4, uint64_t efer, bool code_long) {
    bool paging = (value & CR0_PG) != 0, was = (cr0 & CR0_PG) != 0;
    if (value > 0xffffffff || (paging && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
        return false;
    if (paging && !was && (efer & EFER_LME))
        return (cr4 & CR4_PAE) && !code_long;
    return paging || !was || (!(cr4 & CR4_PCIDE) && !((efer & EFER_LMA) && code_long));
}

// `cr4`, `cr3`, `efer`: before the write; `allowed`: bits that the guest can have.
/*@ assigns \nothing;
    ensures \result <==>
      (value & allowed) == value &&
      ((efer & EFER_LMA) != 0 ==> (value & CR4_PAE) != 0) &&
      ((value & CR4_PCIDE) != 0 && (cr4 & CR4_PCIDE) == 0 ==>
        (efer & EFER_LMA) != 0 && (cr3 & CR3_PCID) == 0);
*/
static inline bool cr4_takes(uint64_t value, uint64_t cr4, uint64_t cr3, uint64_t efer, uint64_t allowed) {
    bool long_mode = (efer & EFER_LMA) != 0, identifiers = (value & CR4_PCIDE) && !(cr4 & CR4_PCIDE);
    if ((value & allowed) != value || (long_mode && !(value & CR4_PAE)))
        return false;
    return !identifiers || (long_mode && !(cr3 & CR3_PCID));
}
