// Fresh UUIDs.
#include "dom0/domain/uuid.h"

#include <stdbool.h>

#define CPUID_1_ECX_RDRAND (1u << 30) // APM 3 appendix E.3.2

static bool has_rdrand(void) {
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (ecx & CPUID_1_ECX_RDRAND) != 0;
}

static uint64_t read_tsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

// Scrambles bits such that close inputs give far outputs (the finalizer of MurmurHash3).
static uint64_t scramble(uint64_t x) {
    x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
    return x ^ x >> 33;
}

static uint64_t random_word(void) {
    static uint64_t count;
    uint64_t value = 0;
    bool valid = false;
    for (int tries = 0; has_rdrand() && tries < 10 && !valid; tries++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(value), "=qm"(valid) : : "cc");
    return scramble((valid ? value : 0) + scramble(read_tsc() + ++count));
}

void uuid_make(uint8_t uuid[16]) {
    uint64_t words[2] = {random_word(), random_word()};
    for (unsigned i = 0; i < 16; i++)
        uuid[i] = (uint8_t)(words[i / 8] >> i % 8 * 8);
    uuid[6] = (uuid[6] & 0x0f) | 0x40; // version 4
    uuid[8] = (uuid[8] & 0x3f) | 0x80; // variant of RFC 4122
}
