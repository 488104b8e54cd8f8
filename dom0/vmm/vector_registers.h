// The guest's vector registers. They stay loaded while the vCPU's thread runs here, with the guest's XCR0
// (docs/abi.md).
#pragma once
#include "dom0/vmm/emulate.h"

// As struct emulate_host wants them; `context` is not used.
void vector_registers_read(void *context, enum vector_bank bank, unsigned number, void *to);
void vector_registers_write(void *context, enum vector_bank bank, unsigned number, const void *from);
uint64_t vector_registers_xcr0(void *context);
