// The MC146818: calendar, formats, setting, update cycle, alarm, periodic interrupt.
#include "tests/unit/board.h"

#include "dom0/vmm/rtc.h"
#include "dom0/vmm/rtc_calendar.h"

#define S_NS 1000000000ull

static struct board board;
static struct device_host host;
static struct rtc rtc;

static void put(unsigned at, unsigned value) {
    rtc_port_write(&rtc, 0x70, 1, 0x80 | at); // with the NMI mask
    rtc_port_write(&rtc, 0x71, 1, value);
}

static uint32_t get(unsigned at) {
    rtc_port_write(&rtc, 0x70, 1, at);
    return rtc_port_read(&rtc, 0x71, 1);
}

static int setup(void **state) {
    (void)state;
    host = board_host(&board);
    rtc_init(&rtc, &host, 1709251198); // 2024-02-29 23:59:58, a Thursday
    return 0;
}

static void run_until(uint64_t end_ns) {
    for (uint64_t deadline; (deadline = rtc_deadline_ns(&rtc)) <= end_ns;) {
        board.now_ns = deadline > board.now_ns ? deadline : board.now_ns;
        rtc_expire(&rtc, board.now_ns);
    }
    board.now_ns = end_ns;
}

static void assert_time(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second) {
    assert_int_equal(get(0x32) << 8 | get(9), year);
    assert_int_equal(get(8), month);
    assert_int_equal(get(7), day);
    assert_int_equal(get(4), hour);
    assert_int_equal(get(2), minute);
    assert_int_equal(get(0), second);
}

static void test_calendar(void **state) {
    (void)state;
    static const int64_t seconds[] = {0, -1, 951782400, 4102444799, -2208988800, 13569465600};
    static const struct calendar dates[] = {{1970, 1, 1, 0, 0, 0, 5},  {1969, 12, 31, 23, 59, 59, 4},
                                            {2000, 2, 29, 0, 0, 0, 3}, {2099, 12, 31, 23, 59, 59, 5},
                                            {1900, 1, 1, 0, 0, 0, 2},  {2400, 1, 1, 0, 0, 0, 7}};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        struct calendar date = calendar_of(seconds[i]);
        assert_int_equal(date.year, dates[i].year);
        assert_int_equal(date.month, dates[i].month);
        assert_int_equal(date.day, dates[i].day);
        assert_int_equal(date.hour * 3600 + date.minute * 60 + date.second,
                         dates[i].hour * 3600 + dates[i].minute * 60 + dates[i].second);
        assert_int_equal(date.weekday, dates[i].weekday);
        assert_int_equal(calendar_seconds(&date), seconds[i]);
    }
    for (int64_t day = -200000; day < 400000; day++) {
        struct calendar date = calendar_of(day * 86400 + 12345);
        assert_int_equal(calendar_seconds(&date), day * 86400 + 12345);
    }
}

static void test_clock_runs(void **state) {
    (void)state;
    assert_time(0x2024, 2, 0x29, 0x23, 0x59, 0x58);
    assert_int_equal(get(6), 5);
    board.now_ns = 2 * S_NS;
    assert_time(0x2024, 3, 1, 0, 0, 0);
    assert_int_equal(get(6), 6);
    board.now_ns = 86400ull * 366 * S_NS;
    assert_time(0x2025, 3, 1, 0x23, 0x59, 0x58);
    assert_int_equal(get(13), 0x80);
}

static void test_formats(void **state) {
    (void)state;
    put(11, 0x06); // binary, 24 hours
    assert_int_equal(get(4), 23);
    assert_int_equal(get(0), 58);
    put(11, 0x00); // BCD, 12 hours
    assert_int_equal(get(4), 0x91);
    board.now_ns = 2 * S_NS;
    assert_int_equal(get(4), 0x12); // midnight
    board.now_ns = (2 + 12 * 3600) * S_NS;
    assert_int_equal(get(4), 0x92); // noon
    put(4, 0x81);
    put(11, 0x02);
    assert_int_equal(get(4), 0x13);
}

static void test_setting(void **state) {
    (void)state;
    put(11, 0x82);
    put(0, 0x56);
    put(2, 0x34);
    put(4, 0x12);
    put(7, 0x31);
    put(8, 0x12);
    put(9, 0x99);
    put(0x32, 0x19);
    board.now_ns = 10 * S_NS;
    assert_time(0x1999, 0x12, 0x31, 0x12, 0x34, 0x56); // stands still
    put(11, 0x02);
    board.now_ns += 11 * 3600 * S_NS + 26 * 60 * S_NS;
    assert_time(0x2000, 1, 1, 0, 0, 0x56);
    put(0, 0x10); // without SET
    assert_int_equal(get(0), 0x10);
    board.now_ns += S_NS;
    assert_int_equal(get(0), 0x11);
}

static void test_nonsense_is_survived(void **state) {
    (void)state;
    put(11, 0x82);
    for (unsigned i = 0; i < 10; i++)
        put(i, 0xff);
    put(0x32, 0xff);
    put(11, 0x02);
    board.now_ns = S_NS;
    assert_in_range(get(8), 0x01, 0x12);
    assert_in_range(get(7), 0x01, 0x31);
}

static void test_update_in_progress(void **state) {
    (void)state;
    assert_int_equal(get(10), 0x26);
    board.now_ns = S_NS - 1000000;
    assert_int_equal(get(10), 0xa6);
    assert_int_equal(get(0), 0x58);
    board.now_ns = S_NS;
    assert_int_equal(get(10), 0x26);
    put(11, 0x82);
    board.now_ns = 2 * S_NS - 1000000;
    assert_int_equal(get(10), 0x26); // SET stops updates
}

static void test_divider_start(void **state) {
    (void)state;
    put(10, 0x66);
    board.now_ns = 5 * S_NS;
    assert_int_equal(get(0), 0x58);
    put(10, 0x26);
    board.now_ns += S_NS / 2 - 1;
    assert_int_equal(get(0), 0x58);
    board.now_ns += 1;
    assert_int_equal(get(0), 0x59);
}

static void test_update_interrupt(void **state) {
    (void)state;
    assert_true(rtc_deadline_ns(&rtc) == DEVICE_NO_DEADLINE);
    put(11, 0x12);
    for (unsigned i = 1; i <= 5; i++) {
        board.now_ns = rtc_deadline_ns(&rtc);
        assert_int_equal(board.now_ns, i * S_NS);
        rtc_expire(&rtc, board.now_ns);
        assert_true(board.lines[8]);
        assert_true(rtc_deadline_ns(&rtc) == DEVICE_NO_DEADLINE);
        assert_int_equal(get(12) & 0x90, 0x90);
        assert_false(board.lines[8]);
        assert_int_equal(get(12), 0);
    }
    assert_int_equal(board.edges[8], 5);
}

static void test_alarm(void **state) {
    (void)state;
    put(5, 0x00);
    put(3, 0x00);
    put(1, 0x03);
    get(12);
    put(11, 0x22);
    run_until(4 * S_NS);
    assert_int_equal(board.edges[8], 0);
    run_until(5 * S_NS);
    assert_int_equal(board.edges[8], 1);
    assert_int_equal(get(12) & 0xa0, 0xa0);
    put(1, 0xc0); // each second
    run_until(6 * S_NS);
    assert_int_equal(board.edges[8], 2);
    get(12);
    put(1, 0x00);
    put(3, 0xff); // each minute
    run_until(61 * S_NS);
    assert_int_equal(board.edges[8], 2);
    run_until(62 * S_NS);
    assert_int_equal(board.edges[8], 3);
}

static void test_alarm_in_a_long_pause(void **state) {
    (void)state;
    put(5, 0x12);
    put(3, 0x30);
    put(1, 0x00);
    get(12);
    board.now_ns = 400ull * 86400 * S_NS;
    assert_int_equal(get(12) & 0x30, 0x30);
}

static void test_periodic(void **state) {
    (void)state;
    put(10, 0x26); // 1024 Hz
    put(11, 0x42);
    unsigned interrupts = 0;
    for (uint64_t deadline; (deadline = rtc_deadline_ns(&rtc)) <= 10 * S_NS;) {
        board.now_ns = deadline;
        rtc_expire(&rtc, deadline);
        assert_true(board.lines[8]);
        assert_int_equal(get(12) & 0xc0, 0xc0);
        interrupts++;
    }
    assert_int_equal(interrupts, 10240);
    assert_int_equal(board.edges[8], 10240);
    put(11, 0x02);
    assert_true(rtc_deadline_ns(&rtc) == DEVICE_NO_DEADLINE);
}

static void test_periodic_catches_up(void **state) {
    (void)state;
    put(10, 0x2a); // 64 Hz
    put(11, 0x42);
    run_until(S_NS / 2);
    assert_true(rtc_deadline_ns(&rtc) == DEVICE_NO_DEADLINE);
    unsigned answered = 0;
    while (get(12) & 0x40)
        answered++;
    assert_int_equal(answered, 32);
    board.now_ns = 100 * S_NS;
    rtc_expire(&rtc, board.now_ns);
    for (answered = 0; get(12) & 0x40;)
        answered++;
    assert_int_equal(answered, 65); // bounded
}

static void test_ram_and_second_bank(void **state) {
    (void)state;
    put(0x40, 0xa5);
    assert_int_equal(get(0x40), 0xa5);
    assert_int_equal(rtc.s.cmos[0x40], 0xa5);
    rtc_port_write(&rtc, 0x72, 2, 0x5a7f);
    assert_int_equal(rtc_port_read(&rtc, 0x73, 1), 0x5a);
    assert_int_equal(rtc.s.cmos[255], 0x5a);
    assert_int_equal(rtc_port_read(&rtc, 0x70, 1), 0xff);
    put(12, 0xff);
    put(13, 0);
    assert_int_equal(get(12), 0);
    assert_int_equal(get(13), 0x80);
}

static void test_reset(void **state) {
    (void)state;
    put(0x40, 7);
    put(11, 0x72);
    run_until(S_NS);
    assert_true(board.lines[8]);
    rtc_reset(&rtc);
    assert_false(board.lines[8]);
    assert_int_equal(get(11), 0x02);
    assert_int_equal(get(0x40), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar),
        cmocka_unit_test_setup(test_clock_runs, setup),
        cmocka_unit_test_setup(test_formats, setup),
        cmocka_unit_test_setup(test_setting, setup),
        cmocka_unit_test_setup(test_nonsense_is_survived, setup),
        cmocka_unit_test_setup(test_update_in_progress, setup),
        cmocka_unit_test_setup(test_divider_start, setup),
        cmocka_unit_test_setup(test_update_interrupt, setup),
        cmocka_unit_test_setup(test_alarm, setup),
        cmocka_unit_test_setup(test_alarm_in_a_long_pause, setup),
        cmocka_unit_test_setup(test_periodic, setup),
        cmocka_unit_test_setup(test_periodic_catches_up, setup),
        cmocka_unit_test_setup(test_ram_and_second_bank, setup),
        cmocka_unit_test_setup(test_reset, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
