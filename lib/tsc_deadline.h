// Which CPUs' local APIC timer may be late in TSC-deadline mode. Pure.
#pragma once
#include <stdint.h>

// The revision of the microcode from which on the mode may be used, 0 for any; `signature` is EAX of CPUID leaf 1.
uint32_t tsc_deadline_microcode(uint32_t signature);
