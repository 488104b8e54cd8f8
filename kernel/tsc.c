// Comparison of the CPUs' TSCs when they start: the leader asks, the follower answers with what its TSC shows. Equal
// TSCs show something between the moments of question and answer.
#include "kernel/tsc.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/log.h"

#define ROUNDS   16u
#define ATTEMPTS 3u

#define INVARIANT_TSC (1u << 8) // CPUID 80000007h EDX (APM 3 E.4.6)

enum verdict { UNDECIDED, MEASURE, SET, GO_ON, STOP };

// The follower writes `answer`, then takes `verdict` back; the leader writes all else, `verdict` last.
static struct {
    uint64_t answer;
    int64_t change;
    uint32_t verdict; // atomic, enum verdict
} talk;

static uint64_t worst; // ticks by which a CPU's TSC may differ and it has not been seen
static uint32_t set;   // CPUs whose TSC was set

static void say(enum verdict verdict) {
    __atomic_store_n(&talk.verdict, verdict, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&talk.verdict, __ATOMIC_SEQ_CST) != UNDECIDED)
        cpu_relax();
}

// How much the follower is ahead, as far as the exchange shows: 0, or more than the uncertainty in *doubt.
static int64_t measure(uint64_t *doubt) {
    int64_t ahead = 0;
    *doubt = UINT64_MAX;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t before = rdtsc();
        say(MEASURE);
        uint64_t after = rdtsc(), between = (after - before) / 2;
        if (between >= *doubt)
            continue;
        *doubt = between;
        ahead = (int64_t)(talk.answer - before - between);
    }
    return ahead > (int64_t)*doubt || ahead < -(int64_t)*doubt ? ahead : 0;
}

bool tsc_lead(uint32_t apic_id) {
    uint64_t doubt;
    int64_t ahead = measure(&doubt);
    for (unsigned i = 0; ahead && i < ATTEMPTS; i++) {
        log_print("TSC of the CPU with APIC id %u is %lld ticks ahead; set", apic_id, (long long)ahead);
        talk.change = -ahead;
        say(SET);
        ahead = measure(&doubt);
        set += !ahead;
    }
    worst = doubt > worst ? doubt : worst;
    say(ahead ? STOP : GO_ON);
    return !ahead;
}

void tsc_follow(void) {
    for (;;) {
        enum verdict verdict = (enum verdict)__atomic_load_n(&talk.verdict, __ATOMIC_SEQ_CST);
        if (verdict == MEASURE)
            talk.answer = rdtsc();
        else if (verdict == SET)
            wrmsr(MSR_TSC, rdtsc() + (uint64_t)talk.change);
        if (verdict != UNDECIDED)
            __atomic_store_n(&talk.verdict, UNDECIDED, __ATOMIC_SEQ_CST);
        if (verdict == GO_ON)
            return;
        if (verdict == STOP)
            for (;;)
                __asm__ volatile("cli; hlt");
        cpu_relax();
    }
}

void tsc_report(void) {
    bool invariant = cpuid(0x80000000, 0).eax >= 0x80000007 && (cpuid(0x80000007, 0).edx & INVARIANT_TSC);
    log_print("TSC %s", invariant ? "invariant" : "not said to be invariant: clocks may change pace with the CPU's");
    if (cpu_count > 1)
        log_print("TSCs of the CPUs differ by %llu ticks at most%s", (unsigned long long)worst, set ? ", as set" : "");
}
