// The machine's clocks that the TSC is measured with, each there or not.
#pragma once
#include "kernel/acpi.h"
#include "kernel/tsc_rate.h"

// Finds the clocks. Needs the core's memory.
void time_source_init(const struct acpi_machine *machine);

// Names for people, in the order of enum tsc_source.
extern const char *const time_source_names[TSC_SOURCES];

// Measures the TSC, which takes 25 ms, and asks CPUID. Readings in Hz; 0: the clock is absent, or stands still.
void time_source_measure(uint64_t hz[TSC_SOURCES]);
