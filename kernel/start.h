// Start of the machine's CPUs.
#pragma once
#include "kernel/acpi.h"

// Copies the real-mode code to its place below 1 MiB; with the boot tables loaded.
void cpu_start_copy_trampoline(void);
// Starts the other CPUs, one after the other (SDM 3A 9.4). They wait for the kernel lock, which the caller holds.
void cpu_start_others(const struct acpi_machine *machine);
