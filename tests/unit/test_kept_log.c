// Logs that survive a reset: what was written comes back; whatever else lies in memory is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kept_log.h"

static struct kept_log *log_under_test;
static char text[KEPT_LOG_TEXT];

static int begin(void **state) {
    (void)state;
    log_under_test = malloc(sizeof(*log_under_test));
    memset(log_under_test, 0xa5, sizeof(*log_under_test));
    kept_log_start(log_under_test);
    return log_under_test ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    free(log_under_test);
    return 0;
}

static void write_line(const char *line) {
    kept_log_write(log_under_test, line, strlen(line));
}

static void comes_back(void **state) {
    (void)state;
    write_line("first\n");
    write_line("second\n");
    assert_true(kept_log_valid(log_under_test));
    assert_int_equal(log_under_test->end, KEPT_LOG_RUNS);
    assert_int_equal(kept_log_copy(log_under_test, text), 13);
    assert_memory_equal(text, "first\nsecond\n", 13);
}

static void says_how_it_ended(void **state) {
    (void)state;
    char reason[2 * KEPT_LOG_REASON];
    memset(reason, 'x', sizeof(reason));
    reason[sizeof(reason) - 1] = 0;
    kept_log_finish(log_under_test, KEPT_LOG_PANIC, "broken invariant");
    assert_true(kept_log_valid(log_under_test));
    assert_int_equal(log_under_test->end, KEPT_LOG_PANIC);
    assert_string_equal(log_under_test->reason, "broken invariant");
    kept_log_finish(log_under_test, KEPT_LOG_STOPPED, reason);
    assert_true(kept_log_valid(log_under_test));
    assert_int_equal(strlen(log_under_test->reason), KEPT_LOG_REASON - 1);
}

// What a ring still has of the lines that went round it begins with a whole one.
static void goes_round(void **state) {
    (void)state;
    char line[40];
    unsigned lines = 3 * KEPT_LOG_TEXT / 30;
    for (unsigned i = 0; i < lines; i++) {
        snprintf(line, sizeof(line), "line %u of many, many lines\n", i);
        write_line(line);
    }
    assert_true(kept_log_valid(log_under_test));
    uint64_t bytes = kept_log_copy(log_under_test, text);
    assert_in_range(bytes, KEPT_LOG_TEXT - 40, KEPT_LOG_TEXT);
    assert_memory_equal(text, "line ", 5);
    assert_memory_equal(text + bytes - strlen(line), line, strlen(line));
}

static void makes_text_of_it(void **state) {
    (void)state;
    write_line("\x1b[2J\tgood\r\n\x7f\xc3\xa4\n");
    uint64_t bytes = kept_log_copy(log_under_test, text);
    assert_memory_equal(text, "?[2J\tgood?\n\x7f\xc3\xa4\n", bytes);
}

// Every byte of the head, and some of the text: none can change unnoticed.
static void refuses_damage(void **state) {
    (void)state;
    unsigned char *bytes = (unsigned char *)log_under_test;
    write_line("first\n");
    for (size_t at = 0; at < sizeof(*log_under_test); at += at < offsetof(struct kept_log, rest) ? 1 : 499) {
        if (at >= offsetof(struct kept_log, rest) && at < offsetof(struct kept_log, text))
            continue;
        bytes[at] ^= 0x40;
        assert_false(kept_log_valid(log_under_test));
        bytes[at] ^= 0x40;
    }
    assert_true(kept_log_valid(log_under_test));
    bytes = (unsigned char *)log_under_test->text; // two that have changed places
    bytes[0] ^= bytes[1], bytes[1] ^= bytes[0], bytes[0] ^= bytes[1];
    assert_false(kept_log_valid(log_under_test));
}

static void refuses_other_memory(void **state) {
    (void)state;
    memset(log_under_test, 0, sizeof(*log_under_test));
    assert_false(kept_log_valid(log_under_test));
    memset(log_under_test, 0xff, sizeof(*log_under_test));
    assert_false(kept_log_valid(log_under_test));
}

// Who forges one may say what he likes, but nothing beyond it is read.
static void stays_inside(void **state) {
    (void)state;
    for (uint64_t written = UINT64_MAX - 2; written != 3; written++) {
        log_under_test->written = written;
        assert_in_range(kept_log_copy(log_under_test, text), 0, KEPT_LOG_TEXT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back, begin, end),
        cmocka_unit_test_setup_teardown(says_how_it_ended, begin, end),
        cmocka_unit_test_setup_teardown(goes_round, begin, end),
        cmocka_unit_test_setup_teardown(makes_text_of_it, begin, end),
        cmocka_unit_test_setup_teardown(refuses_damage, begin, end),
        cmocka_unit_test_setup_teardown(refuses_other_memory, begin, end),
        cmocka_unit_test_setup_teardown(stays_inside, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
