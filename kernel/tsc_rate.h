// The TSC's rate as the machine's clocks show it: which of them is believed. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// The best first.
enum tsc_source {
    TSC_BY_HPET,
    TSC_BY_PM_TIMER,
    TSC_BY_PIT,
    TSC_BY_LEAF_15, // CPUID: told, not measured
    TSC_BY_LEAF_16,
    TSC_SOURCES
};

// Readings agree when they differ by less than 1 in 128: leaf 16h is rounded to MHz and nominal, and an emulator's
// clocks are read with delays.
#define TSC_DOUBT 128u

// Readings in Hz; 0 is none, and agrees with nothing.
/*@ assigns \nothing;
    ensures \result <==> a != 0 && b != 0 && (a <= b ? b - a <= a / TSC_DOUBT : a - b <= b / TSC_DOUBT);
*/
static inline bool tsc_agree(uint64_t a, uint64_t b) {
    return a && b && (a <= b ? b - a <= a / TSC_DOUBT : a - b <= b / TSC_DOUBT);
}

/*@ logic boolean agree(integer a, integer b) =
      a != 0 && b != 0 && (a <= b ? b - a <= a / TSC_DOUBT : a - b <= b / TSC_DOUBT);
    logic integer vote(integer a, integer b) = agree(a, b) ? 1 : 0;
    logic integer votes(uint64_t *hz, integer a) =
      vote(a, hz[0]) + vote(a, hz[1]) + vote(a, hz[2]) + vote(a, hz[3]) + vote(a, hz[4]);
*/

// The source with which the most agree, the best of such; TSC_SOURCES if there is no reading. So one that two others,
// which agree, contradict, is not believed.
/*@ requires \valid_read(hz + (0 .. TSC_SOURCES - 1));
    assigns \nothing;
    ensures 0 <= \result <= TSC_SOURCES;
    ensures \result == TSC_SOURCES <==> \forall integer i; 0 <= i < TSC_SOURCES ==> hz[i] == 0;
    ensures \result < TSC_SOURCES ==> hz[\result] != 0;
    ensures \result < TSC_SOURCES ==>
      \forall integer i; 0 <= i < TSC_SOURCES ==> votes(hz, hz[i]) <= votes(hz, hz[\result]);
    ensures \result < TSC_SOURCES ==>
      \forall integer i; 0 <= i < \result ==> votes(hz, hz[i]) < votes(hz, hz[\result]);
*/
unsigned tsc_choose(const uint64_t hz[TSC_SOURCES]);
