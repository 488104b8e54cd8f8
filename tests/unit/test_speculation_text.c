// What `info` says of speculative execution.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/speculation_text.h"
#include "kernel/abi.h"

static void says_what_is_in_force_and_what_is_open(void **state) {
    (void)state;
    char text[SPECULATION_TEXT_SIZE];
    speculation_text(0, text, sizeof text);
    assert_string_equal(text, "returns after exits");
    speculation_text(SPECULATION_IBPB | SPECULATION_OPEN_SIBLINGS, text, sizeof text);
    assert_string_equal(
        text, "returns after exits, IBPB between domains; open: branches between threads of a core (no STIBP)");
    speculation_text(SPECULATION_OPEN_BRANCHES | SPECULATION_OPEN_L1D, text, sizeof text);
    assert_string_equal(text, "returns after exits; open: branches between domains (no IBPB), L1TF (no L1D_FLUSH)");
}

static void has_room_for_all(void **state) {
    (void)state;
    char text[SPECULATION_TEXT_SIZE];
    speculation_text(UINT32_MAX, text, sizeof text);
    assert_true(strlen(text) < sizeof text - 1);
    assert_non_null(strstr(text, "not from guests"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_is_in_force_and_what_is_open),
                                       cmocka_unit_test(has_room_for_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
