// Which clock the TSC's rate is taken from: agreement, disagreement, none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/tsc_rate.h"

#define MHZ 1000000ull

static void chooses(void **state) {
    (void)state;
    static const struct {
        uint64_t mhz[TSC_SOURCES]; // HPET, PM timer, PIT, leaf 15h, leaf 16h
        unsigned source;
    } cases[] = {
        {{0, 0, 0, 0, 0}, TSC_SOURCES},
        {{0, 0, 0, 0, 2600}, TSC_BY_LEAF_16},
        {{0, 0, 0, 2592, 2600}, TSC_BY_LEAF_15},
        {{0, 0, 2592, 2592, 2600}, TSC_BY_PIT},
        {{2592, 2592, 2592, 2592, 2600}, TSC_BY_HPET},
        // What leaf 15h says is wrong, as in Bochs, or one clock's reading is.
        {{0, 100, 100, 3500, 0}, TSC_BY_PM_TIMER},
        {{0, 100, 100, 3500, 3500}, TSC_BY_PM_TIMER},
        {{100, 2592, 2592, 0, 0}, TSC_BY_PM_TIMER},
        {{2592, 100, 0, 2592, 0}, TSC_BY_HPET},
        {{5184, 1296, 2592, 2592, 0}, TSC_BY_PIT},
        // Two against two, one against one: the better ones.
        {{100, 2592, 100, 2592, 0}, TSC_BY_HPET},
        {{0, 0, 100, 2592, 0}, TSC_BY_PIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t hz[TSC_SOURCES];
        for (unsigned source = 0; source < TSC_SOURCES; source++)
            hz[source] = cases[i].mhz[source] * MHZ;
        assert_int_equal(tsc_choose(hz), cases[i].source);
    }
}

static void agrees(void **state) {
    (void)state;
    assert_true(tsc_agree(1280, 1290));
    assert_true(tsc_agree(1290, 1280));
    assert_false(tsc_agree(1280, 1291));
    assert_false(tsc_agree(1291, 1280));
    assert_false(tsc_agree(0, 0));
    assert_true(tsc_agree(UINT64_MAX, UINT64_MAX));
    assert_false(tsc_agree(UINT64_MAX, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(chooses), cmocka_unit_test(agrees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
