// Memory that four CPUs share: locked instructions, order, code, and translations that one of them changes.
#include "tests/guests/conform_smp.h"

#define LOCK_ROUNDS  5000u
#define ORDER_ROUNDS 20000u
#define CODE_ROUNDS  200u
#define FLIP_ROUNDS  40u
#define PAGE_A       0x1000000ull
#define PAGE_B       0x1200000ull

// ---- Locked instructions (SDM 3A 8.1.2)

static volatile struct {
    uint64_t incremented, added, exchanged, guarded, lock;
    uint64_t pair[2] __attribute__((aligned(16)));
    uint32_t split[16];
} shared;

static void exchange(void) {
    uint64_t old = shared.exchanged;
    bool done;
    do
        __asm__ volatile("lock cmpxchg %3, %1; sete %0"
                         : "=q"(done), "+m"(shared.exchanged), "+a"(old)
                         : "r"(old + 1)
                         : "memory");
    while (!done);
}

static void exchange_pair(void) {
    uint64_t low = shared.pair[0], high = shared.pair[1];
    bool done;
    do
        __asm__ volatile("lock cmpxchg16b %1; sete %0"
                         : "=q"(done), "+m"(shared.pair), "+a"(low), "+d"(high)
                         : "b"(low + 1), "c"(high - 1)
                         : "memory");
    while (!done);
}

static void increment_guarded(void) {
    uint64_t taken;
    for (;;) {
        taken = 1;
        __asm__ volatile("xchg %0, %1" : "+r"(taken), "+m"(shared.lock) : : "memory");
        if (!taken)
            break;
        __asm__ volatile("pause");
    }
    shared.guarded = shared.guarded + 1;
    __asm__ volatile("" : : : "memory");
    shared.lock = 0;
}

// Over the border between two lines of the cache, too.
static void use_locks(volatile struct cpu *cpu) {
    volatile uint32_t *split = (volatile uint32_t *)((((uintptr_t)shared.split + 63) & ~63ull) - 2);
    for (unsigned i = 0; i < LOCK_ROUNDS; i++) {
        uint64_t two = 2;
        __asm__ volatile("lock incq %0" : "+m"(shared.incremented));
        __asm__ volatile("lock xadd %0, %1" : "+r"(two), "+m"(shared.added));
        __asm__ volatile("lock addl $3, %0" : "+m"(*split));
        exchange();
        exchange_pair();
        increment_guarded();
    }
}

static bool check_locked(void) {
    const uint64_t all = LOCK_ROUNDS * CPUS;
    volatile uint32_t *split = (volatile uint32_t *)((((uintptr_t)shared.split + 63) & ~63ull) - 2);
    bool good = smp_everywhere(use_locks, 0);
    return good && shared.incremented == all && shared.added == 2 * all && *split == 3 * all &&
           shared.exchanged == all && shared.pair[0] == all && shared.pair[1] == 0 - all && shared.guarded == all;
}

// ---- Order (SDM 3A 8.2.2): stores are seen in their order, loads done in theirs; MFENCE keeps a load behind a store

static volatile uint64_t first __attribute__((aligned(64))), second __attribute__((aligned(64)));
static volatile uint64_t wants[2] __attribute__((aligned(64))), turn __attribute__((aligned(64))), inside;

static void write_both(volatile struct cpu *cpu) {
    for (uint64_t i = 1; i <= ORDER_ROUNDS; i++) {
        first = i;
        second = i;
    }
}

static void read_both(volatile struct cpu *cpu) {
    uint64_t b, a;
    do {
        b = second;
        a = first;
        cpu->result += a < b;
    } while (b < ORDER_ROUNDS);
}

// Peterson's algorithm.
static void exclude(volatile struct cpu *cpu) {
    uint64_t me = cpu->argument;
    for (unsigned i = 0; i < LOCK_ROUNDS; i++) {
        wants[me] = 1;
        turn = !me;
        __asm__ volatile("mfence" : : : "memory");
        while (wants[!me] && turn != me)
            __asm__ volatile("pause");
        inside = inside + 1;
        wants[me] = 0;
    }
}

static bool check_order(void) {
    first = second = inside = 0;
    smp_give(1, read_both, 0);
    smp_give(2, read_both, 0);
    smp_give(3, write_both, 0);
    bool good = smp_done(1) && smp_done(2) && smp_done(3) && !smp_cpus[1].result && !smp_cpus[2].result;
    smp_give(1, exclude, 0);
    smp_give(2, exclude, 1);
    return good && smp_done(1) && smp_done(2) && inside == 2 * LOCK_ROUNDS;
}

// ---- Code that another CPU changes (SDM 3A 8.1.3): it executes a serializing instruction before, here IRET

static uint8_t code[8] __attribute__((aligned(16))) = {0xb8, 0, 0, 0, 0, 0xc3}; // MOV EAX, n; RET

static void call_code(volatile struct cpu *cpu) {
    uint64_t count = cpu->counts[VECTOR_PING];
    cpu->result = 1;
    for (uint32_t i = 1; i <= CODE_ROUNDS; i++) {
        uint32_t got;
        (void)smp_await(cpu, VECTOR_PING, ++count);
        __asm__ volatile("call *%1" : "=a"(got) : "r"(code) : "memory");
        cpu->result += got == i;
        smp_send(0, VECTOR_PING);
    }
}

static bool check_cross_modifying(void) {
    uint64_t count = smp_cpus[0].counts[VECTOR_PING];
    smp_give(1, call_code, 0);
    if (!COMES(smp_cpus[1].result))
        return false;
    smp_guard();
    for (uint32_t i = 1; i <= CODE_ROUNDS; i++) {
        *(volatile uint32_t *)(uintptr_t)(code + 1) = i;
        smp_send(1, VECTOR_PING);
        if (!smp_await(&smp_cpus[0], VECTOR_PING, ++count))
            return false;
    }
    return smp_done(1) && smp_cpus[1].result == CODE_ROUNDS + 1;
}

// ---- Translations (SDM 3A 4.10.5)

static volatile uint64_t valid_from; // what is seen at VIEW is this or newer

static void read_view(volatile struct cpu *cpu) {
    __asm__ volatile("sti");
    uint64_t oldest, seen;
    do {
        oldest = valid_from;
        seen = *(volatile uint64_t *)VIEW;
        cpu->result += seen < oldest;
    } while (seen <= FLIP_ROUNDS);
    __asm__ volatile("cli");
}

// The page that is not shown gets the next number, then is shown, and all CPUs forget the other one.
static bool flip(uint64_t number) {
    uint64_t page = number % 2 ? PAGE_A : PAGE_B, before[CPUS];
    bool good = true;
    for (unsigned i = 1; i < CPUS; i++)
        before[i] = smp_cpus[i].counts[VECTOR_SHOOTDOWN];
    *(volatile uint64_t *)page = number;
    *(volatile uint64_t *)(PAGE_DIRECTORIES + (VIEW >> 21) * 8) = page | 0x83;
    __asm__ volatile("invlpg (%0)" : : "r"(VIEW) : "memory");
    smp_send(0, ICR_ALL_BUT_SELF | VECTOR_SHOOTDOWN);
    for (unsigned i = 1; i < CPUS; i++)
        good &= COMES(smp_cpus[i].counts[VECTOR_SHOOTDOWN] > before[i]);
    valid_from = number;
    return good;
}

static bool check_shootdown(void) {
    bool good = true;
    *(volatile uint64_t *)VIEW = 0;
    for (unsigned i = 1; i < CPUS; i++)
        smp_give(i, read_view, 0);
    for (uint64_t number = 1; number <= FLIP_ROUNDS + 1; number++)
        good &= flip(number);
    for (unsigned i = 1; i < CPUS; i++)
        good &= smp_done(i) && !smp_cpus[i].result;
    return good;
}

const struct check smp_memory_checks[] = {
    {"locked", check_locked},
    {"memory-order", check_order},
    {"cross-modifying-code", check_cross_modifying},
    {"shootdown", check_shootdown},
    {0},
};
