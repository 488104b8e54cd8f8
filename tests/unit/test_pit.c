// The 8254: rates without drift, lost ticks, modes, latches, port 61h.
#include "tests/unit/board.h"

#include "dom0/vmm/pit.h"

#define TICK_NS(n) ((uint64_t)(n)*1000000000u / PIT_HZ + 1)

static struct board board;
static struct device_host host;
static struct pit pit;

static void out(uint16_t port, unsigned value) {
    pit_port_write(&pit, port, 1, value);
}

static uint32_t in(uint16_t port) {
    return pit_port_read(&pit, port, 1);
}

static int setup(void **state) {
    (void)state;
    host = board_host(&board);
    pit_init(&pit, &host);
    return 0;
}

static void program(unsigned channel, unsigned mode, unsigned count) {
    out(0x43, channel << 6 | 0x30 | mode << 1);
    out((uint16_t)(0x40 + channel), count & 0xff);
    out((uint16_t)(0x40 + channel), count >> 8);
}

static uint32_t latched(unsigned channel) {
    out(0x43, channel << 6);
    uint32_t low = in((uint16_t)(0x40 + channel));
    return low | in((uint16_t)(0x40 + channel)) << 8;
}

static uint32_t status(unsigned channel) {
    out(0x43, 0xe0 | 2u << channel);
    return in((uint16_t)(0x40 + channel));
}

// Runs the machine on time, deadline by deadline.
static void run_until(uint64_t end_ns) {
    for (uint64_t deadline; (deadline = pit_deadline_ns(&pit)) <= end_ns;) {
        if (deadline > board.now_ns)
            board.now_ns = deadline;
        pit_expire(&pit, board.now_ns);
    }
    board.now_ns = end_ns;
}

static void test_rate_is_exact(void **state) {
    (void)state;
    assert_true(pit_deadline_ns(&pit) == DEVICE_NO_DEADLINE);
    program(0, 2, 1193);
    run_until(1000ull * 1000000000);
    assert_int_equal(board.edges[0], 1000ull * PIT_HZ / 1193);
}

static void test_no_overflow_in_a_century(void **state) {
    (void)state;
    board.now_ns = 100ull * 365 * 86400 * 1000000000;
    program(0, 3, 11932);
    uint64_t start = board.now_ns;
    run_until(start + 10ull * 1000000000);
    assert_int_equal(board.edges[0], 10ull * PIT_HZ / 11932);
}

static void test_lost_ticks_are_made_up(void **state) {
    (void)state;
    program(0, 2, 11932); // 100 Hz
    run_until(1000000000);
    unsigned before = board.edges[0];
    board.now_ns += 200000000; // nobody looked for 20 periods
    pit_expire(&pit, board.now_ns);
    assert_int_equal(board.edges[0], before + 1);
    run_until(3000000000);
    assert_int_equal(board.edges[0], 3ull * PIT_HZ / 11932);
}

static void test_lost_ticks_are_bounded(void **state) {
    (void)state;
    program(0, 2, 11932);
    board.now_ns = 3600ull * 1000000000;
    pit_expire(&pit, board.now_ns);
    run_until(board.now_ns + 10ull * 1000000000);
    assert_in_range(board.edges[0], 1000 + 90, 1000 + 110);
}

static void test_one_shot(void **state) {
    (void)state;
    program(0, 0, 1000);
    assert_int_equal(status(0), 0x30 | 0x40); // not yet loaded
    board.now_ns = TICK_NS(500);
    assert_int_equal(status(0), 0x30);
    assert_in_range(latched(0), 500, 502);
    run_until(TICK_NS(5000));
    assert_int_equal(board.edges[0], 1);
    assert_int_equal(status(0), 0xb0);
    assert_true(board.lines[0]);
    out(0x40, 0xe8);
    out(0x40, 0x03);
    assert_false(board.lines[0]);
    run_until(TICK_NS(10000));
    assert_int_equal(board.edges[0], 2);
}

static void test_software_strobe(void **state) {
    (void)state;
    program(0, 4, 100);
    run_until(TICK_NS(1000));
    assert_int_equal(board.edges[0], 1);
    program(0, 4, 100);
    run_until(TICK_NS(2000));
    assert_int_equal(board.edges[0], 2);
    assert_true(pit_deadline_ns(&pit) == DEVICE_NO_DEADLINE);
}

static void test_smallest_count_does_not_storm(void **state) {
    (void)state;
    program(0, 2, 1);
    unsigned expiries = 0;
    for (uint64_t deadline; (deadline = pit_deadline_ns(&pit)) <= 1000000; expiries++) {
        board.now_ns = deadline > board.now_ns ? deadline : board.now_ns;
        pit_expire(&pit, board.now_ns);
    }
    assert_in_range(expiries, 20, 60);
}

static void test_new_count_waits_for_the_period(void **state) {
    (void)state;
    program(0, 2, 10000);
    run_until(TICK_NS(5000));
    out(0x40, 0xe8);
    out(0x40, 0x03); // 1000
    assert_int_equal(status(0) & 0x40, 0x40);
    run_until(TICK_NS(9990));
    assert_int_equal(board.edges[0], 0);
    run_until(TICK_NS(10005));
    assert_int_equal(board.edges[0], 1);
    assert_int_equal(status(0) & 0x40, 0);
    run_until(TICK_NS(15005));
    assert_int_equal(board.edges[0], 6);
}

static void test_counting_down(void **state) {
    (void)state;
    program(2, 2, 1000);
    out(0x61, 1);
    board.now_ns = TICK_NS(301);
    assert_in_range(latched(2), 699, 701);
    program(2, 3, 1000);
    board.now_ns += TICK_NS(101);
    assert_in_range(latched(2), 798, 802); // by twos
    assert_int_equal(latched(2) & 1, 0);
    assert_int_equal(in(0x61) & 0x20, 0x20);
    board.now_ns += TICK_NS(350);
    assert_in_range(latched(2), 98, 102);
    assert_int_equal(in(0x61) & 0x20, 0x20);
    board.now_ns += TICK_NS(250); // the second half
    assert_in_range(latched(2), 598, 602);
    assert_int_equal(in(0x61) & 0x20, 0);
}

static void test_latch_holds(void **state) {
    (void)state;
    program(0, 2, 0);
    board.now_ns = TICK_NS(100);
    out(0x43, 0x00);
    board.now_ns = TICK_NS(40000);
    out(0x43, 0x00); // ignored while one is latched
    uint32_t low = in(0x40), count = low | in(0x40) << 8;
    assert_in_range(count, 65536 - 102, 65536 - 98);
    low = in(0x40);
    count = low | in(0x40) << 8;
    assert_in_range(count, 65536 - 40002, 65536 - 39998);
}

static void test_read_back(void **state) {
    (void)state;
    program(0, 2, 1000);
    program(2, 3, 500);
    board.now_ns = TICK_NS(10);
    out(0x43, 0xc0 | 2 | 8); // counts and status of channels 0 and 2
    assert_int_equal(in(0x40), 0xb4);
    uint32_t low = in(0x40), count = low | in(0x40) << 8;
    assert_in_range(count, 988, 992);
    assert_int_equal(in(0x42), 0xb6);
    assert_int_equal(in(0x42), 500 & 0xff); // the gate is low
    assert_int_equal(in(0x42), 500 >> 8);
    assert_int_equal(in(0x43), 0xff);
}

static void test_bcd_and_single_bytes(void **state) {
    (void)state;
    out(0x43, 0x35); // channel 0, both bytes, mode 2, BCD
    out(0x40, 0x00);
    out(0x40, 0x10); // 1000
    board.now_ns = TICK_NS(2);
    assert_in_range(latched(0), 0x998, 0x999);
    run_until(TICK_NS(10001));
    assert_int_equal(board.edges[0], 10);
    out(0x43, 0x24); // high byte
    out(0x40, 0x02);
    assert_int_equal(in(0x40), 0x02);
    out(0x43, 0x14); // low byte
    out(0x40, 0x80);
    assert_int_equal(in(0x40), 0x80);
}

static void test_gate_and_out2(void **state) {
    (void)state;
    program(2, 0, 1000);
    board.now_ns = TICK_NS(2000);
    assert_int_equal(in(0x61) & 0x21, 0);
    out(0x61, 0x01);
    board.now_ns += TICK_NS(600);
    out(0x61, 0x00); // stops it
    board.now_ns += TICK_NS(5000);
    assert_int_equal(in(0x61) & 0x21, 0);
    out(0x61, 0x01);
    board.now_ns += TICK_NS(300);
    assert_int_equal(in(0x61) & 0x21, 0x01);
    board.now_ns += TICK_NS(110);
    assert_int_equal(in(0x61) & 0x21, 0x21);
}

static void test_gate_triggers(void **state) {
    (void)state;
    program(2, 1, 100);
    assert_int_equal(in(0x61) & 0x20, 0x20);
    board.now_ns += TICK_NS(1000);
    assert_int_equal(in(0x61) & 0x20, 0x20);
    out(0x61, 1);
    board.now_ns += TICK_NS(50);
    assert_int_equal(in(0x61) & 0x20, 0);
    board.now_ns += TICK_NS(60);
    assert_int_equal(in(0x61) & 0x20, 0x20);
    out(0x61, 0);
    out(0x61, 1);
    board.now_ns += TICK_NS(50);
    assert_int_equal(in(0x61) & 0x20, 0);
}

static void test_refresh_toggles(void **state) {
    (void)state;
    unsigned toggles = 0;
    for (uint32_t last = in(0x61) & 0x10, i = 0; i < 10000; i++) {
        board.now_ns += 1000;
        toggles += (in(0x61) & 0x10) != last;
        last = in(0x61) & 0x10;
    }
    assert_in_range(toggles, 661, 664); // 10 ms at 15.085 us
}

static void test_mode_stops_the_channel(void **state) {
    (void)state;
    program(0, 2, 1000);
    out(0x43, 0x30);
    run_until(TICK_NS(100000));
    assert_int_equal(board.edges[0], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rate_is_exact, setup),
        cmocka_unit_test_setup(test_no_overflow_in_a_century, setup),
        cmocka_unit_test_setup(test_lost_ticks_are_made_up, setup),
        cmocka_unit_test_setup(test_lost_ticks_are_bounded, setup),
        cmocka_unit_test_setup(test_one_shot, setup),
        cmocka_unit_test_setup(test_software_strobe, setup),
        cmocka_unit_test_setup(test_smallest_count_does_not_storm, setup),
        cmocka_unit_test_setup(test_new_count_waits_for_the_period, setup),
        cmocka_unit_test_setup(test_counting_down, setup),
        cmocka_unit_test_setup(test_latch_holds, setup),
        cmocka_unit_test_setup(test_read_back, setup),
        cmocka_unit_test_setup(test_bcd_and_single_bytes, setup),
        cmocka_unit_test_setup(test_gate_and_out2, setup),
        cmocka_unit_test_setup(test_gate_triggers, setup),
        cmocka_unit_test_setup(test_refresh_toggles, setup),
        cmocka_unit_test_setup(test_mode_stops_the_channel, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
