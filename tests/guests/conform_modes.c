// The processor's other modes: real, protected, with either kind of 32-bit paging, virtual 8086, compatibility.
#include "tests/guests/conform.h"

#define OF 4u
#define BR 5u

uint32_t compatibility_run(uint64_t code);
extern char compatibility_increment[], compatibility_overflow[], compatibility_bound[], compatibility_exits[];

#define REAL_LIMIT      (1u << 9)
#define PROTECTED_LIMIT (1u << 15)

static bool all(enum mode mode, uint32_t wanted) {
    uint32_t got = mode_run(mode) & wanted;
    if (got != wanted)
        print("  went wrong: %x\n", wanted ^ got);
    return got == wanted;
}

static bool check_real(void) {
    return all(MODE_REAL, PROBES(12) & ~REAL_LIMIT);
}

static bool check_protected(void) {
    return all(MODE_PROTECTED, PROBES(20) & ~PROTECTED_LIMIT);
}

static bool check_limits(void) {
    return all(MODE_REAL, REAL_LIMIT) && all(MODE_PROTECTED, PROTECTED_LIMIT);
}

static bool check_pae(void) {
    return all(MODE_PAE, PROBES(10));
}

static bool check_paging32(void) {
    return all(MODE_PAGING32, PROBES(10));
}

static bool check_vm86(void) {
    return all(MODE_VM86, PROBES(7));
}

static void compatibility(uint64_t code) {
    (void)compatibility_run(code);
}

static bool check_compatibility(void) {
    return compatibility_run((uint64_t)(uintptr_t)compatibility_increment) == 0x80000000 &&
           compatibility_run((uint64_t)(uintptr_t)compatibility_exits) == 4 &&
           raises(compatibility, (uint64_t)(uintptr_t)compatibility_overflow, OF, NO_ERROR) &&
           raises(compatibility, (uint64_t)(uintptr_t)compatibility_bound, BR, NO_ERROR) &&
           compatibility_run((uint64_t)(uintptr_t)compatibility_increment) == 0x80000000;
}

const struct check mode_checks[] = {
    {"real-mode", check_real},
    {"protected-mode", check_protected},
    {"segment-limits", check_limits},
    {"pae-paging", check_pae},
    {"32-bit-paging", check_paging32},
    {"vm86-mode", check_vm86},
    {"compatibility-mode", check_compatibility},
    {0},
};
