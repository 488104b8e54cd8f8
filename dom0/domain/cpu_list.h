// CPULIST of xl.cfg(5): "all", "0-3,5,^1" to a set of host CPUs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPU_LIST_CPUS 64

/* Reads a CPULIST; `cpus` gets bit n for host CPU n. Items count from left to right, as in Xen: "^1,0-3" is 0 to 3.
 * Returns NULL, or what is wrong with the text (a constant sentence); then `cpus` is unchanged. */
__attribute__((warn_unused_result)) const char *cpu_list_parse(const char *text, uint64_t *cpus);
