// Time: the TSC, calibrated at boot, and the one-shot timer of each CPU's local APIC.
#pragma once
#include <stdint.h>

extern uint64_t tsc_hz;
extern uint64_t kernel_start_tsc;

uint64_t clock_ns_since_start(void);

struct acpi_machine;

// Measures the TSC and the local APIC's timer with the clocks that the machine has. Needs the local APIC.
void clock_calibrate(const struct acpi_machine *machine);

// Sees to it that this CPU's timer fires at an absolute TSC value or before; NO_DEADLINE asks for nothing.
void clock_arm(uint64_t deadline_tsc);
