// A test server: gives up every capability that it has, then makes a million random system calls, all of which must
// fail. Without capabilities it can tell nobody, not even end itself, so it ends by an exception whose place says how
// it went (init's report names the function) and whose registers say the rest.
#include "dom0/syscall_fuzz/random.h"
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

// A wait for events needs no capability, and nothing ends it but its deadline, so that has to come.
static void bound_wait(uint64_t *random, uint64_t number, uint64_t *arguments) {
    if (number == SYS_REPLY_WAIT)
        arguments[2] = random_next(random) % DEADLINES_EVERY ? arguments[2] % now_tsc() : now_tsc() + 1000;
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
    uint64_t seed = 0x9e3779b97f4a7c15ull + startup->incarnation, random = seed;
    log_line("%u random system calls without capabilities, seed %#llx", CALLS, (unsigned long long)seed);
    give_up_capabilities();
    for (uint64_t calls = 0; calls < CALLS; calls++) {
        uint64_t number = random_next(&random) % 64 ? random_next(&random) % SYS_COUNT : random_argument(&random);
        uint64_t arguments[6];
        for (unsigned i = 0; i < 6; i++)
            arguments[i] = random_argument(&random);
        bound_wait(&random, number, arguments);
        int64_t status =
            syscall6(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]).status;
        if (status >= 0)
            a_call_succeeded(number, arguments, status, calls);
    }
    every_call_failed(CALLS, seed);
}
