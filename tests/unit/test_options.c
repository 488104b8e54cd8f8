// The core's command line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/options.h"

enum { NO = SPECULATION_UNWANTED, YES = SPECULATION_WANTED };

static void finds_words(void **state) {
    (void)state;
    assert_string_equal(option_find("noreboot", "noreboot"), "");
    assert_string_equal(option_find("a noreboot b", "noreboot"), " b");
    assert_string_equal(option_find("spec-ctrl=no,ibpb x", "spec-ctrl"), "no,ibpb x");
    assert_string_equal(option_find("noreboots noreboot=1", "noreboot"), "1");
    assert_null(option_find("noreboots", "noreboot"));
    assert_null(option_find("xnoreboot", "noreboot"));
    assert_null(option_find("", "noreboot"));
}

static void reads_lists(void **state) {
    (void)state;
    static const struct {
        const char *list;
        struct speculation_wishes wishes;
    } cases[] = {
        {"verw", {.verw = YES}},
        {"verw,l1d-flush noreboot", {.verw = YES, .l1d_flush = YES}},
        {"no-ibpb,stibp=1,ibrs=off", {.ibpb = NO, .stibp = YES, .ibrs = NO}},
        {"md-clear=true", {.verw = YES}},
        {"no", {NO, NO, NO, NO, NO}},
        {"0,verw=yes", {NO, NO, NO, YES, NO}},
        {"no,yes", {0}},
        {"l1d-flush,l1d-flush=disable", {.l1d_flush = NO}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct speculation_wishes wishes = {0};
        size_t length;
        if (option_read_speculation(cases[i].list, &wishes, &length) ||
            memcmp(&wishes, &cases[i].wishes, sizeof wishes) != 0)
            fail_msg("%s", cases[i].list);
    }
}

static void names_the_unknown(void **state) {
    (void)state;
    static const char *const lists[][2] = {
        {"verw,ibp,stibp", "ibp"}, {"", ""},       {"verw, x", ""},           {"no-verw=1", "no-verw=1"},
        {"verw=2", "verw=2"},      {"no-", "no-"}, {"ssbd=1 verw", "ssbd=1"}, {"=1", "=1"}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct speculation_wishes wishes = {0};
        size_t length;
        const char *unknown = option_read_speculation(lists[i][0], &wishes, &length);
        if (!unknown || length != strlen(lists[i][1]) || memcmp(unknown, lists[i][1], length) != 0)
            fail_msg("%s", lists[i][0]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_words), cmocka_unit_test(reads_lists),
                                       cmocka_unit_test(names_the_unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
