// What CPUs offer. By what the first one says the core has chosen what it uses itself: a CPU that lacks a bit of that
// is left out. Of all else guests are offered what every CPU has, and vector state is switched that every CPU has. The
// decisions are pure: the first is proved, the other tested with all that there is.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FEATURE_WORDS 22u

// Components of XCR0 (SDM 1 13.3): all that instructions reach and a page holds
#define XCR0_X87    0x1u
#define XCR0_SSE    0x2u
#define XCR0_AVX    0x4u
#define XCR0_MPX    0x18u
#define XCR0_AVX512 0xe0u
#define XCR0_PKRU   0x200u

// Index of the first word of `own` that lacks a bit of `needed`; FEATURE_WORDS: none does.
/*@ requires \valid_read(needed + (0 .. FEATURE_WORDS - 1)) && \valid_read(own + (0 .. FEATURE_WORDS - 1));
    assigns \nothing;
    ensures 0 <= \result <= FEATURE_WORDS;
    ensures \forall integer i; 0 <= i < \result ==> (needed[i] & own[i]) == needed[i];
    ensures \result < FEATURE_WORDS ==> (needed[\result] & own[\result]) != needed[\result];
*/
static inline unsigned features_lacking(const uint64_t needed[FEATURE_WORDS], const uint64_t own[FEATURE_WORDS]) {
    /*@ loop invariant 0 <= i <= FEATURE_WORDS;
        loop invariant \forall integer k; 0 <= k < i ==> (needed[k] & own[k]) == needed[k];
        loop assigns i;
        loop variant FEATURE_WORDS - i;
    */
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        if ((needed[i] & own[i]) != needed[i])
            return i;
    return FEATURE_WORDS;
}

// The greatest part of it that XSETBV takes: x87 always, AVX with SSE, MPX and AVX-512 whole, AVX-512 with AVX; PKRU.
static inline uint64_t features_xcr0(uint64_t xcr0) {
    bool avx = (xcr0 & XCR0_AVX) && (xcr0 & XCR0_SSE);
    uint64_t whole =
        ((xcr0 & XCR0_MPX) == XCR0_MPX ? XCR0_MPX : 0) | ((xcr0 & XCR0_AVX512) == XCR0_AVX512 && avx ? XCR0_AVX512 : 0);
    return XCR0_X87 | (xcr0 & (XCR0_SSE | XCR0_PKRU)) | (avx ? XCR0_AVX : 0) | whole;
}

// Notes what the first CPU offers, which runs this.
void features_note(void);
// Does the CPU that runs this offer what is needed? Then host.xcr0 is cut to what it has. Needs no struct cpu.
bool features_check(void);
// Says in the log what the last CPU whose check failed lacks.
void features_complain(uint32_t apic_id);
// The last CPU whose check succeeded is used: what it lacks no guest is offered, which the log says.
void features_join(uint32_t apic_id);
struct boot_feature;
// What all CPUs offer: BOOT_FEATURES words (abi.h).
void features_list(struct boot_feature *list);
