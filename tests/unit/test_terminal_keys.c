// Keys between their names and a terminal's bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/terminal_keys.h"

static void expect(const char *bytes, size_t taken, const char *name) {
    char key[TERMINAL_KEY_BYTES];
    assert_int_equal(terminal_key_decode(bytes, strlen(bytes), true, key), taken);
    assert_string_equal(key, name);
}

static void decodes(void **state) {
    (void)state;
    expect("ab", 1, "a");
    expect("<", 1, "<lt>");
    expect(">", 1, ">");
    expect(" ", 1, " ");
    expect("\r", 1, "<enter>");
    expect("\x7f", 1, "<backspace>");
    expect("\x03", 1, "<ctrl-c>");
    expect("\x1b[Ax", 3, "<up>");
    expect("\x1b[24~", 5, "<f12>");
    expect("\x1b", 1, "<esc>");
    expect("\x1bx", 2, "<alt-x>");
    expect("\x1b[1;5Az", 6, "");
    expect("\xc3\xa4", 1, "");
}

static void waits_for_the_rest(void **state) {
    (void)state;
    char key[TERMINAL_KEY_BYTES];
    assert_int_equal(terminal_key_decode("\x1b", 1, false, key), 0);
    assert_int_equal(terminal_key_decode("\x1b[2", 3, false, key), 0);
    assert_int_equal(terminal_key_decode("\x1b[21", 4, false, key), 0);
    assert_int_equal(terminal_key_decode("\x1b[21~", 5, false, key), 5);
    assert_int_equal(terminal_key_decode("", 0, true, key), 0);
}

static void encodes(void **state) {
    (void)state;
    char to[16], error[64];
    size_t length;
    assert_true(terminal_keys_encode("ls<enter><up><ctrl-c><alt-x><lt>>", to, sizeof to, &length, error, sizeof error));
    assert_int_equal(length, 11);
    assert_memory_equal(to, "ls\r\x1b[A\x03\x1bx<>", 11);
    assert_false(terminal_keys_encode("a<nokey>", to, sizeof to, &length, error, sizeof error));
    assert_string_equal(error, "<nokey> is no key; a < is written <lt>");
    assert_false(terminal_keys_encode("a<b", to, sizeof to, &length, error, sizeof error));
    assert_false(terminal_keys_encode("<>", to, sizeof to, &length, error, sizeof error));
    assert_false(terminal_keys_encode("12345678901234567", to, sizeof to, &length, error, sizeof error));
    assert_string_equal(error, "longer than 16 bytes");
    assert_true(terminal_keys_encode("", to, sizeof to, &length, error, sizeof error));
    assert_int_equal(length, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(waits_for_the_rest),
        cmocka_unit_test(encodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
