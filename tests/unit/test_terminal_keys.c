// Names of keys to a terminal's bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/terminal_keys.h"

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
        cmocka_unit_test(encodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
