// Which values CR4 takes from a guest (SDM 2B, MOV to control registers; APM 2 3.1.3): any other is #GP. Pure; proved.
#pragma once
#include "dom0/vmm/page_walk.h"
#include <stdbool.h>

#define CR4_PCIDE 0x00020000ull
#define CR3_PCID  0xfffull

// `cr4`, `cr3`, `efer`: before the write; `allowed`: bits of what CPUID offers.
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
