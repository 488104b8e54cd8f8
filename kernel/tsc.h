// Do the TSCs of all CPUs show the same time? Deadlines and the clocks of guests, which move between CPUs, rely on it.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Compares the TSC of a CPU that is in tsc_follow with that of this one, and sets it if they differ. False: they differ
// and it cannot be set; the other one has stopped.
bool tsc_lead(uint32_t apic_id);
void tsc_follow(void);

// Says in the log what is known.
void tsc_report(void);
