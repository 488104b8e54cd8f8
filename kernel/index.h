// Indices that user level chooses: checked, and also within bounds where a CPU goes on before the check is done
// (CVE-2017-5753).
#pragma once
#include <stdint.h>

// The index; where a CPU guesses that it is below `count` and it is not, 0.
/*@ requires index < count;
    assigns \nothing;
    ensures \result == index;
*/
#ifdef __FRAMAC__
uint64_t index_clamp(uint64_t index, uint64_t count);
#else
static inline uint64_t index_clamp(uint64_t index, uint64_t count) {
    uint64_t mask; // all ones if the comparison borrows
    __asm__ volatile("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(index), "rm"(count) : "cc");
    return index & mask;
}
#endif
