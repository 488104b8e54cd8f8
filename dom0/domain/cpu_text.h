// What `info` says of the host's CPU: model and microcode, and errata that touch what the core uses. Pure.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define CPU_TEXT_SIZE   80u
#define CPU_ERRATA_SIZE 200u

// "family 6 model 85 stepping 4, microcode 0x2000065"; `signature` is EAX of CPUID leaf 1, `microcode` 0 is unknown.
void cpu_text(uint32_t signature, uint32_t microcode, char *to, size_t size);

// `vendor` is HOST_VENDOR_*.
void cpu_errata_text(uint32_t vendor, uint32_t signature, uint32_t microcode, char *to, size_t size);
