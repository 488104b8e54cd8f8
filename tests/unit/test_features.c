// CPUs that differ: which are left out, and what vector state is switched.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/features.h"

static uint64_t needed[FEATURE_WORDS], own[FEATURE_WORDS];

static int begin(void **state) {
    (void)state;
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        needed[i] = own[i] = 0xf0f0ull << i;
    return 0;
}

static void what_is_needed_is_enough(void **state) {
    (void)state;
    assert_int_equal(features_lacking(needed, own), FEATURE_WORDS);
    memset(own, 0xff, sizeof own);
    assert_int_equal(features_lacking(needed, own), FEATURE_WORDS);
}

static void no_bit_of_it_may_be_missing(void **state) {
    for (unsigned i = FEATURE_WORDS; i-- > 0;)
        for (unsigned bit = 12; bit < 16; bit++) {
            begin(state);
            own[i] &= ~(1ull << (bit + i));
            assert_int_equal(features_lacking(needed, own), i);
            own[0] &= ~0x8000ull; // the first word that lacks one is named
            assert_int_equal(features_lacking(needed, own), 0);
        }
}

// What XSETBV would refuse (SDM 1 13.3), for all sets of components.
static bool xsetbv_takes(uint64_t xcr0) {
    bool mpx = (xcr0 & 0x18) == 0x18 || !(xcr0 & 0x18), avx512 = (xcr0 & 0xe0) == 0xe0 || !(xcr0 & 0xe0);
    return (xcr0 & 1) && (!(xcr0 & 4) || (xcr0 & 2)) && mpx && avx512 && (!(xcr0 & 0xe0) || (xcr0 & 6) == 6);
}

static void vector_state_is_the_most_that_can_be(void **state) {
    (void)state;
    for (uint64_t offered = 0; offered < 0x400; offered++) {
        uint64_t got = features_xcr0(offered);
        assert_true(xsetbv_takes(got));
        assert_int_equal(got & ~offered & ~1ull, 0);
        for (uint64_t other = 0; other < 0x400; other++)
            if (xsetbv_takes(other) && !(other & ~offered & ~1ull) && !(other & 0x100)) // 8 is a supervisor state
                assert_int_equal(other & ~got, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_needed_is_enough, begin),
        cmocka_unit_test_setup(no_bit_of_it_may_be_missing, begin),
        cmocka_unit_test(vector_state_is_the_most_that_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
