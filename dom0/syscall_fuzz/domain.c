// What runs in a protection domain that the fuzzing server makes: random system calls on real objects. It writes to no
// variable, as its program's pages are read-only there.
#include "dom0/syscall_fuzz/domain.h"
#include "dom0/syscall_fuzz/random.h"
#include "dom0/syscall_fuzz/real_mode.h"
#include "lib/server.h"

#define SOON 200000u // ticks of the TSC: what a wait usually may take

static struct fuzz_counts *const counts = (struct fuzz_counts *)FUZZ_COUNTS;

// What an argument should be.
enum shape {
    ANYTHING,
    PD,
    SPACE,
    THREAD,
    PORTAL,
    SEMAPHORE,
    PAGE,
    VCPU,
    SEMAPHORE_OR_NONE,
    THREAD_OR_NONE,
    PD_OR_SPACE,
    OBJECT,
    WORDS,
    REPLY_WORDS,
    MASK,
    DEADLINE,
    SLOTS,
    QUOTA,
    ONE,
    CPU,
    ENTRY,
    STACK,
    COUNT,
    BIT,
    FREE_ADDRESS,
    THREAD_OPERATION,
    SEMAPHORE_OPERATION,
    PD_OPERATION,
    VCPU_OPERATION,
    SMALL,
};

static const uint8_t shapes[SYS_COUNT][6] = {
    [SYS_CALL] = {PORTAL, WORDS, DEADLINE},
    [SYS_REPLY_WAIT] = {REPLY_WORDS, MASK, DEADLINE},
    [SYS_RUN] = {VCPU, MASK},
    [SYS_CREATE_PD] = {PD, SLOTS, QUOTA, SEMAPHORE_OR_NONE},
    [SYS_CREATE_SPACE] = {SPACE, PD, ONE},
    [SYS_CREATE_THREAD] = {THREAD, PD, PAGE, CPU, ENTRY, STACK},
    [SYS_CREATE_PORTAL] = {PORTAL, THREAD, ANYTHING},
    [SYS_CREATE_SEMAPHORE] = {SEMAPHORE, PD, COUNT, THREAD_OR_NONE, BIT},
    [SYS_CREATE_PAGE] = {PAGE, PD, FREE_ADDRESS},
    [SYS_CREATE_VCPU] = {VCPU, SPACE, PAGE, PAGE, CPU},
    [SYS_DESTROY] = {OBJECT},
    [SYS_DELEGATE] = {ANYTHING, ANYTHING, PD_OR_SPACE, ANYTHING, ANYTHING}, // see delegation()
    [SYS_THREAD_CONTROL] = {THREAD, THREAD_OPERATION, SMALL},
    [SYS_SEMAPHORE_CONTROL] = {SEMAPHORE, SEMAPHORE_OPERATION, DEADLINE},
    [SYS_PD_CONTROL] = {PD, PD_OPERATION, ANYTHING},
    [SYS_VCPU_CONTROL] = {VCPU, VCPU_OPERATION, MASK},
};

static void thread_start(uint64_t seed);

static uint64_t below(uint64_t *random, uint64_t limit) {
    return (random_next(random) >> 32) % limit;
}

static uint64_t selector(uint64_t *random, enum fuzz_kind kind) {
    return FUZZ_SELECTOR(kind, below(random, FUZZ_OF_KIND));
}

static uint64_t deadline(uint64_t *random) {
    uint64_t form = below(random, 256);
    return form == 0 ? NO_DEADLINE : form < 32 ? below(random, now_tsc()) : now_tsc() + below(random, SOON);
}

static uint64_t reply_words(uint64_t *random) {
    static const uint64_t special[] = {WAIT_NO_REPLY, WAIT_NO_CALL};
    uint64_t form = below(random, 4);
    return form < 2 ? special[form] : below(random, MESSAGE_WORDS + 2);
}

// A quarter of the bits.
static uint64_t sparse(uint64_t *random) {
    uint64_t one = random_next(random);
    return one & random_next(random);
}

// Something is there if objects are made there often: few places.
static uint64_t free_address(uint64_t *random) {
    return FUZZ_FREE + below(random, 64) * PAGE_SIZE + (random_once_in(random, 4) ? FUZZ_LARGE_BYTES : 0);
}

// Of the own domain and its threads, whose end is this one's, as seldom as that calls go on for a while.
static uint64_t own_or(uint64_t *random, uint64_t own, enum fuzz_kind kind, uint64_t seldom) {
    return random_once_in(random, seldom) ? own : selector(random, kind);
}

static uint64_t argument(uint64_t *random, enum shape shape) {
    switch (shape) {
    case PD:
        return own_or(random, SELECTOR_SELF, FUZZ_PD, 2);
    case SPACE:
        return selector(random, FUZZ_SPACE);
    case THREAD:
        return own_or(random, SELECTOR_THREAD, FUZZ_THREAD, 16);
    case THREAD_OR_NONE:
        return random_once_in(random, 2) ? NO_SELECTOR : selector(random, FUZZ_THREAD);
    case PORTAL:
        return selector(random, FUZZ_PORTAL);
    case SEMAPHORE:
        return selector(random, FUZZ_SEMAPHORE);
    case SEMAPHORE_OR_NONE:
        return random_once_in(random, 2) ? NO_SELECTOR : selector(random, FUZZ_SEMAPHORE);
    case PAGE:
        return selector(random, FUZZ_PAGE);
    case VCPU:
        return selector(random, FUZZ_VCPU);
    case PD_OR_SPACE:
        return random_once_in(random, 2) ? argument(random, PD) : selector(random, FUZZ_SPACE);
    case OBJECT:
        return selector(random, (enum fuzz_kind)below(random, FUZZ_KINDS));
    case WORDS:
        return below(random, MESSAGE_WORDS + 2);
    case REPLY_WORDS:
        return reply_words(random);
    case MASK:
        return sparse(random);
    case DEADLINE:
        return deadline(random);
    case SLOTS:
        return SELECTOR_FIRST_FREE - 1 + below(random, 300);
    case QUOTA:
        return below(random, 64) * PAGE_SIZE + (random_once_in(random, 8) ? below(random, PAGE_SIZE) : 0);
    case ONE:
        return 1;
    case CPU:
        return below(random, 5);
    case ENTRY:
        return (uint64_t)(uintptr_t)thread_start;
    case STACK:
        return FUZZ_STACK_TOP(below(random, FUZZ_THREADS));
    case COUNT:
        return below(random, 3);
    case BIT:
        return below(random, 65);
    case FREE_ADDRESS:
        return free_address(random);
    case THREAD_OPERATION:
        return below(random, THREAD_GET + 2);
    case SEMAPHORE_OPERATION:
        return below(random, SEMAPHORE_ACK + 2);
    case PD_OPERATION:
        return random_once_in(random, 256) ? (uint64_t)PD_EXIT : below(random, 2);
    case VCPU_OPERATION:
        return below(random, VCPU_FETCH + 2);
    case SMALL:
        return below(random, 5);
    default:
        return random_argument(random);
    }
}

// Frames of the domain, its program's among them.
static uint64_t source_address(uint64_t *random) {
    switch (below(random, 8)) {
    case 0:
        return (uint64_t)(uintptr_t)thread_start & ~(PAGE_SIZE - 1);
    case 1:
        return free_address(random);
    case 2:
    case 3:
        return FUZZ_LARGE + (random_once_in(random, 2) ? below(random, 512) * PAGE_SIZE : 0);
    default:
        return FUZZ_FRAMES + below(random, FUZZ_FRAMES_COUNT) * PAGE_SIZE;
    }
}

static uint64_t target_address(uint64_t *random, uint64_t target) {
    if (target != SELECTOR_SELF && random_once_in(random, 2))
        return below(random, 4) * PAGE_SIZE; // of a guest
    return random_once_in(random, 1024) ? source_address(random) : free_address(random);
}

static void delegation(uint64_t *random, uint64_t *a) {
    uint64_t orders[] = {0, 0, 0, 9, 9, 18, below(random, 20)};
    uint64_t rights = random_once_in(random, 4) ? 0 : random_next(random) >> 61;
    a[0] = SELECTOR_SELF;
    if (random_once_in(random, 3)) {
        a[1] = argument(random, OBJECT);
        a[2] = argument(random, PD);
        a[3] = rights || random_once_in(random, 16) ? argument(random, OBJECT) : FUZZ_SLOTS - 1 - below(random, 8);
        a[4] = rights | DELEGATE_CAPABILITY;
        return;
    }
    a[1] = source_address(random);
    a[3] = target_address(random, a[2]);
    uint64_t order = orders[below(random, sizeof(orders) / sizeof(orders[0]))];
    a[4] = rights | DELEGATE_ORDER(order) | (random_once_in(random, 8) ? DELEGATE_UNCACHED : 0) |
           (random_once_in(random, 8) ? DELEGATE_OWN : 0);
    if (random_once_in(random, 4)) {
        a[1] &= ~((PAGE_SIZE << order) - 1);
        a[3] &= ~((PAGE_SIZE << order) - 1);
    }
}

// Some words of a kernel page, which may be a vCPU's. (If the page is not there any more, that is this domain's end.)
static void scribble(uint64_t *random) {
    struct vcpu_page *page = (struct vcpu_page *)(FUZZ_MESSAGE + (1 + below(random, FUZZ_OF_KIND - 1)) * PAGE_SIZE);
    for (uint64_t n = below(random, 4); n > 0; n--)
        ((volatile uint64_t *)page)[below(random, sizeof(*page) / 8)] =
            random_once_in(random, 2) ? below(random, 0x10000) : random_argument(random);
    __atomic_store_n(&page->dirty, (uint32_t)sparse(random), __ATOMIC_RELAXED);
    if (!random_once_in(random, 64)) {
        __atomic_store_n(&page->deadline_tsc, now_tsc() + below(random, SOON), __ATOMIC_RELAXED);
        page->apic_mode &= 3;
        page->activity &= 1;
    }
}

static void random_call(uint64_t *random) {
    uint64_t number = random_once_in(random, 64) ? random_argument(random) : below(random, SYS_COUNT), a[6];
    if (number == SYS_DESTROY && !random_once_in(random, 4))
        number = SYS_RUN; // objects live for a while
    for (unsigned i = 0; i < 6; i++)
        a[i] = argument(random, number < SYS_COUNT ? (enum shape)shapes[number][i] : ANYTHING);
    if (number == SYS_DELEGATE)
        delegation(random, a);
    if (number == SYS_RUN || number == SYS_VCPU_CONTROL)
        scribble(random);
    if (random_once_in(random, 16))
        a[below(random, 6)] = random_argument(random);
    if (syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]).status >= 0 && number < SYS_COUNT)
        __atomic_fetch_add(&counts->succeeded[number], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counts->calls, 1, __ATOMIC_RELAXED);
}

static void thread_start(uint64_t seed) {
    uint64_t random = (seed + 1) * 0x9e3779b97f4a7c15ull;
    for (;;)
        random_call(&random);
}

// A guest in real mode, whose first 2 MiB are the large page.
static void make_vcpu(uint64_t index) {
    struct vcpu_page *page = (struct vcpu_page *)(FUZZ_MESSAGE + (4 + 2 * index) * PAGE_SIZE);
    sys_create_space(FUZZ_SELECTOR(FUZZ_SPACE, index), SELECTOR_SELF, SPACE_GUEST_PHYSICAL);
    sys_delegate(SELECTOR_SELF, FUZZ_LARGE, FUZZ_SELECTOR(FUZZ_SPACE, index), 0,
                 DELEGATE_READ | DELEGATE_WRITE | DELEGATE_EXECUTE | DELEGATE_ORDER(9));
    sys_create_vcpu(FUZZ_SELECTOR(FUZZ_VCPU, index), FUZZ_SELECTOR(FUZZ_SPACE, index),
                    FUZZ_SELECTOR(FUZZ_PAGE, 4 + 2 * index), FUZZ_SELECTOR(FUZZ_PAGE, 5 + 2 * index), index);
    real_mode_state(page);
    page->dirty = GROUP_ALL;
}

void fuzz_domain_start(uint64_t seed) {
    for (unsigned i = 1; i < FUZZ_OF_KIND; i++) // the first is this thread's
        sys_create_page(FUZZ_SELECTOR(FUZZ_PAGE, i), SELECTOR_SELF, FUZZ_MESSAGE + i * PAGE_SIZE);
    for (unsigned i = 1; i < 4; i++) {
        uint64_t thread = FUZZ_SELECTOR(FUZZ_THREAD, i), page = FUZZ_SELECTOR(FUZZ_PAGE, i),
                 entry = (uint64_t)(uintptr_t)thread_start, stack = FUZZ_STACK_TOP(i);
        if (sys_create_thread(thread, SELECTOR_SELF, page, i, entry, stack) != OK)
            sys_create_thread(thread, SELECTOR_SELF, page, 0, entry, stack);
        sys_create_portal(FUZZ_SELECTOR(FUZZ_PORTAL, i), thread, i);
        sys_create_semaphore(FUZZ_SELECTOR(FUZZ_SEMAPHORE, i), SELECTOR_SELF, i, thread, i);
        sys_create_pd(FUZZ_SELECTOR(FUZZ_PD, i), 16 * i, 16 * i * PAGE_SIZE, FUZZ_SELECTOR(FUZZ_SEMAPHORE, i));
    }
    make_vcpu(0);
    make_vcpu(1);
    for (unsigned i = 1; i < 4; i++)
        sys_thread_control(FUZZ_SELECTOR(FUZZ_THREAD, i), THREAD_START, seed * 4 + i, 0, 0);
    thread_start(seed * 4);
}
