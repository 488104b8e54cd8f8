// Interprocessor interrupts: destinations, delivery modes, and HLT that each of them has to end (SDM 3A 10.6, 10.8).
#include "tests/guests/conform_smp.h"

#define DFR_FLAT        0xffffffffu
#define DFR_CLUSTER     0x0fffffffu
#define NOBODY          9u // an APIC ID that there is not
#define LAPIC_IRR       0x200u
#define VECTOR_REPLY    0x81u // and the CPU's number
#define PING_ROUNDS     600u
#define SWEEP_ROUNDS    1000u
#define PENDING_ROUNDS  20u
#define LINGER_TURNS    200000u
#define TIMER_ROUNDS    300u
#define DIVIDE_1        0xbu
#define X2APIC_ALL      0xffffffffu
#define MSR_SELF_IPI    0x83fu
#define FIRST_INTERRUPT 32u
#define SPURIOUS        0xffu // guest.c

static bool goes(unsigned from, uint32_t destination, uint32_t icr, unsigned wanted) {
    unsigned got = smp_receivers(from, destination, icr);
    if (got != wanted)
        print("  from %u to %x, ICR %x: got %x, not %x\n", from, destination, icr, got, wanted);
    return got == wanted;
}

static bool check_physical(void) {
    bool good = goes(0, NOBODY, 0, 0) && goes(1, NOBODY, 0, 0);
    for (unsigned from = 0; from < CPUS; from++)
        for (unsigned to = 0; to < CPUS; to++)
            good &= goes(from, to, 0, 1u << to);
    return good;
}

static bool check_broadcast(void) {
    bool good = true;
    for (unsigned from = 0; from < CPUS; from++)
        good &= goes(from, guest_x2apic ? X2APIC_ALL : BROADCAST, 0, ALL) && goes(from, 0, ICR_SELF, 1u << from) &&
                goes(from, 0, ICR_ALL, ALL) && goes(from, 0, ICR_ALL_BUT_SELF, ALL & ~(1u << from));
    return good;
}

// ---- Logical destinations

static void set_logical(volatile struct cpu *cpu) {
    lapic_set(LAPIC_DFR, (uint32_t)(cpu->argument >> 32));
    lapic_set(LAPIC_LDR, (uint32_t)cpu->argument);
}

static bool set_model(uint32_t model, const uint8_t *ids) {
    bool good = true;
    for (unsigned i = 1; i < CPUS; i++) {
        smp_give(i, set_logical, (uint64_t)model << 32 | (uint32_t)ids[i] << 24);
        good &= smp_done(i);
    }
    lapic_set(LAPIC_DFR, model);
    lapic_set(LAPIC_LDR, (uint32_t)ids[0] << 24);
    return good;
}

static const uint8_t flat_ids[CPUS] = {1, 2, 4, 8};

static bool check_flat(void) {
    bool good = set_model(DFR_FLAT, flat_ids) && goes(0, BROADCAST, ICR_LOGICAL, ALL) && goes(2, 0x15, ICR_LOGICAL, 5);
    for (unsigned mask = 0; mask <= ALL; mask++)
        good &= goes(0, mask, ICR_LOGICAL, mask);
    return good;
}

// Cluster in the upper half of the logical ID, one bit of four in the lower.
static const uint8_t cluster_ids[CPUS] = {0x01, 0x02, 0x11, 0x12};

static bool check_cluster(void) {
    static const uint8_t each[][2] = {{0x01, 1}, {0x02, 2},  {0x03, 3}, {0x11, 4},
                                      {0x12, 8}, {0x13, 12}, {0x21, 0}, {0x14, 0}};
    bool good = set_model(DFR_CLUSTER, cluster_ids);
    for (unsigned i = 0; i < sizeof(each) / sizeof(each[0]); i++)
        good &= goes(0, each[i][0], ICR_LOGICAL, each[i][1]) && goes(3, each[i][0], ICR_LOGICAL, each[i][1]);
    return set_model(DFR_FLAT, flat_ids) && good;
}

static bool check_cluster_broadcast(void) {
    bool good = set_model(DFR_CLUSTER, cluster_ids) && goes(0, BROADCAST, ICR_LOGICAL, ALL);
    return set_model(DFR_FLAT, flat_ids) && good;
}

// One of those that are meant; which one is the processor's affair.
static bool check_lowest(void) {
    bool good = set_model(DFR_FLAT, flat_ids);
    for (unsigned mask = 1; mask <= ALL; mask++) {
        unsigned got = smp_receivers(0, mask, ICR_LOGICAL | ICR_LOWEST);
        good &= got && !(got & ~mask) && !(got & (got - 1));
    }
    return good;
}

// ---- Holding up

static void stay_until_told(volatile struct cpu *cpu) {
    uint64_t now;
    do
        __asm__ volatile("pause; mov %1, %0" : "=r"(now) : "m"(cpu->argument) : "memory");
    while (now != 2);
}

static void hold_by_priority(volatile struct cpu *cpu) {
    uint64_t before = cpu->counts[VECTOR_PROBE];
    __asm__ volatile("mov %0, %%cr8; sti" : : "r"(15ull) : "memory");
    cpu->result = 1;
    stay_until_told(cpu);
    bool held = cpu->counts[VECTOR_PROBE] == before && lapic_get(LAPIC_IRR + VECTOR_PROBE / 32 * 16) & 2;
    __asm__ volatile("mov %0, %%cr8; nop; nop; cli" : : "r"(0ull) : "memory");
    cpu->result = held && cpu->counts[VECTOR_PROBE] == before + 1 ? 2 : 3;
}

// TPR holds an IPI up, as IRR shows, until it is lowered.
static bool check_priority(void) {
    smp_give(1, hold_by_priority, 0);
    bool good = COMES(smp_cpus[1].result);
    smp_send(1, VECTOR_PROBE);
    smp_cpus[1].argument = 2;
    return good && smp_done(1) && smp_cpus[1].result == 2;
}

static void hold_by_flag(volatile struct cpu *cpu) {
    uint64_t probes = cpu->counts[VECTOR_PROBE], marks = cpu->counts[VECTOR_MARK];
    cpu->result = 1;
    while (cpu->argument != 2) // CLI again, as what has interrupts off calls what takes them off: Bochs then forgets
        __asm__ volatile("pause; cli" : : : "memory");
    bool held = cpu->counts[VECTOR_PROBE] == probes && cpu->counts[VECTOR_MARK] == marks;
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    cpu->result = held && cpu->counts[VECTOR_MARK] == marks + 1 ? 2 + cpu->counts[VECTOR_PROBE] - probes : 0;
}

// How many come of two of a vector that are sent while interrupts are off; 0 also if anything else is wrong.
static uint64_t come_of_two(uint64_t delay) {
    smp_give(1, hold_by_flag, 0);
    bool good = COMES(smp_cpus[1].result);
    smp_send(1, VECTOR_PROBE);
    smp_send(1, VECTOR_MARK);
    smp_send(1, VECTOR_PROBE);
    smp_delay(delay);
    smp_cpus[1].argument = 2;
    return good && smp_done(1) && smp_cpus[1].result > 2 ? smp_cpus[1].result - 2 : 0;
}

// While interrupts are off, IRR has a bit for each vector: two of the same are one, once the target's APIC has them.
static bool check_pending(void) {
    return come_of_two(smp_ticks_10ms()) == 1;
}

// At once: the second may reach the target when the first is in service. One comes in any case, and never three.
static bool check_pending_at_once(void) {
    bool good = true;
    for (unsigned i = 0; i < PENDING_ROUNDS; i++) {
        uint64_t before = smp_cpus[1].counts[VECTOR_PROBE];
        good &= come_of_two(0) > 0;
        smp_delay(smp_ticks_10ms()); // one that is late comes before the next round
        uint64_t came = smp_cpus[1].counts[VECTOR_PROBE] - before;
        good &= came == 1 || came == 2;
    }
    return good;
}

// All but the spurious vector, which only a handler that sends no EOI may have (SDM 3A 10.9).
static bool check_vectors(void) {
    uint64_t before[256];
    bool good = true;
    for (unsigned v = FIRST_INTERRUPT; v < SPURIOUS; v++)
        before[v] = smp_cpus[3].counts[v];
    for (unsigned v = FIRST_INTERRUPT; v < SPURIOUS; v++)
        smp_send(3, v);
    for (unsigned v = FIRST_INTERRUPT; v < SPURIOUS; v++)
        good = good && COMES(smp_cpus[3].counts[v] == before[v] + 1);
    return good;
}

// ---- NMI

static void spin_for_nmi(volatile struct cpu *cpu) {
    uint64_t before = cpu->counts[NMI];
    cpu->result = 1;
    while (cpu->counts[NMI] == before)
        __asm__ volatile("pause");
}

static void halt_for_nmi(volatile struct cpu *cpu) {
    cpu->result = 1;
    __asm__ volatile("hlt");
}

// Interrupts are off: a CPU that spins, and one that halts; one by its ID, and all others at once.
static bool check_nmi(void) {
    uint64_t before[CPUS];
    bool good = true;
    for (unsigned i = 0; i < CPUS; i++)
        before[i] = smp_cpus[i].counts[NMI];
    smp_give(1, spin_for_nmi, 0);
    smp_give(2, halt_for_nmi, 0);
    good &= COMES(smp_cpus[1].result) && COMES(smp_cpus[2].result);
    smp_delay(smp_ticks_10ms());
    smp_send(1, ICR_NMI);
    smp_send(2, ICR_NMI);
    good &= smp_done(1) && smp_done(2) && smp_cpus[3].counts[NMI] == before[3];
    smp_give(1, spin_for_nmi, 0);
    smp_give(2, spin_for_nmi, 0);
    smp_give(3, halt_for_nmi, 0);
    good &= COMES(smp_cpus[1].result) && COMES(smp_cpus[2].result) && COMES(smp_cpus[3].result);
    smp_delay(smp_ticks_10ms());
    smp_send(0, ICR_ALL_BUT_SELF | ICR_NMI);
    for (unsigned i = 1; i < CPUS; i++)
        good &= smp_done(i) && smp_cpus[i].counts[NMI] == before[i] + (i == 3 ? 1 : 2);
    return good && smp_cpus[0].counts[NMI] == before[0];
}

// ---- HLT and what has to end it

static void pause_times(unsigned times) {
    for (unsigned i = 0; i < times; i++)
        __asm__ volatile("pause");
}

// A game of two: the number of rounds and up to how much longer each pauses before it sends, so that interrupts come
// at every distance from HLT.
struct game {
    uint32_t rounds, sweep, partner;
};

static struct game game_of(uint64_t argument) {
    return (struct game){(uint32_t)argument & 0xffff, (uint32_t)(argument >> 16) & 0xffff, (uint32_t)(argument >> 32)};
}

static uint64_t game_argument(struct game game) {
    return game.rounds | (uint64_t)game.sweep << 16 | (uint64_t)game.partner << 32;
}

static void answer(volatile struct cpu *cpu) {
    struct game game = game_of(cpu->argument);
    uint64_t count = cpu->counts[VECTOR_PING];
    cpu->result = 1;
    for (uint32_t i = 0; i < game.rounds && smp_await(cpu, VECTOR_PING, ++count); i++) {
        pause_times(i % (game.sweep + 1));
        smp_send(game.partner, VECTOR_PING);
    }
}

// Every interrupt is waited for in HLT, so that one that is lost ends the game.
static void serve(volatile struct cpu *cpu) {
    struct game game = game_of(cpu->argument);
    uint64_t count = cpu->counts[VECTOR_PING];
    cpu->result = 1;
    for (uint32_t i = 0; i < game.rounds; i++) {
        pause_times(i * 7 % (game.sweep + 1));
        smp_send(game.partner, VECTOR_PING);
        if (!smp_await(cpu, VECTOR_PING, ++count))
            return;
    }
    cpu->result = 2;
}

static bool plays(uint32_t with, uint32_t rounds, uint32_t sweep) {
    smp_give(with, answer, game_argument((struct game){rounds, sweep, 0}));
    smp_cpus[0].argument = game_argument((struct game){rounds, sweep, with});
    if (!COMES(smp_cpus[with].result))
        return false;
    smp_guard();
    serve(&smp_cpus[0]);
    return smp_cpus[0].result == 2 && smp_done(with);
}

static bool check_ping_pong(void) {
    return plays(1, smp_scaled(PING_ROUNDS), 0) && plays(2, smp_scaled(PING_ROUNDS), 0) &&
           plays(3, smp_scaled(PING_ROUNDS), 0);
}

// Two games at a time.
static bool check_wake_races(void) {
    smp_give(2, answer, game_argument((struct game){smp_scaled(SWEEP_ROUNDS), 97, 3}));
    if (!COMES(smp_cpus[2].result))
        return false;
    smp_give(3, serve, game_argument((struct game){smp_scaled(SWEEP_ROUNDS), 89, 2}));
    return plays(1, smp_scaled(SWEEP_ROUNDS), 101) && smp_done(2) && smp_done(3) && smp_cpus[3].result == 2;
}

static void pass_on(volatile struct cpu *cpu) {
    uint64_t count = cpu->counts[VECTOR_PING];
    cpu->result = 1;
    for (uint32_t i = 0; i < cpu->argument && smp_await(cpu, VECTOR_PING, ++count); i++)
        smp_send((uint32_t)(cpu->id + 1) % CPUS, VECTOR_PING);
}

// One interrupt goes round: three CPUs of four are in HLT.
static bool check_ring(void) {
    for (unsigned i = 1; i < CPUS; i++) {
        smp_give(i, pass_on, smp_scaled(PING_ROUNDS));
        if (!COMES(smp_cpus[i].result))
            return false;
    }
    smp_cpus[0].argument = game_argument((struct game){smp_scaled(PING_ROUNDS), 0, 1});
    smp_guard();
    serve(&smp_cpus[0]);
    return smp_cpus[0].result == 2 && smp_done(3);
}

static void reply(volatile struct cpu *cpu) {
    uint64_t count = cpu->counts[VECTOR_PING];
    cpu->result = 1;
    for (uint32_t i = 0; i < cpu->argument && smp_await(cpu, VECTOR_PING, ++count); i++)
        smp_send(0, VECTOR_REPLY + (uint32_t)cpu->id);
}

// All others at once, and from all of them back.
static bool check_all_to_one(void) {
    uint64_t before[CPUS];
    for (unsigned i = 1; i < CPUS; i++) {
        smp_give(i, reply, smp_scaled(PING_ROUNDS));
        before[i] = smp_cpus[0].counts[VECTOR_REPLY + i];
        if (!COMES(smp_cpus[i].result))
            return false;
    }
    smp_guard();
    for (uint32_t round = 1; round <= smp_scaled(PING_ROUNDS); round++) {
        smp_send(0, ICR_ALL_BUT_SELF | VECTOR_PING);
        for (unsigned i = 1; i < CPUS; i++)
            if (!smp_await(&smp_cpus[0], VECTOR_REPLY + i, before[i] + round))
                return false;
    }
    return smp_done(1) && smp_done(2) && smp_done(3);
}

static void sleep_by_timer(volatile struct cpu *cpu) {
    uint64_t count = cpu->counts[VECTOR_TIMER];
    lapic_set(LAPIC_DIV, DIVIDE_1);
    lapic_set(LAPIC_LVT, VECTOR_TIMER);
    for (uint32_t i = 0; i < TIMER_ROUNDS; i++) {
        lapic_set(LAPIC_COUNT, 1 + i * (13 + (uint32_t)cpu->id));
        (void)smp_await(cpu, VECTOR_TIMER, ++count);
    }
    cpu->result = cpu->counts[VECTOR_TIMER] == count;
    lapic_set(LAPIC_LVT, LVT_MASKED | VECTOR_TIMER);
    smp_send(0, VECTOR_REPLY);
}

// Timers that expire before, at and after HLT, on three CPUs at once; the first one waits in HLT, too.
static bool check_wake_timers(void) {
    uint64_t before = smp_cpus[0].counts[VECTOR_REPLY];
    bool good = true;
    for (unsigned i = 1; i < CPUS; i++)
        smp_give(i, sleep_by_timer, 0);
    smp_guard();
    (void)smp_await(&smp_cpus[0], VECTOR_REPLY, before + 1);
    for (unsigned i = 1; i < CPUS; i++)
        good &= smp_done(i) && smp_cpus[i].result;
    return good;
}

static void hold_and_linger(volatile struct cpu *cpu) {
    uint64_t marks = cpu->counts[VECTOR_MARK];
    cpu->result = 1;
    stay_until_told(cpu);
    cpu->linger = LINGER_TURNS;
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    cpu->result = !cpu->linger && cpu->lingered == marks && cpu->counts[VECTOR_MARK] == marks + 1 ? 2 : 3;
}

// Of two that wait the second comes when the first's handler has returned, and not when it has sent its EOI; whatever
// another CPU's timers do to the processor in between.
static bool check_pending_behind(void) {
    bool good = true;
    for (unsigned i = 0; good && i < PENDING_ROUNDS; i++) {
        smp_give(1, hold_and_linger, 0);
        good = COMES(smp_cpus[1].result);
        smp_send(1, VECTOR_PROBE);
        smp_send(1, VECTOR_MARK);
        smp_give(2, sleep_by_timer, 0);
        smp_cpus[1].argument = 2;
        good = smp_done(2) && smp_done(1) && smp_cpus[1].result == 2 && good;
    }
    return good;
}

const struct check smp_ipi_checks[] = {
    {"ipi-physical", check_physical},
    {"ipi-broadcast", check_broadcast},
    {"ipi-flat", check_flat},
    {"ipi-cluster", check_cluster},
    {"ipi-cluster-broadcast", check_cluster_broadcast},
    {"ipi-lowest", check_lowest},
    {"ipi-priority", check_priority},
    {"ipi-pending", check_pending},
    {"ipi-pending-behind", check_pending_behind},
    {"ipi-pending-at-once", check_pending_at_once},
    {"ipi-vectors", check_vectors},
    {"ipi-nmi", check_nmi},
    {"ping-pong", check_ping_pong},
    {"wake-races", check_wake_races},
    {"ring", check_ring},
    {"all-to-one", check_all_to_one},
    {"wake-timers", check_wake_timers},
    {0},
};

// ---- x2APIC (SDM 3A 10.12)

static void read_ids(volatile struct cpu *cpu) {
    cpu->result = (uint64_t)lapic_get(LAPIC_LDR) << 32 | lapic_get(LAPIC_ID);
}

// IDs are of 32 bits, and the logical one follows from the other.
static bool check_x2apic_ids(void) {
    bool good = smp_everywhere(read_ids, 0);
    for (unsigned i = 0; i < CPUS; i++)
        good &= smp_cpus[i].result == ((uint64_t)1 << (i + 32) | i);
    return good;
}

static bool check_x2apic_logical(void) {
    bool good = goes(0, 1u << 16 | 1, ICR_LOGICAL, 0);
    for (unsigned mask = 0; mask <= ALL; mask++)
        good &= goes(mask % CPUS, mask, ICR_LOGICAL, mask);
    return good;
}

static bool check_x2apic_self(void) {
    uint64_t before = smp_cpus[0].counts[VECTOR_PROBE];
    wrmsr(MSR_SELF_IPI, VECTOR_PROBE);
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    return smp_cpus[0].counts[VECTOR_PROBE] == before + 1;
}

// INIT leaves the APIC in its mode.
static bool check_x2apic_start(void) {
    smp_start_page(0x40);
    if (!smp_start_one(1, 0x40) || smp_cpus[1].id != 1)
        return false;
    smp_give(1, read_ids, 0);
    return smp_done(1) && smp_cpus[1].result == (1ull << 33 | 1);
}

const struct check smp_x2apic_checks[] = {
    {"x2apic-ids", check_x2apic_ids},
    {"x2apic-physical", check_physical},
    {"x2apic-broadcast", check_broadcast},
    {"x2apic-logical", check_x2apic_logical},
    {"x2apic-self", check_x2apic_self},
    {"x2apic-nmi", check_nmi},
    {"x2apic-ping-pong", check_ping_pong},
    {"x2apic-start", check_x2apic_start}, // last: where INIT leaves the mode, the CPU is lost
    {0},
};
