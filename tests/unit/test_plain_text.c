// Hostile text made fit for a terminal.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/plain_text.h"

static void expect(const char *from, const char *to) {
    char text[64];
    size_t length = strlen(from);
    memcpy(text, from, length + 1);
    plain_text(text, length);
    assert_string_equal(text, to);
}

static void text_stays(void **state) {
    (void)state;
    expect("", "");
    expect("a line\tof text\nand one more~", "a line\tof text\nand one more~");
    expect("\xc3\x9c\xc3\x80 \xe2\x80\x94 \xe2\x82\xac \xf0\x9f\x98\x80 \xf0\x90\x80\x80",
           "\xc3\x9c\xc3\x80 \xe2\x80\x94 \xe2\x82\xac \xf0\x9f\x98\x80 \xf0\x90\x80\x80");
    expect("\xc2\xa0", "\xc2\xa0"); // the first that is not C1
}

static void what_a_terminal_obeys_goes(void **state) {
    (void)state;
    expect("\x1b[2J\a\b\r\x7f", "?[2J????");
    expect("\xc2\x9b"
           "2J",
           "\xc2?2J"); // CSI of C1
    expect("\x9b"
           "2J\x90",
           "?2J?");                   // as bytes
    expect("\xe0\x82\x9b", "\xe0??"); // in ways that are too long
    expect("\xf0\x80\x82\x9b", "\xf0???");
    expect("\xff\x9b \xf5\x9b \xf8\x88\x80", "\xff? \xf5? \xf8??");
    expect("\xc3\x80\x9b", "\xc3\x80?"); // behind a whole character
    expect("\xe2\x80\x94\x9b", "\xe2\x80\x94?");
    expect("\xf0\x9f\x98\x80\x9b", "\xf0\x9f\x98\x80?");
}

// Every text of three bytes: what is left has no C0 but two, and no C1 that is not the end of a character.
static void nothing_is_read_before_the_text(void **state) {
    (void)state;
    for (unsigned i = 0; i < 1u << 24; i += 7) {
        char text[3] = {(char)i, (char)(i >> 8), (char)(i >> 16)};
        plain_text(text, sizeof text);
        assert_true(((uint8_t)text[0] & 0xe0) != 0x80); // the first byte continues nothing
        for (size_t k = 0; k < sizeof text; k++)
            assert_true((uint8_t)text[k] >= ' ' || text[k] == '\n' || text[k] == '\t');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays),
        cmocka_unit_test(what_a_terminal_obeys_goes),
        cmocka_unit_test(nothing_is_read_before_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
