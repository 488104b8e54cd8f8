// The rate of log lines on the terminal.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/log_rate.h"

#define SECOND 1000000u
#define START  (5u * SECOND)

static unsigned take(struct log_rate *rate, uint64_t now, unsigned lines) {
    unsigned shown = 0;
    for (unsigned i = 0; i < lines; i++)
        shown += log_rate_take(rate, now, SECOND);
    return shown;
}

static void a_burst_is_shown_and_the_rest_counted(void **state) {
    (void)state;
    struct log_rate rate = {0};
    assert_int_equal(take(&rate, START, 1000), LOG_RATE_BURST);
    assert_int_equal(rate.held, 1000 - LOG_RATE_BURST);
    assert_int_equal(log_rate_report(&rate, START + SECOND - 1, SECOND), 0);
    assert_int_equal(log_rate_report(&rate, START + SECOND, SECOND), 1000 - LOG_RATE_BURST);
    assert_int_equal(log_rate_report(&rate, START + 2 * SECOND, SECOND), 0); // told once
}

static void a_steady_rate_within_the_limit_is_never_held_back(void **state) {
    (void)state;
    struct log_rate rate = {0};
    for (unsigned i = 0; i < 1000; i++)
        assert_true(log_rate_take(&rate, START + i * (SECOND / LOG_RATE_LINES), SECOND));
    assert_int_equal(log_rate_deadline(&rate, SECOND), UINT64_MAX);
}

static void a_chatty_log_shows_about_its_rate(void **state) {
    (void)state;
    struct log_rate rate = {0};
    unsigned shown = 0, told = 0, lines = 0;
    for (uint64_t now = START; now < START + 30 * SECOND; now += SECOND / 500, lines++) {
        told += (unsigned)log_rate_report(&rate, now, SECOND);
        shown += log_rate_take(&rate, now, SECOND);
    }
    assert_int_equal(shown + told + rate.held, lines); // each line is either shown or told of
    assert_in_range(shown, 10 * LOG_RATE_LINES, LOG_RATE_BURST + 30 * LOG_RATE_LINES);
}

static void a_silence_gives_the_burst_back_and_no_more(void **state) {
    (void)state;
    struct log_rate rate = {0};
    assert_int_equal(take(&rate, START, LOG_RATE_BURST), LOG_RATE_BURST);
    assert_int_equal(take(&rate, START + 3600ull * SECOND, 2 * LOG_RATE_BURST), LOG_RATE_BURST);
}

static void the_note_is_due_a_second_after_the_first_line_held_back(void **state) {
    (void)state;
    struct log_rate rate = {0};
    assert_int_equal(log_rate_deadline(&rate, SECOND), UINT64_MAX);
    take(&rate, START, LOG_RATE_BURST + 1);
    take(&rate, START + SECOND / 2, 1);
    assert_int_equal(log_rate_deadline(&rate, SECOND), START + SECOND);
    assert_int_equal(log_rate_report(&rate, START + SECOND, SECOND), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_shown_and_the_rest_counted),
        cmocka_unit_test(a_steady_rate_within_the_limit_is_never_held_back),
        cmocka_unit_test(a_chatty_log_shows_about_its_rate),
        cmocka_unit_test(a_silence_gives_the_burst_back_and_no_more),
        cmocka_unit_test(the_note_is_due_a_second_after_the_first_line_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
