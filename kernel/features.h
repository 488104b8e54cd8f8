// Whether a CPU offers what the first one does: by that the core and its guests have chosen what they use. The
// comparison is pure, and proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FEATURE_WORDS 20u

// Index of the first word of `own` that lacks a bit of `first`; FEATURE_WORDS: none does.
/*@ requires \valid_read(first + (0 .. FEATURE_WORDS - 1)) && \valid_read(own + (0 .. FEATURE_WORDS - 1));
    assigns \nothing;
    ensures 0 <= \result <= FEATURE_WORDS;
    ensures \forall integer i; 0 <= i < \result ==> (first[i] & own[i]) == first[i];
    ensures \result < FEATURE_WORDS ==> (first[\result] & own[\result]) != first[\result];
*/
static inline unsigned features_lacking(const uint64_t first[FEATURE_WORDS], const uint64_t own[FEATURE_WORDS]) {
    /*@ loop invariant 0 <= i <= FEATURE_WORDS;
        loop invariant \forall integer k; 0 <= k < i ==> (first[k] & own[k]) == first[k];
        loop assigns i;
        loop variant FEATURE_WORDS - i;
    */
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        if ((first[i] & own[i]) != first[i])
            return i;
    return FEATURE_WORDS;
}

// Notes what the first CPU offers, which runs this.
void features_note(void);
// Does the CPU that runs this offer all of it? Needs no struct cpu.
bool features_check(void);
// Says in the log what the last CPU whose check failed lacks.
void features_complain(uint32_t apic_id);
