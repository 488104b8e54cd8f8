// The terminal's current line: drawn again, it and the cursor are as before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/console/terminal_line.h"

static struct terminal_line line;

static int set_up(void **state) {
    (void)state;
    memset(&line, 0, sizeof(line));
    return 0;
}

static void put(const char *text) {
    for (; *text; text++)
        terminal_line_put(&line, (uint8_t)*text);
}

static const char *redrawn(void) {
    static char bytes[TERMINAL_REDRAW_BYTES + 1];
    size_t size = terminal_line_redraw(&line, bytes);
    assert_true(size <= TERMINAL_REDRAW_BYTES);
    bytes[size] = 0;
    return bytes;
}

static void plain_text_is_drawn_again(void **state) {
    (void)state;
    assert_true(terminal_line_is_empty(&line));
    assert_string_equal(redrawn(), "");
    put("old\r\nbulkhead> list");
    assert_false(terminal_line_is_empty(&line));
    assert_string_equal(redrawn(), "bulkhead> list");
    put("\n");
    assert_true(terminal_line_is_empty(&line));
}

// A line editor draws: CR, prompt and text, erase to the end, CR, cursor right.
static void an_edited_line_keeps_its_cursor(void **state) {
    (void)state;
    put("\r> hello\x1b[0K\r\x1b[7C");
    assert_string_equal(redrawn(), "> hello");
    put("\r> helo\x1b[0K\r\x1b[4C");
    assert_string_equal(redrawn(), "> helo\r\x1b[4C");
    put("\r");
    assert_string_equal(redrawn(), "> helo\r");
}

static void backspace_overwrites(void **state) {
    (void)state;
    put("abc\b\bX");
    assert_string_equal(redrawn(), "aXc\r\x1b[2C");
    put("\b\b\b\b\b");
    assert_string_equal(redrawn(), "aXc\r");
}

static void cursor_movements(void **state) {
    (void)state;
    put("ab\x1b[3CX");
    assert_string_equal(redrawn(), "ab   X");
    put("\x1b[2D\x1b[K");
    assert_string_equal(redrawn(), "ab  ");
    put("\x1b[1Gz");
    assert_string_equal(redrawn(), "zb  \r\x1b[1C");
    put("\x1b[99999D");
    assert_string_equal(redrawn(), "zb  \r");
}

static void a_tab_moves_to_the_next_stop(void **state) {
    (void)state;
    put("a\tb");
    assert_string_equal(redrawn(), "a       b");
}

static void characters_of_several_bytes_are_one_cell(void **state) {
    (void)state;
    put("\xc3\xa4\xe2\x82\xac\b\b");
    assert_string_equal(redrawn(), "\xc3\xa4\xe2\x82\xac\r");
    put("o");
    assert_string_equal(redrawn(), "o\xe2\x82\xac\r\x1b[1C");
}

static void nothing_comes_into_a_sequence(void **state) {
    (void)state;
    const char *sequence = "\x1b[1;31m";
    for (; sequence[1]; sequence++) {
        terminal_line_put(&line, (uint8_t)*sequence);
        assert_false(terminal_line_can_interrupt(&line));
    }
    terminal_line_put(&line, (uint8_t)*sequence);
    assert_true(terminal_line_can_interrupt(&line));
    put("\x1b(");
    assert_false(terminal_line_can_interrupt(&line));
    put("B");
    assert_true(terminal_line_can_interrupt(&line));
    assert_string_equal(redrawn(), "");
}

static void nothing_comes_onto_a_full_screen(void **state) {
    (void)state;
    put("\x1b[?7l");
    assert_false(terminal_line_can_interrupt(&line));
    put("\x1b[?7h");
    assert_true(terminal_line_can_interrupt(&line));
    put("\x1b[?1049h\x1b[2J");
    assert_false(terminal_line_can_interrupt(&line));
    put("\x1b[?1049l");
    assert_true(terminal_line_can_interrupt(&line));
}

static void a_cursor_movement_to_another_line_forgets_this_one(void **state) {
    (void)state;
    put("abc\x1b[2;4H");
    assert_string_equal(redrawn(), "\r\x1b[3C");
    put("abc\x1b[A");
    assert_true(terminal_line_is_empty(&line));
}

// Whatever the bytes: no cell outside, and a redraw that fits.
static void random_bytes_stay_within_bounds(void **state) {
    (void)state;
    static const char likely[] = "\x1b[?;0129CDGKJHhlm\r\n\b\tab\xc3\xa4\xff\x80";
    uint32_t seed = 1;
    for (unsigned i = 0; i < 300000; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint8_t byte = seed >> 31 ? (uint8_t)(seed >> 16) : (uint8_t)likely[(seed >> 16) % (sizeof(likely) - 1)];
        terminal_line_put(&line, byte == '\n' && seed % 64 ? 'x' : byte);
        assert_true(line.length <= TERMINAL_LINE_CELLS && line.cursor <= TERMINAL_LINE_CELLS);
        if (i % 16 == 0)
            (void)redrawn();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(plain_text_is_drawn_again, set_up),
        cmocka_unit_test_setup(an_edited_line_keeps_its_cursor, set_up),
        cmocka_unit_test_setup(backspace_overwrites, set_up),
        cmocka_unit_test_setup(cursor_movements, set_up),
        cmocka_unit_test_setup(a_tab_moves_to_the_next_stop, set_up),
        cmocka_unit_test_setup(characters_of_several_bytes_are_one_cell, set_up),
        cmocka_unit_test_setup(nothing_comes_into_a_sequence, set_up),
        cmocka_unit_test_setup(nothing_comes_onto_a_full_screen, set_up),
        cmocka_unit_test_setup(a_cursor_movement_to_another_line_forgets_this_one, set_up),
        cmocka_unit_test_setup(random_bytes_stay_within_bounds, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
