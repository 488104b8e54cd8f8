// Text as key events: characters, terminal sequences, names.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/keyboard_text.h"

static struct key_event events[256];

// Events as text: "+1e -1e".
static const char *parse(const char *text, unsigned flags, enum keyboard_text_end end, size_t consumed) {
    static char result[2048];
    struct keyboard_text_result parsed = keyboard_text_parse(text, strlen(text), flags, events, 256);
    assert_int_equal(parsed.end, end);
    assert_int_equal(parsed.consumed, consumed);
    size_t used = 0;
    result[0] = '\0';
    for (size_t i = 0; i < parsed.events; i++)
        used += (size_t)snprintf(result + used, sizeof result - used, "%s%c%x", i ? " " : "",
                                 events[i].pressed ? '+' : '-', events[i].set1_code);
    return result;
}

static void assert_keys(const char *text, unsigned flags, const char *expected) {
    assert_string_equal(parse(text, flags, KEYBOARD_TEXT_DONE, strlen(text)), expected);
}

static void test_characters(void **state) {
    (void)state;
    assert_keys("a1 z/", 0, "+1e -1e +2 -2 +39 -39 +2c -2c +35 -35");
    assert_keys("A", 0, "+2a +1e -1e -2a");
    assert_keys("|~?", 0, "+2a +2b -2b -2a +2a +29 -29 -2a +2a +35 -35 -2a");
    assert_keys("\r\n\t\b\x7f", 0, "+1c -1c +1c -1c +f -f +e -e +e -e");
    assert_keys("\x03", 0, "+1d +2e -2e -1d");
    assert_keys("\x1f", 0, "+1d +2a +c -c -2a -1d");
    assert_keys("<enter>", 0, "+2a +33 -33 -2a +12 -12 +31 -31 +14 -14 +12 -12 +13 -13 +2a +34 -34 -2a");
}

static void test_every_printable_character_has_a_key(void **state) {
    (void)state;
    for (char c = ' '; c <= '~'; c++) {
        char text[2] = {c, 0};
        assert_true(strlen(parse(text, 0, KEYBOARD_TEXT_DONE, 1)) > 0);
    }
}

static void test_unicode_is_left_out(void **state) {
    (void)state;
    assert_keys("a\xc3\xa4"
                "b\xe2\x82\xac\xf0\x9f\x98\x80"
                "c",
                0, "+1e -1e +30 -30 +2e -2e");
    assert_keys("\xff\x80"
                "a",
                0, "+1e -1e");
    assert_string_equal(parse("a\xe2\x82", 0, KEYBOARD_TEXT_MORE, 1), "+1e -1e");
    assert_keys("a\xe2\x82", KEYBOARD_TEXT_FINAL, "+1e -1e");
}

static void test_terminal_sequences(void **state) {
    (void)state;
    assert_keys("\x1b[A\x1b[B\x1b[C\x1b[D", 0, "+e048 -e048 +e050 -e050 +e04d -e04d +e04b -e04b");
    assert_keys("\x1bOA\x1bOP\x1bOS", 0, "+e048 -e048 +3b -3b +3e -3e");
    assert_keys("\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~", 0,
                "+e047 -e047 +e04f -e04f +e047 -e047 +e04f -e04f +e047 -e047 +e04f -e04f");
    assert_keys("\x1b[2~\x1b[3~\x1b[5~\x1b[6~", 0, "+e052 -e052 +e053 -e053 +e049 -e049 +e051 -e051");
    assert_keys("\x1b[11~\x1b[15~\x1b[17~\x1b[21~\x1b[23~\x1b[24~", 0,
                "+3b -3b +3f -3f +40 -40 +44 -44 +57 -57 +58 -58");
    assert_keys("\x1b[[A\x1b[[E", 0, "+3b -3b +3f -3f");
    assert_keys("\x1b[1;5A", 0, "+1d +e048 -e048 -1d");
    assert_keys("\x1b[3;4~", 0, "+38 +2a +e053 -e053 -2a -38");
    assert_keys("\x1b[Z", 0, "+2a +f -f -2a");
    assert_keys("\x1b[99~\x1b[?25h\x1b[16~a", 0, "+1e -1e");
}

static void test_escape(void **state) {
    (void)state;
    assert_string_equal(parse("\x1b", 0, KEYBOARD_TEXT_MORE, 0), "");
    assert_keys("\x1b", KEYBOARD_TEXT_FINAL, "+1 -1");
    assert_keys("\x1bx", 0, "+38 +2d -2d -38");
    assert_keys("\x1b\x1b[A", 0, "+1 -1 +e048 -e048");
    assert_string_equal(parse("a\x1b[1;", 0, KEYBOARD_TEXT_MORE, 1), "+1e -1e");
    assert_string_equal(parse("\x1bO", 0, KEYBOARD_TEXT_MORE, 0), "");
    assert_string_equal(parse("\x1b[[", 0, KEYBOARD_TEXT_MORE, 0), "");
    assert_keys("\x1b[", KEYBOARD_TEXT_FINAL, "+38 +1a -1a -38");
    assert_keys("\x1bO", KEYBOARD_TEXT_FINAL, "+38 +2a +18 -18 -2a -38");
    assert_keys("\x1b[1111111111111111111111", 0, "+2 -2 +2 -2 +2 -2 +2 -2 +2 -2 +2 -2 +2 -2 +2 -2");
}

static void test_names(void **state) {
    (void)state;
    const unsigned names = KEYBOARD_TEXT_NAMES;
    assert_keys("<enter><esc><F1><up>", names, "+1c -1c +1 -1 +3b -3b +e048 -e048");
    assert_keys("<ctrl-c>", names, "+1d +2e -2e -1d");
    assert_keys("<alt-f2>", names, "+38 +3c -3c -38");
    assert_keys("<ctrl-alt-del>", names, "+1d +38 +e053 -e053 -38 -1d");
    assert_keys("<ctrl-alt-shift-a>", names, "+1d +38 +2a +1e -1e -2a -38 -1d");
    assert_keys("<lt>", names, "+2a +33 -33 -2a");
    assert_keys("<ctrl-->", names, "+1d +c -c -1d");
    assert_keys("a<b", names, "+1e -1e +2a +33 -33 -2a +30 -30");
    assert_keys("< up>", names, "+2a +33 -33 -2a +39 -39 +16 -16 +19 -19 +2a +34 -34 -2a");
    assert_keys("<>", names, "+2a +33 -33 -2a +2a +34 -34 -2a");
    assert_string_equal(parse("a<nosuchkey>b", names, KEYBOARD_TEXT_UNKNOWN, 1), "+1e -1e");
    assert_string_equal(parse("<ctrl->", names, KEYBOARD_TEXT_UNKNOWN, 0), "");
}

static void test_room(void **state) {
    (void)state;
    struct keyboard_text_result parsed = keyboard_text_parse("aBc", 3, 0, events, 5);
    assert_int_equal(parsed.end, KEYBOARD_TEXT_FULL);
    assert_int_equal(parsed.events, 2);
    assert_int_equal(parsed.consumed, 1);
    parsed = keyboard_text_parse("", 0, 0, NULL, 0);
    assert_int_equal(parsed.end, KEYBOARD_TEXT_DONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_every_printable_character_has_a_key),
        cmocka_unit_test(test_unicode_is_left_out),
        cmocka_unit_test(test_terminal_sequences),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
