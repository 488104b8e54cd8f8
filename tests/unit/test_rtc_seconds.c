// The host's real-time clock as seconds since 1970.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/init/wall_clock.h"

#define HOURS_24 2u
#define BINARY   4u

static void reads_all_formats(void **state) {
    (void)state;
    static const struct {
        uint8_t fields[RTC_FIELDS], status_b;
        uint64_t seconds;
    } cases[] = {
        {{0, 0, 0, 1, 1, 0}, HOURS_24, 946684800},                    // 2000-01-01 00:00:00
        {{0x59, 0x59, 0x23, 0x29, 0x02, 0x24}, HOURS_24, 1709251199}, // 2024-02-29 23:59:59
        {{59, 59, 23, 29, 2, 24}, HOURS_24 | BINARY, 1709251199},     // the same, binary
        {{0x59, 0x59, 0x91, 0x29, 0x02, 0x24}, 0, 1709251199},        // the same, 11 pm
        {{59, 59, 0x8b, 29, 2, 24}, BINARY, 1709251199},              // both
        {{0, 0, 0x12, 1, 1, 0}, 0, 946684800},                        // 12 am
        {{0, 0, 0x92, 1, 1, 0}, 0, 946684800 + 12 * 3600},            // 12 pm
        {{0x56, 0x34, 0x12, 0x21, 0x11, 0x26}, HOURS_24, 1795264496}, // 2026-11-21 12:34:56
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(rtc_seconds(cases[i].fields, cases[i].status_b), cases[i].seconds);
}

static void nonsense_is_no_date(void **state) {
    (void)state;
    static const uint8_t all_ones[RTC_FIELDS] = {255, 255, 255, 255, 255, 255}, zeros[RTC_FIELDS] = {0};
    assert_int_equal(rtc_seconds(all_ones, 255), 0);
    assert_int_equal(rtc_seconds(all_ones, 0), 0);
    assert_int_equal(rtc_seconds(zeros, HOURS_24), 0); // day and month count from 1
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_formats),
        cmocka_unit_test(nonsense_is_no_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
