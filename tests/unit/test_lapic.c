// The local APIC: posting, EOI, IPIs and destinations, timers, modes and MSRs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/vmm/lapic.h"

#define CPUS 4u

static uint32_t pages[CPUS][LAPIC_PAGE_WORDS];
static _Atomic uint64_t pirs[CPUS][4];
static struct lapic lapics[CPUS];
static struct lapic *const all[CPUS] = {&lapics[0], &lapics[1], &lapics[2], &lapics[3]};
static struct lapic *const lapic = &lapics[0];
static uint64_t now;
static struct {
    unsigned kicks, eois, ipis, nmis, from, changes;
    uint8_t eoi_vector;
    uint64_t icr;
} seen;

static uint64_t now_ns(void *machine) {
    (void)machine;
    return now;
}

static uint64_t tsc_ns(void *machine, unsigned vcpu, uint64_t tsc) { // 2 GHz
    (void)machine;
    (void)vcpu;
    return tsc / 2 + tsc % 2;
}

static void ignore(void *machine, unsigned vcpu) {
    (void)machine;
    (void)vcpu;
}

static void kick(void *machine, unsigned vcpu) {
    (void)machine;
    (void)vcpu;
    seen.kicks++;
}

static void eoi(void *machine, uint8_t vector) {
    (void)machine;
    seen.eois++;
    seen.eoi_vector = vector;
}

static void ipi(void *machine, unsigned from, uint64_t icr) {
    (void)machine;
    seen.ipis++;
    seen.from = from;
    seen.icr = icr;
}

static void nmi(void *machine, unsigned vcpu) {
    (void)machine;
    (void)vcpu;
    seen.nmis++;
}

static void changed(void *machine, unsigned vcpu) {
    (void)machine;
    (void)vcpu;
    seen.changes++;
}

static const struct lapic_host host = {NULL, now_ns, tsc_ns, ignore, kick, eoi, ipi, nmi, ignore, changed};

static uint32_t get(unsigned at) {
    return (uint32_t)lapic_memory_read(lapic, at, 4);
}

static void put(unsigned at, uint32_t value) {
    lapic_memory_write(lapic, at, 4, value);
}

static int setup(void **state) {
    (void)state;
    now = 1000;
    for (unsigned i = 0; i < CPUS; i++) {
        lapic_init(&lapics[i], &host, i, pages[i], pirs[i]);
        lapic_memory_write(&lapics[i], LAPIC_SVR, 4, 0x1ff);
    }
    seen.kicks = seen.eois = seen.ipis = seen.nmis = seen.changes = 0;
    return 0;
}

static bool posted(unsigned cpu, unsigned vector) {
    return pirs[cpu][vector / 64] >> (vector % 64) & 1;
}

// What the core does at entry and injection.
static void inject(unsigned vector) {
    pirs[0][vector / 64] &= ~(1ull << (vector % 64));
    pages[0][(LAPIC_ISR + vector / 32 * 16) / 4] |= 1u << (vector % 32);
}

static void enter_x2apic(unsigned cpu) {
    assert_true(lapic_msr_write(&lapics[cpu], MSR_APIC_BASE, LAPIC_BASE | 0xc00));
}

static void test_reset_state(void **state) {
    (void)state;
    lapic_reset(lapic);
    assert_int_equal(get(LAPIC_ID), 0);
    assert_int_equal(lapic_memory_read(all[3], LAPIC_ID, 4), 3u << 24);
    assert_int_equal(get(LAPIC_VERSION), 0x50014);
    assert_int_equal(get(LAPIC_SVR), 0xff);
    assert_int_equal(get(LAPIC_DFR), 0xffffffff);
    for (unsigned at = LAPIC_LVT_TIMER; at <= LAPIC_LVT_ERROR; at += 16)
        assert_int_equal(get(at), 0x10000);
    uint64_t base;
    assert_true(lapic_msr_read(lapic, MSR_APIC_BASE, &base) && base == 0xfee00900);
    assert_true(lapic_msr_read(all[1], MSR_APIC_BASE, &base) && base == 0xfee00800);
    put(LAPIC_LVT_LINT0, 0x700); // disabled by software: stays masked
    assert_int_equal(get(LAPIC_LVT_LINT0), 0x10700);
    put(LAPIC_TPR, 0x1ff);
    assert_int_equal(get(LAPIC_TPR), 0xff);
    put(LAPIC_LDR, 0x12345678);
    assert_int_equal(get(LAPIC_LDR), 0x12000000);
    put(LAPIC_ID, 0x55000000);
    assert_int_equal(get(LAPIC_ID), 0);
}

static void test_posting(void **state) {
    (void)state;
    for (unsigned vector = 16; vector < 256; vector++) {
        lapic_post(lapic, (uint8_t)vector, vector % 3 == 0);
        assert_true(posted(0, vector));
        assert_int_equal(pages[0][(LAPIC_TMR + vector / 32 * 16) / 4] >> (vector % 32) & 1, vector % 3 == 0);
        assert_int_equal(get(LAPIC_IRR + vector / 32 * 16) >> (vector % 32) & 1, 1);
    }
    assert_int_equal(seen.kicks, 240);
    lapic_memory_write(all[1], LAPIC_SVR, 4, 0xff);
    lapic_post(all[1], 0x40, false);
    assert_int_equal(seen.kicks, 240);
}

static void test_eoi(void **state) {
    (void)state;
    lapic_post(lapic, 0x31, false);
    lapic_post(lapic, 0x82, true);
    inject(0x31);
    inject(0x82);
    assert_int_equal(get(LAPIC_PPR), 0x80);
    put(LAPIC_EOI, 0);
    assert_int_equal(seen.eois, 1);
    assert_int_equal(seen.eoi_vector, 0x82);
    assert_int_equal(get(LAPIC_PPR), 0x30);
    put(LAPIC_TPR, 0x35);
    assert_int_equal(get(LAPIC_PPR), 0x35);
    put(LAPIC_EOI, 0);
    put(LAPIC_EOI, 0);
    assert_int_equal(seen.eois, 1);
    assert_int_equal(get(LAPIC_ISR + 0x10), 0);
    lapic_post(lapic, 0x82, false); // now an edge
    inject(0x82);
    put(LAPIC_EOI, 0);
    assert_int_equal(seen.eois, 1);
}

static void test_errors(void **state) {
    (void)state;
    put(LAPIC_LVT_ERROR, 0xfe);
    lapic_post(lapic, 5, false);
    assert_true(posted(0, 0xfe));
    assert_int_equal(get(LAPIC_ESR), 0);
    put(LAPIC_ESR, 0);
    assert_int_equal(get(LAPIC_ESR), 0x40);
    put(LAPIC_ICR, 0x0f);
    assert_int_equal(seen.ipis, 0);
    put(0x3c0, 1);
    put(LAPIC_ESR, 0);
    assert_int_equal(get(LAPIC_ESR), 0xa0);
    put(LAPIC_LVT_ERROR, 0x03); // an illegal vector of its own does not recurse
    lapic_post(lapic, 5, false);
    put(LAPIC_ESR, 0);
    assert_int_equal(get(LAPIC_ESR), 0x40);
}

static void test_ipi(void **state) {
    (void)state;
    put(LAPIC_ICR_HIGH, 0x02000000);
    put(LAPIC_ICR, 0x4031);
    assert_int_equal(seen.ipis, 1);
    assert_int_equal(seen.from, 0);
    assert_true(seen.icr == 0x200004031);
    assert_int_equal(get(LAPIC_ICR), 0x4031);
    assert_int_equal(lapic_ipi_targets(all, CPUS, 0, seen.icr), 1 << 2);
    put(LAPIC_ICR_HIGH, 0xff000000);
    put(LAPIC_ICR, 0x4031);
    assert_int_equal(lapic_ipi_targets(all, CPUS, 0, seen.icr), 15);
    assert_int_equal(lapic_ipi_targets(all, CPUS, 1, 0x44031), 2);
    assert_int_equal(lapic_ipi_targets(all, CPUS, 1, 0x84031), 15);
    assert_int_equal(lapic_ipi_targets(all, CPUS, 1, 0xc4031), 13);
    lapic_memory_write(all[3], LAPIC_SVR, 4, 0xff);
    assert_int_equal(lapic_ipi_targets(all, CPUS, 1, 0xc4031), 5);
    assert_int_equal(lapic_ipi_targets(all, CPUS, 1, 0xc4500), 13); // INIT
    assert_int_equal(lapic_ipi_targets(all, CPUS, 1, 0x900004031), 0);
    assert_int_equal(lapic_ipi_targets(all, CPUS, 1, 0xc4131), 1); // lowest priority
}

static void test_init_deassert_is_nothing(void **state) {
    (void)state;
    put(LAPIC_ICR_HIGH, 0x01000000);
    put(LAPIC_ICR, 0xc500);
    assert_int_equal(seen.ipis, 1);
    put(LAPIC_ICR, 0x8500);
    assert_int_equal(seen.ipis, 1);
    put(LAPIC_ICR, 0x500);
    assert_int_equal(seen.ipis, 2);
}

static void test_destinations(void **state) {
    (void)state;
    struct lapic_address flat = {3, 0x08, false, false}, cluster = {3, 0x24, true, false},
                         x2 = {0x23, 0x20008, false, true};
    assert_true(lapic_destination_match(flat, 3, false));
    assert_false(lapic_destination_match(flat, 2, false));
    assert_true(lapic_destination_match(flat, 0xff, false));
    assert_true(lapic_destination_match(flat, 0x0c, true));
    assert_false(lapic_destination_match(flat, 0xf7, true));
    assert_true(lapic_destination_match(cluster, 0x26, true));
    assert_false(lapic_destination_match(cluster, 0x22, true));
    assert_false(lapic_destination_match(cluster, 0x34, true));
    assert_true(lapic_destination_match(cluster, 0xff, true));
    assert_true(lapic_destination_match(x2, 0x23, false));
    assert_false(lapic_destination_match(x2, 0xff, false));
    assert_true(lapic_destination_match(x2, 0xffffffff, false));
    assert_true(lapic_destination_match(x2, 0x2000c, true));
    assert_false(lapic_destination_match(x2, 0x20004, true));
    assert_false(lapic_destination_match(x2, 0x10008, true));
}

static void test_messages(void **state) {
    (void)state;
    for (unsigned i = 0; i < CPUS; i++)
        lapic_memory_write(all[i], LAPIC_LDR, 4, 1u << (24 + i));
    assert_int_equal(lapic_message_targets(all, CPUS, 0x0a, true, LAPIC_FIXED), 10);
    assert_int_equal(lapic_message_targets(all, CPUS, 0x0a, true, LAPIC_LOWEST), 2);
    assert_int_equal(lapic_message_targets(all, CPUS, 0xff, false, LAPIC_FIXED), 15);
    for (unsigned i = 0; i < CPUS; i++)
        enter_x2apic(i);
    assert_int_equal(lapic_message_targets(all, CPUS, 0xff, false, LAPIC_FIXED), 15);
    assert_int_equal(lapic_message_targets(all, CPUS, 3, false, LAPIC_FIXED), 8);
    assert_int_equal(lapic_message_targets(all, CPUS, 6, true, LAPIC_LOWEST), 2);
    assert_true(lapic_deliver(lapic, LAPIC_NMI, 0, false));
    assert_int_equal(seen.nmis, 1);
    assert_false(lapic_deliver(lapic, LAPIC_INIT, 0, false));
}

static void expire_at_deadline(void) {
    now = lapic_deadline_ns(lapic);
    assert_true(now != DEVICE_NO_DEADLINE);
    lapic_expire(lapic, now);
}

static void test_one_shot_timer(void **state) {
    (void)state;
    put(LAPIC_DIVIDE, 0x0b); // by 1
    put(LAPIC_LVT_TIMER, 0x40);
    put(LAPIC_INITIAL_COUNT, 1000000);
    now += 250000;
    assert_int_equal(get(LAPIC_CURRENT_COUNT), 750000);
    lapic_expire(lapic, now);
    assert_false(posted(0, 0x40));
    expire_at_deadline();
    assert_int_equal(now, 1001000);
    assert_true(posted(0, 0x40));
    assert_int_equal(get(LAPIC_CURRENT_COUNT), 0);
    assert_true(lapic_deadline_ns(lapic) == DEVICE_NO_DEADLINE);
    put(LAPIC_INITIAL_COUNT, 1000);
    put(LAPIC_INITIAL_COUNT, 0);
    assert_true(lapic_deadline_ns(lapic) == DEVICE_NO_DEADLINE);
}

static void test_divide(void **state) {
    (void)state;
    static const uint8_t codes[] = {0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa, 0xb};
    static const uint32_t divisors[] = {2, 4, 8, 16, 32, 64, 128, 1};
    put(LAPIC_LVT_TIMER, 0x40);
    for (unsigned i = 0; i < 8; i++) {
        put(LAPIC_DIVIDE, codes[i]);
        put(LAPIC_INITIAL_COUNT, 0xffffffff);
        assert_true(lapic_deadline_ns(lapic) == now + 0xffffffffull * divisors[i]);
    }
    put(LAPIC_INITIAL_COUNT, 1000);
    now += 400;
    put(LAPIC_DIVIDE, 0x3); // 600 left, each of 16 ns
    assert_true(lapic_deadline_ns(lapic) == now + 9600);
}

static void test_periodic_timer(void **state) {
    (void)state;
    put(LAPIC_DIVIDE, 0x0b);
    put(LAPIC_LVT_TIMER, 0x20041);
    put(LAPIC_INITIAL_COUNT, 1000000);
    for (unsigned i = 1; i <= 1000; i++) {
        expire_at_deadline();
        assert_int_equal(now, 1000 + i * 1000000ull);
    }
    now += 3500000;
    assert_int_equal(get(LAPIC_CURRENT_COUNT), 500000);
    lapic_expire(lapic, now);
    assert_int_equal(lapic_deadline_ns(lapic), 1000 + 1004 * 1000000ull);
    put(LAPIC_INITIAL_COUNT, 1); // would be an interrupt each nanosecond
    expire_at_deadline();
    assert_true(lapic_deadline_ns(lapic) >= now + 10000);
}

static void test_masked_timer(void **state) {
    (void)state;
    put(LAPIC_DIVIDE, 0x0b);
    put(LAPIC_LVT_TIMER, 0x10040);
    put(LAPIC_INITIAL_COUNT, 1000);
    assert_true(lapic_deadline_ns(lapic) == DEVICE_NO_DEADLINE);
    now += 500;
    assert_int_equal(get(LAPIC_CURRENT_COUNT), 500);
    now += 5000;
    put(LAPIC_LVT_TIMER, 0x40); // what passed while masked is gone
    assert_true(lapic_deadline_ns(lapic) == DEVICE_NO_DEADLINE);
    assert_false(posted(0, 0x40));
}

static void test_tsc_deadline(void **state) {
    (void)state;
    uint64_t value;
    assert_true(lapic_msr_write(lapic, MSR_TSC_DEADLINE, 10000)); // not in that mode: ignored
    assert_true(lapic_msr_read(lapic, MSR_TSC_DEADLINE, &value) && value == 0);
    put(LAPIC_LVT_TIMER, 0x40042);
    assert_true(lapic_msr_write(lapic, MSR_TSC_DEADLINE, 10001));
    assert_true(lapic_msr_read(lapic, MSR_TSC_DEADLINE, &value) && value == 10001);
    assert_int_equal(lapic_deadline_ns(lapic), 5001);
    put(LAPIC_INITIAL_COUNT, 5);
    assert_int_equal(get(LAPIC_INITIAL_COUNT), 0);
    expire_at_deadline();
    assert_true(posted(0, 0x42));
    assert_true(lapic_msr_read(lapic, MSR_TSC_DEADLINE, &value) && value == 0);
    assert_true(lapic_msr_write(lapic, MSR_TSC_DEADLINE, 1)); // long past
    assert_true(lapic_deadline_ns(lapic) <= now);
    put(LAPIC_LVT_TIMER, 0x10042);
    lapic_msr_write(lapic, MSR_TSC_DEADLINE, 1);
    put(LAPIC_LVT_TIMER, 0x42);
    assert_true(lapic_deadline_ns(lapic) == DEVICE_NO_DEADLINE);
}

static void test_mode_changes(void **state) {
    (void)state;
    static const struct {
        uint64_t from, to;
        bool legal;
    } moves[] = {{0x800, 0xc00, true},  {0x800, 0x000, true},  {0xc00, 0x800, false}, {0xc00, 0x000, true},
                 {0xc00, 0x400, false}, {0x000, 0x800, true},  {0x000, 0xc00, false}, {0x800, 0x400, false},
                 {0x800, 0x801, false}, {0x800, 0xa00, false}, {0x000, 0x400, false}, {0xc00, 0xc00, true}};
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        lapic_reset(lapic);
        if (moves[i].from != 0x800)
            assert_true(lapic_msr_write(lapic, MSR_APIC_BASE, LAPIC_BASE | moves[i].from));
        assert_int_equal(lapic_msr_write(lapic, MSR_APIC_BASE, LAPIC_BASE | moves[i].to), moves[i].legal);
        uint64_t base, mode = moves[i].legal ? moves[i].to : moves[i].from;
        assert_true(lapic_msr_read(lapic, MSR_APIC_BASE, &base));
        assert_true(base == (LAPIC_BASE | mode | 0x100)); // BSP stays
    }
    assert_false(lapic_msr_write(lapic, MSR_APIC_BASE, 1ull << 60 | 0x800));
}

static void test_x2apic(void **state) {
    (void)state;
    uint64_t value;
    assert_false(lapic_msr_read(all[3], 0x802, &value));
    enter_x2apic(3);
    assert_true(lapic_msr_read(all[3], 0x802, &value) && value == 3);
    assert_true(lapic_msr_read(all[3], 0x80d, &value) && value == 8);
    assert_true(lapic_memory_read(all[3], LAPIC_ID, 4) == UINT64_MAX);
    assert_true(lapic_msr_write(all[3], 0x830, 0x100000000 | 0x4031));
    assert_true(seen.icr == 0x100004031 && seen.from == 3);
    assert_true(lapic_msr_read(all[3], 0x830, &value) && value == 0x100004031);
    assert_true(lapic_msr_write(all[3], 0x83f, 0x55));
    assert_true(posted(3, 0x55));
    assert_true(lapic_msr_write(all[3], 0x80b, 0));
    static const struct {
        uint32_t msr;
        uint64_t value;
    } faults[] = {{0x802, 0},     {0x803, 0},        {0x80d, 1},     {0x80e, 0},        {0x80b, 1},
                  {0x828, 1},     {0x831, 0},        {0x808, 0x100}, {0x839, 0},        {0x810, 0},
                  {0x83f, 0x100}, {0x832, 1u << 20}, {0x8ff, 0},     {0x830, 1u << 12}, {0x80f, 1ull << 32}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        assert_false(lapic_msr_write(all[3], faults[i].msr, faults[i].value));
    static const uint32_t unreadable[] = {0x800, 0x80b, 0x80e, 0x809, 0x831, 0x83f, 0x840, 0x8ff};
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++)
        assert_false(lapic_msr_read(all[3], unreadable[i], &value));
    assert_true(lapic_has_msr(0x8ff) && lapic_has_msr(0x1b) && lapic_has_msr(0x6e0) && !lapic_has_msr(0x900));
}

static void test_init_signal(void **state) {
    (void)state;
    enter_x2apic(3);
    lapic_post(all[3], 0x55, true);
    lapic_init_signal(all[3]);
    uint64_t value;
    assert_false(posted(3, 0x55));
    assert_true(lapic_msr_read(all[3], 0x802, &value) && value == 3);
    assert_true(lapic_msr_read(all[3], 0x80f, &value) && value == 0xff);
    assert_true(lapic_msr_read(all[3], 0x80d, &value) && value == 8);
}

static void test_lint(void **state) {
    (void)state;
    assert_false(lapic_accepts_extint(lapic));
    put(LAPIC_LVT_LINT0, 0x8700);
    assert_true(lapic_accepts_extint(lapic));
    lapic_lint_set(lapic, 0, true);
    assert_int_equal(seen.kicks, 0);
    put(LAPIC_LVT_LINT0, 0x45); // as a fixed interrupt
    lapic_lint_set(lapic, 0, false);
    lapic_lint_set(lapic, 0, true);
    assert_true(posted(0, 0x45));
    put(LAPIC_LVT_LINT1, 0x400);
    lapic_lint_set(lapic, 1, true);
    assert_int_equal(seen.nmis, 1);
    put(LAPIC_LVT_LINT0, 0x700);
    put(LAPIC_SVR, 0xff);
    assert_false(lapic_accepts_extint(lapic));
    assert_true(lapic_msr_write(lapic, MSR_APIC_BASE, LAPIC_BASE)); // off: INTR of the processor
    assert_true(lapic_accepts_extint(lapic));
    assert_true(lapic_msr_write(all[1], MSR_APIC_BASE, LAPIC_BASE));
    assert_false(lapic_accepts_extint(all[1]));
    lapic_reset(lapic);
    lapic_virtual_wire(lapic);
    assert_true(lapic_accepts_extint(lapic));
}

static void test_access_sizes(void **state) {
    (void)state;
    put(LAPIC_TPR, 0x40);
    lapic_memory_write(lapic, LAPIC_TPR + 4, 4, 0x80);
    lapic_memory_write(lapic, LAPIC_TPR, 1, 0x80);
    lapic_memory_write(lapic, 0xffe, 4, 0x80);
    lapic_memory_write(lapic, UINT64_MAX - 3, 4, 0x80);
    assert_int_equal(get(LAPIC_TPR), 0x40);
    assert_int_equal(lapic_memory_read(lapic, LAPIC_VERSION + 2, 1) & 0xff, 5);
    assert_int_equal(lapic_memory_read(lapic, LAPIC_VERSION + 4, 4), 0);
    assert_int_equal(lapic_memory_read(lapic, 0xff0, 4), 0);
}

// The processor has the value in the page already; what the write means depends on what was there before.
static void written(unsigned at, uint32_t value) {
    pages[0][at / 4] = value;
    lapic_written(lapic, at);
}

static void test_writes_of_the_processor(void **state) {
    (void)state;
    written(LAPIC_ID, 0x55000000);
    written(LAPIC_VERSION, 0);
    assert_int_equal(get(LAPIC_ID), 0);
    assert_int_equal(get(LAPIC_VERSION), 0x50014);
    written(LAPIC_DFR, 0);
    assert_int_equal(get(LAPIC_DFR), 0x0fffffff);
    written(LAPIC_LVT_TIMER, 0xfff40041); // TSC deadline, and bits that are none
    assert_int_equal(get(LAPIC_LVT_TIMER), 0x40041);
    written(LAPIC_INITIAL_COUNT, 1000); // ignored in that mode
    assert_int_equal(get(LAPIC_INITIAL_COUNT), 0);
    written(LAPIC_LVT_TIMER, 0x41);
    written(LAPIC_INITIAL_COUNT, 1000);
    now += 400; // at a divisor of 2, so 800 remain; by 1 from now on
    written(LAPIC_DIVIDE, 0xb);
    assert_int_equal(get(LAPIC_CURRENT_COUNT), 800);
    written(LAPIC_ICR, 0x4041 | 1u << 18);
    assert_int_equal(seen.ipis, 1);
    assert_int_equal(seen.icr, 0x44041);
    written(LAPIC_SVR, 0xff); // off: LVTs are masked
    assert_int_equal(get(LAPIC_LVT_TIMER), 0x10041);
    assert_int_equal(get(LAPIC_ESR), 0);
    written(0x3f4, 1); // no register in this mode
    written(LAPIC_ESR, 0);
    assert_int_equal(get(LAPIC_ESR), 0x80);
}

static void test_ends_of_the_processor(void **state) {
    (void)state;
    lapic_post(lapic, 0x91, true);
    lapic_post(lapic, 0x92, false);
    assert_int_equal(seen.changes, 0); // PIR is not IRR
    lapic_ended(lapic, 0x92);
    assert_int_equal(seen.eois, 0);
    lapic_ended(lapic, 0x91);
    assert_true(seen.eois == 1 && seen.eoi_vector == 0x91);
    lapic_ended(lapic, 0x91); // of a self-IPI that the model has not seen
    assert_int_equal(seen.eois, 1);
    lapic_post(lapic, 0x91, true);
    inject(0x91);
    put(LAPIC_EOI, 0);
    assert_true(seen.eois == 2 && seen.changes == 1);
    enter_x2apic(0);
    assert_int_equal(seen.changes, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reset_state, setup),
        cmocka_unit_test_setup(test_posting, setup),
        cmocka_unit_test_setup(test_eoi, setup),
        cmocka_unit_test_setup(test_errors, setup),
        cmocka_unit_test_setup(test_ipi, setup),
        cmocka_unit_test_setup(test_init_deassert_is_nothing, setup),
        cmocka_unit_test_setup(test_destinations, setup),
        cmocka_unit_test_setup(test_messages, setup),
        cmocka_unit_test_setup(test_one_shot_timer, setup),
        cmocka_unit_test_setup(test_divide, setup),
        cmocka_unit_test_setup(test_periodic_timer, setup),
        cmocka_unit_test_setup(test_masked_timer, setup),
        cmocka_unit_test_setup(test_tsc_deadline, setup),
        cmocka_unit_test_setup(test_mode_changes, setup),
        cmocka_unit_test_setup(test_x2apic, setup),
        cmocka_unit_test_setup(test_init_signal, setup),
        cmocka_unit_test_setup(test_lint, setup),
        cmocka_unit_test_setup(test_access_sizes, setup),
        cmocka_unit_test_setup(test_writes_of_the_processor, setup),
        cmocka_unit_test_setup(test_ends_of_the_processor, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
