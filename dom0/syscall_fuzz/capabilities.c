// A test server: makes protection domains that hold capabilities of every kind and make random system calls with them,
// one after the other, each with the next seed. One that has ended itself, hangs, or has called enough is destroyed,
// and then this server has to have what it had before, to the byte. The manifest's name for it says SEED (hexadecimal)
// and CALLS: fuzz-SEED-CALLS. Its odd incarnations do so; the even ones only wait, so that a test can look at the host
// before and after.
#include "dom0/syscall_fuzz/domain.h"
#include "dom0/syscall_fuzz/random.h"
#include "lib/server.h"
#include "lib/string.h"

#define CALLS_EACH   4000u // of one domain
#define QUOTA_BYTES  (1ull << 20)
#define LOOK_MS      5u
#define STILL_MS     20u // a domain that makes no call for so long hangs
#define EVENT_ENDED  1ull
#define REPORT_EVERY 64u
#define GUEST_BYTES  0x10000u

extern char __executable_start[], end[];

enum domain_end { END_ITSELF, END_FAULT, END_STUCK, END_ENOUGH, DOMAIN_ENDS };

// The server's selectors
static uint64_t supervisor, portal, domain, page, thread, given;

static struct {
    struct fuzz_counts *counts;
    uint8_t *stacks, *frames, *large;
    uint64_t calls, succeeded[SYS_COUNT], ends[DOMAIN_ENDS], random;
} fuzz;

// fuzz-SEED-CALLS
static bool read_name(const char *name, uint64_t *seed, uint64_t *calls) {
    *seed = *calls = 0;
    if (strncmp(name, "fuzz-", 5) != 0)
        return false;
    const char *at = name + 5;
    for (; *at && *at != '-'; at++)
        *seed = *seed * 16 + (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    for (at += *at == '-'; *at >= '0' && *at <= '9'; at++)
        *calls = *calls * 10 + (uint64_t)(*at - '0');
    return *calls > 0;
}

static void check(int64_t status, const char *what) {
    if (status == OK)
        return;
    log_line("%s: status %lld", what, (long long)status);
    server_exit(3);
}

static void give_pages(const void *from, uint64_t to, uint64_t pages, uint64_t rights) {
    for (uint64_t at = 0; at < pages * PAGE_SIZE; at += PAGE_SIZE)
        check(sys_delegate(SELECTOR_SELF, (uint64_t)(uintptr_t)from + at, domain, to + at, rights | DELEGATE_MEMORY),
              "memory of a domain");
}

static void give_capability(uint64_t selector, uint64_t to, uint64_t rights) {
    check(sys_delegate(SELECTOR_SELF, selector, domain, to, rights | DELEGATE_CAPABILITY), "capability of a domain");
}

static void give_program(void) {
    uint64_t first = (uint64_t)(uintptr_t)__executable_start & ~(PAGE_SIZE - 1);
    for (uint64_t at = first; at < (uint64_t)(uintptr_t)end; at += PAGE_SIZE) {
        int64_t status = sys_delegate(SELECTOR_SELF, at, domain, at, DELEGATE_READ | DELEGATE_EXECUTE);
        if (status != ERROR_ABSENT)
            check(status, "program of a domain");
    }
}

static void domain_create(uint64_t seed) {
    const uint64_t all = DELEGATE_READ | DELEGATE_WRITE | DELEGATE_EXECUTE;
    memset(fuzz.counts, 0, sizeof(*fuzz.counts));
    check(sys_create_pd(domain, FUZZ_SLOTS, QUOTA_BYTES, supervisor), "domain");
    check(sys_create_semaphore(given, SELECTOR_SELF, 0, NO_SELECTOR, 0), "semaphore");
    give_program();
    give_pages(fuzz.counts, FUZZ_COUNTS, 1, DELEGATE_READ | DELEGATE_WRITE);
    give_pages(fuzz.stacks, FUZZ_STACKS, FUZZ_THREADS, DELEGATE_READ | DELEGATE_WRITE);
    give_pages(fuzz.frames, FUZZ_FRAMES, FUZZ_FRAMES_COUNT, all);
    check(sys_delegate(SELECTOR_SELF, (uint64_t)(uintptr_t)fuzz.large, domain, FUZZ_LARGE, all | DELEGATE_ORDER(9)),
          "large page of a domain");
    give_capability(portal, FUZZ_SERVER_PORTAL, RIGHT_USE);
    give_capability(given, FUZZ_GIVEN_SEMAPHORE, RIGHT_ALL);
    give_capability(startup_capability(startup, "log.kick"), FUZZ_LOG_SEMAPHORE, RIGHT_USE);
    check(sys_create_page(page, domain, FUZZ_MESSAGE), "page of a domain");
    give_capability(page, FUZZ_SELECTOR(FUZZ_PAGE, 0), RIGHT_ALL);
    uint64_t entry = (uint64_t)(uintptr_t)fuzz_domain_start;
    if (sys_create_thread(thread, domain, page, seed % 4, entry, FUZZ_STACK_TOP(0)) != OK)
        check(sys_create_thread(thread, domain, page, 0, entry, FUZZ_STACK_TOP(0)), "thread of a domain");
    give_capability(thread, SELECTOR_THREAD, RIGHT_ALL);
    check(sys_thread_control(thread, THREAD_START, seed, 0, 0), "start of a domain");
}

static void domain_destroy(void) {
    check(sys_destroy(domain), "end of a domain");
    (void)sys_destroy(page); // what was in the domain is gone; the selectors are freed
    (void)sys_destroy(thread);
    (void)sys_destroy(given);
    (void)sys_semaphore_control(supervisor, SEMAPHORE_TAKE, 0);
    (void)sys_reply_wait(WAIT_NO_CALL, EVENT_ENDED, 0);
}

static enum domain_end why_ended(void) {
    check(sys_pd_control(domain, PD_GET_FAULT, 0).status, "fault of a domain");
    const struct pd_fault *fault = (const struct pd_fault *)(const void *)message_buffer()->result;
    return fault->vector == PD_FAULT_EXIT ? END_ITSELF : END_FAULT;
}

// Answers calls while the domain runs.
static enum domain_end domain_wait(void) {
    uint64_t words = WAIT_NO_REPLY, seen = 0, still_until = deadline_in_ms(STILL_MS), look = 0;
    for (;;) {
        uint64_t now = now_tsc(), calls = __atomic_load_n(&fuzz.counts->calls, __ATOMIC_RELAXED);
        if (calls >= CALLS_EACH)
            return END_ENOUGH;
        if (calls != seen)
            still_until = deadline_in_ms(STILL_MS);
        seen = calls;
        if (now > still_until)
            return END_STUCK;
        if (now >= look)
            look = deadline_in_ms(LOOK_MS);
        struct syscall_result result = sys_reply_wait(words, EVENT_ENDED, look);
        words = WAIT_NO_REPLY;
        if (result.status == OK && result.value == WAIT_EVENTS)
            return why_ended();
        if (result.status == OK)
            words = random_once_in(&fuzz.random, 8) ? WAIT_NO_REPLY : random_next(&fuzz.random) % (MESSAGE_WORDS + 2);
    }
}

static void statistics_get(struct pd_statistics *statistics) {
    check(sys_pd_control(SELECTOR_SELF, PD_GET, 0).status, "statistics");
    memcpy(statistics, message_buffer()->result, sizeof(*statistics));
}

static void domain_run(uint64_t seed) {
    struct pd_statistics before, after;
    statistics_get(&before);
    domain_create(seed);
    fuzz.ends[domain_wait()]++;
    domain_destroy();
    statistics_get(&after);
    fuzz.calls += fuzz.counts->calls;
    for (unsigned i = 0; i < SYS_COUNT; i++)
        fuzz.succeeded[i] += fuzz.counts->succeeded[i];
    if (before.used_bytes == after.used_bytes && before.threads == after.threads &&
        before.capabilities == after.capabilities)
        return;
    log_line("seed %llx lost something: %llu bytes, %llu threads, %llu capabilities became %llu, %llu, %llu",
             (unsigned long long)seed, (unsigned long long)before.used_bytes, (unsigned long long)before.threads,
             (unsigned long long)before.capabilities, (unsigned long long)after.used_bytes,
             (unsigned long long)after.threads, (unsigned long long)after.capabilities);
    server_exit(4);
}

static void setup(void) {
    fuzz.large = pages_new(512); // first: on a boundary of 2 MiB
    fuzz.counts = pages_new(1);
    fuzz.stacks = pages_new(FUZZ_THREADS);
    fuzz.frames = pages_new(FUZZ_FRAMES_COUNT);
    SERVER_ASSERT(fuzz.large && fuzz.counts && fuzz.stacks && fuzz.frames);
    uint64_t *selectors[] = {&supervisor, &portal, &domain, &page, &thread, &given};
    for (unsigned i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++)
        *selectors[i] = selector_new();
    check(sys_create_semaphore(supervisor, SELECTOR_SELF, 0, SELECTOR_THREAD, 0), "semaphore");
    check(sys_create_portal(portal, SELECTOR_THREAD, 0), "portal");
}

// What guests execute first: random bytes, and instructions that exit.
static void fill_large(void) {
    static const uint8_t exits[][4] = {
        {0x0f, 0xa2, 0x90, 0x90}, // CPUID
        {0xf4, 0x90, 0x90, 0x90}, // HLT
        {0xe6, 0x80, 0xec, 0x90}, // OUT, IN
        {0x0f, 0x32, 0x0f, 0x30}, // RDMSR, WRMSR
        {0xfb, 0xf3, 0x90, 0x90}, // STI, PAUSE
        {0x0f, 0x01, 0xd9, 0xcf}, // VMMCALL, IRET
        {0xcd, 0x80, 0xcc, 0xce}, // INT, INT3, INTO
        {0xeb, 0xfe, 0x90, 0x90}, // JMP to itself
    };
    for (uint64_t at = 0; at < GUEST_BYTES; at += 4) {
        uint64_t value = random_next(&fuzz.random);
        memcpy(fuzz.large + at, value >> 63 ? (const void *)exits[value >> 32 & 7] : (const void *)&value, 4);
    }
}

static void run(uint64_t seed, uint64_t calls) {
    uint64_t domains = 0;
    fuzz.random = seed * 2 + 1;
    for (; fuzz.calls < calls; domains++, seed++) {
        if (domains % REPORT_EVERY == 0)
            log_line("%llu calls; seed %llx", (unsigned long long)fuzz.calls, (unsigned long long)seed);
        fill_large();
        domain_run(seed);
    }
    for (unsigned i = 0; i < SYS_COUNT; i++)
        log_line("system call %u succeeded %llu times", i, (unsigned long long)fuzz.succeeded[i]);
    log_line("%llu random system calls by %llu domains: %llu ended themselves, %llu faulted, %llu hung, %llu went on",
             (unsigned long long)fuzz.calls, (unsigned long long)domains, (unsigned long long)fuzz.ends[END_ITSELF],
             (unsigned long long)fuzz.ends[END_FAULT], (unsigned long long)fuzz.ends[END_STUCK],
             (unsigned long long)fuzz.ends[END_ENOUGH]);
}

int server_main(void) {
    uint64_t seed, calls;
    if (!read_name(startup->name, &seed, &calls)) {
        log_line("the manifest's name for this server is '%s', not fuzz-SEED-CALLS", startup->name);
        return 2;
    }
    setup();
    if (startup->incarnation % 2 == 1)
        run(seed, calls);
    for (;;)
        (void)sys_reply_wait(WAIT_NO_CALL, 0, deadline_in_ms(100)); // `crash` ends what runs
}
