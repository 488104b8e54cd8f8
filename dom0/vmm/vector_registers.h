// The guest's vector registers. They stay loaded while the vCPU's thread runs here, with the guest's XCR0
// (docs/abi.md).
#pragma once
#include "dom0/vmm/emulate.h"

// As struct emulate_host wants them; `context` is not used.
void vector_registers_read(void *context, enum vector_bank bank, unsigned number, void *to);
void vector_registers_write(void *context, enum vector_bank bank, unsigned number, const void *from);
uint64_t vector_registers_xcr0(void *context);

// Does XSAVEC store the upper halves of YMM where XRSTOR takes them from (SDM 1 13.4.3)? XCR0 must have AVX, and CPUID
// XSAVEC. For a thread that holds no guest's registers: YMM0 ends as zero.
bool vector_registers_xsavec_good(void);
