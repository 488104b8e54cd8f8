// A test server: gives up every capability that it has, then makes a million random system calls, all of which must
// fail. Without capabilities it can tell nobody, not even end itself, so it ends by an exception whose place says how
// it went (init's report names the function) and whose registers say the rest.
#include "lib/server.h"

#define CALLS           1000000u
#define SELECTORS       65536u // more than any table has
#define DEADLINES_EVERY 4096u  // of so many waits one has a deadline that is still to come

__attribute__((noinline)) _Noreturn void every_call_failed(uint64_t calls, uint64_t seed);
__attribute__((noinline)) _Noreturn void capabilities_remain(uint64_t selector, int64_t status);
__attribute__((noinline)) _Noreturn void a_call_succeeded(uint64_t number, const uint64_t *arguments, int64_t status,
                                                          uint64_t calls);

// RAX: calls made, RCX: seed.
void every_call_failed(uint64_t calls, uint64_t seed) {
    __asm__ volatile("ud2" : : "a"(calls), "c"(seed));
    __builtin_unreachable();
}

// RAX: status, RCX: selector.
void capabilities_remain(uint64_t selector, int64_t status) {
    __asm__ volatile("ud2" : : "a"(status), "c"(selector));
    __builtin_unreachable();
}

// RAX: status, RBX: calls made, RCX: its number, RDI, RSI, RDX: its first arguments.
void a_call_succeeded(uint64_t number, const uint64_t *arguments, int64_t status, uint64_t calls) {
    __asm__ volatile("ud2"
                     :
                     : "a"(status), "b"(calls), "c"(number), "D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]));
    __builtin_unreachable();
}

// xorshift64* (Vigna 2016)
static uint64_t random_state;
static uint64_t random_next(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

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

static uint64_t random_argument(void) {
    uint64_t value = random_next(), form = random_next() >> 61;
    if (form < 3)
        return value >> 56 & 31; // selectors, operations
    if (form < 6)
        return edges[(value >> 32) % (sizeof(edges) / sizeof(edges[0]))];
    if (form == 6)
        return value >> (value & 63);
    return value;
}

// A wait for events needs no capability, and nothing ends it but its deadline, so that has to come.
static void bound_wait(uint64_t number, uint64_t *arguments) {
    if (number == SYS_REPLY_WAIT)
        arguments[2] = random_next() % DEADLINES_EVERY ? arguments[2] % now_tsc() : now_tsc() + 1000;
}

static void give_up_capabilities(void) {
    for (uint64_t selector = 0; selector < SELECTORS; selector++)
        if (selector != SELECTOR_SELF)
            (void)sys_delegate(SELECTOR_SELF, 0, SELECTOR_SELF, selector, DELEGATE_CAPABILITY);
    (void)sys_delegate(SELECTOR_SELF, 0, SELECTOR_SELF, SELECTOR_SELF, DELEGATE_CAPABILITY);
    // Whatever one does with a capability, removing it from one's own table would have needed SELECTOR_SELF now.
    int64_t status = sys_delegate(SELECTOR_SELF, 0, SELECTOR_SELF, SELECTOR_NULL, DELEGATE_CAPABILITY);
    if (status != ERROR_CAPABILITY)
        capabilities_remain(SELECTOR_SELF, status);
    for (uint64_t selector = 0; selector < SELECTORS; selector++)
        if ((status = sys_destroy(selector)) != ERROR_CAPABILITY)
            capabilities_remain(selector, status);
}

int server_main(void) {
    uint64_t seed = 0x9e3779b97f4a7c15ull + startup->incarnation;
    random_state = seed;
    log_line("%u random system calls without capabilities, seed %#llx", CALLS, (unsigned long long)seed);
    give_up_capabilities();
    for (uint64_t calls = 0; calls < CALLS; calls++) {
        uint64_t number = random_next() % 64 ? random_next() % SYS_COUNT : random_argument(), arguments[6];
        for (unsigned i = 0; i < 6; i++)
            arguments[i] = random_argument();
        bound_wait(number, arguments);
        int64_t status =
            syscall6(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]).status;
        if (status >= 0)
            a_call_succeeded(number, arguments, status, calls);
    }
    every_call_failed(CALLS, seed);
}
