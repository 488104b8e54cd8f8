// Random numbers and arguments that a seed determines.
#pragma once
#include <stdint.h>

// xorshift64* (Vigna 2016). The state must not be 0.
static inline uint64_t random_next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

// Of one, in so many times.
static inline int random_once_in(uint64_t *state, uint64_t times) {
    return (random_next(state) >> 32) % times == 0;
}

// A selector or operation, a value at which a check may be wrong, any number of any size.
uint64_t random_argument(uint64_t *state);
