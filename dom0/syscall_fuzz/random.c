// Random arguments.
#include "dom0/syscall_fuzz/random.h"
#include "lib/startup.h"

#define SELECTORS 65536u // of the largest table

// Values at which a check may be wrong.
static const uint64_t edges[] = {
    0,
    1,
    SELECTOR_SELF,
    SELECTOR_THREAD,
    SELECTOR_MEMORY,
    SELECTOR_PORTS,
    SELECTOR_HARDWARE,
    SELECTOR_FIRST_FREE,
    511,
    512,
    SELECTORS - 1,
    SELECTORS,
    UINT32_MAX,
    PAGE_SIZE,
    2ull << 20,
    1ull << 30,
    STARTUP_ADDRESS,
    STARTUP_MESSAGE,
    STARTUP_STACK_TOP,
    USER_TOP - PAGE_SIZE,
    USER_TOP,
    1ull << 47,
    INT64_MAX,
    1ull << 63,
    0xffff900000000000ull,
    0xffffffff80000000ull,
    NO_SELECTOR - 1,
    NO_SELECTOR,
    3 | DELEGATE_CAPABILITY,
    7 | DELEGATE_MEMORY | DELEGATE_OWN,
    DELEGATE_MEMORY | DELEGATE_ORDER(18),
    3 | DELEGATE_PORT | DELEGATE_ORDER(16),
    SCHEDULE(255, 65535, 0),
};

uint64_t random_argument(uint64_t *state) {
    uint64_t value = random_next(state), form = random_next(state) >> 61;
    if (form < 3)
        return value >> 56 & 31; // selectors, operations
    if (form < 6)
        return edges[(value >> 32) % (sizeof(edges) / sizeof(edges[0]))];
    if (form == 6)
        return value >> (value & 63);
    return value;
}
