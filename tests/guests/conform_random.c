// RDRAND and RDSEED: each gives different numbers, in the widths that there are (SDM 2B RDRAND, RDSEED).
#include "tests/guests/conform.h"

#define NUMBERS  8u
#define TRIES    100000u
#define ECX1_RND (1u << 30)
#define EBX7_RND (1u << 18)

bool has_rdrand(void) {
    return (cpuid(1, 0).c & ECX1_RND) != 0;
}

bool has_rdseed(void) {
    return (cpuid(7, 0).b & EBX7_RND) != 0;
}

// CF tells a number; the other flags are cleared; a width of 32 bits clears the upper half, one of 16 leaves the rest.
#define DRAW(name, instruction)                                                                                        \
    static bool name##_64(uint64_t *value) {                                                                           \
        for (unsigned i = 0; i < TRIES; i++) {                                                                         \
            uint64_t flags;                                                                                            \
            __asm__ volatile(#instruction " %0; pushfq; pop %1" : "=r"(*value), "=r"(flags) : : "cc");                 \
            if ((flags & 0x8d4) != 0)                                                                                  \
                return false;                                                                                          \
            if (flags & 1)                                                                                             \
                return true;                                                                                           \
        }                                                                                                              \
        return false;                                                                                                  \
    }                                                                                                                  \
    static bool name##_narrow(void) {                                                                                  \
        uint64_t whole = ~0ull, part = ~0ull;                                                                          \
        __asm__ volatile(#instruction " %k0; " #instruction " %w1" : "+r"(whole), "+r"(part) : : "cc");                \
        return whole >> 32 == 0 && part >> 16 == 0xffffffffffff;                                                       \
    }                                                                                                                  \
    static bool check_##name(void) {                                                                                   \
        uint64_t values[NUMBERS];                                                                                      \
        for (unsigned i = 0; i < NUMBERS; i++) {                                                                       \
            if (!name##_64(&values[i]))                                                                                \
                return false;                                                                                          \
            for (unsigned j = 0; j < i; j++)                                                                           \
                if (values[i] == values[j])                                                                            \
                    return false;                                                                                      \
        }                                                                                                              \
        return name##_narrow();                                                                                        \
    }
DRAW(rdrand, rdrand)
DRAW(rdseed, rdseed)

const struct check rdrand_checks[] = {{"rdrand", check_rdrand}, {0}};
const struct check rdseed_checks[] = {{"rdseed", check_rdseed}, {0}};
