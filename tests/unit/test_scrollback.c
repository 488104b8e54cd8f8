// Scrollback: what is kept, where it starts, and its lines.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/console/scrollback.h"

#define SIZE 32u

static uint8_t memory[SIZE];
static struct scrollback scrollback;

static int set_up(void **state) {
    (void)state;
    scrollback = (struct scrollback){.data = memory, .size = SIZE};
    return 0;
}

static void put(const char *text) {
    scrollback_write(&scrollback, (const uint8_t *)text, strlen(text));
}

static void assert_reads(uint64_t from, uint64_t at, const char *text) {
    uint8_t bytes[2 * SIZE];
    size_t got = scrollback_read(&scrollback, &from, bytes, sizeof(bytes));
    assert_int_equal(from, at);
    assert_int_equal(got, strlen(text));
    assert_memory_equal(bytes, text, got);
}

static void what_was_written_is_read_from_any_position(void **state) {
    (void)state;
    assert_reads(0, 0, "");
    put("one\ntwo\n");
    assert_reads(0, 0, "one\ntwo\n");
    assert_reads(4, 4, "two\n");
    assert_reads(8, 8, "");
}

static void the_oldest_is_dropped_and_the_start_says_so(void **state) {
    (void)state;
    put("0123456789abcdef0123456789abcdef");
    put("XYZ");
    assert_int_equal(scrollback_first(&scrollback), 3);
    assert_reads(0, 3, "3456789abcdef0123456789abcdefXYZ");
    assert_reads(33, 33, "YZ");
}

static void more_than_fits_leaves_the_newest(void **state) {
    (void)state;
    char text[5 * SIZE + 4];
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char)('a' + i % 26);
    text[sizeof(text) - 1] = 0;
    put(text);
    assert_int_equal(scrollback.end, sizeof(text) - 1);
    assert_reads(0, sizeof(text) - 1 - SIZE, text + sizeof(text) - 1 - SIZE);
}

static void a_position_past_the_end_is_moved_to_it(void **state) {
    (void)state;
    put("abc");
    assert_reads(1000, 3, "");
    assert_reads(UINT64_MAX, 3, "");
}

static void a_short_read_gives_the_first_part(void **state) {
    (void)state;
    uint8_t bytes[2];
    uint64_t position = 1;
    put("abcdef");
    assert_int_equal(scrollback_read(&scrollback, &position, bytes, 2), 2);
    assert_int_equal(position, 1);
    assert_memory_equal(bytes, "bc", 2);
}

static void a_line_is_whole_or_as_long_as_allowed(void **state) {
    (void)state;
    put("one\npart");
    assert_int_equal(scrollback_line(&scrollback, 0, 100), 4);
    assert_int_equal(scrollback_line(&scrollback, 4, 100), 0); // its line feed has not come
    assert_int_equal(scrollback_line(&scrollback, 4, 4), 4);   // as long as allowed: a part
    put("\n");
    assert_int_equal(scrollback_line(&scrollback, 4, 100), 5);
    assert_int_equal(scrollback_line(&scrollback, 9, 100), 0);
}

static void lines_are_found_over_the_end_of_the_memory(void **state) {
    (void)state;
    put("0123456789abcdef0123456789abc\n"); // 30
    put("split\n");
    assert_int_equal(scrollback_line(&scrollback, 30, 100), 6);
    assert_reads(30, 30, "split\n");
}

static void a_line_start_is_at_or_after_the_position(void **state) {
    (void)state;
    put("one\ntwo\nthree");
    assert_int_equal(scrollback_line_start(&scrollback, 0), 0);
    assert_int_equal(scrollback_line_start(&scrollback, 1), 4);
    assert_int_equal(scrollback_line_start(&scrollback, 4), 4);
    assert_int_equal(scrollback_line_start(&scrollback, 5), 8);
    assert_int_equal(scrollback_line_start(&scrollback, 9), 13); // none: the end
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_written_is_read_from_any_position, set_up),
        cmocka_unit_test_setup(the_oldest_is_dropped_and_the_start_says_so, set_up),
        cmocka_unit_test_setup(more_than_fits_leaves_the_newest, set_up),
        cmocka_unit_test_setup(a_position_past_the_end_is_moved_to_it, set_up),
        cmocka_unit_test_setup(a_short_read_gives_the_first_part, set_up),
        cmocka_unit_test_setup(a_line_is_whole_or_as_long_as_allowed, set_up),
        cmocka_unit_test_setup(lines_are_found_over_the_end_of_the_memory, set_up),
        cmocka_unit_test_setup(a_line_start_is_at_or_after_the_position, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
