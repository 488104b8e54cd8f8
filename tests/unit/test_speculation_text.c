// What people are told of the host's defences against speculative execution.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/abi.h"
#include "lib/speculation_text.h"

static void tells_what_is_in_force_and_why(void **state) {
    (void)state;
    char text[SPECULATION_TEXT_SIZE];
    speculation_text(0, text, sizeof text);
    assert_string_equal(text, "returns after exits");
    speculation_text(SPECULATION_IBPB | SPECULATION_VERW | SPECULATION_FOR_MDS | SPECULATION_FOR_RFDS |
                         SPECULATION_OPEN_SIBLINGS,
                     text, sizeof text);
    assert_string_equal(text, "returns after exits, IBPB between domains (Spectre v2), VERW (MDS, RFDS)");
    speculation_text(SPECULATION_VERW | SPECULATION_ASKED, text, sizeof text);
    assert_string_equal(text, "returns after exits, VERW; with the option spec-ctrl");
}

static void tells_what_is_open(void **state) {
    (void)state;
    char text[SPECULATION_TEXT_SIZE];
    speculation_open_text(SPECULATION_IBPB | SPECULATION_VERW, text, sizeof text);
    assert_string_equal(text, "nothing known");
    speculation_open_text(SPECULATION_OPEN_BRANCHES | SPECULATION_OPEN_L1D | SPECULATION_VERW, text, sizeof text);
    assert_string_equal(text, "branches between domains (no IBPB), L1TF (no L1D flush)");
}

static void has_room_for_all(void **state) {
    (void)state;
    char text[SPECULATION_TEXT_SIZE];
    speculation_text(UINT32_MAX, text, sizeof text);
    assert_true(strlen(text) < sizeof text - 1 && strstr(text, "spec-ctrl"));
    speculation_open_text(UINT32_MAX, text, sizeof text);
    assert_true(strlen(text) < sizeof text - 1 && strstr(text, "multihit"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_what_is_in_force_and_why),
                                       cmocka_unit_test(tells_what_is_open), cmocka_unit_test(has_room_for_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
