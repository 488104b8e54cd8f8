// Exceptions of guests: whose they are, and what the guest gets of its own, by the numbers of the manuals.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/exception.h"

static void endless_ones_and_machine_checks_always_exit(void **state) {
    (void)state;
    assert_int_equal(exception_intercepts(0), 0x60002);
    assert_int_equal(exception_intercepts(1u << 14), 0x64002);
    assert_int_equal(exception_intercepts(UINT32_MAX), UINT32_MAX);
}

static void each_has_one_owner(void **state) {
    (void)state;
    for (uint32_t vector = 0; vector < 32; vector++) {
        bool host = vector == 2 || vector == 18;
        const enum exception_owner vmm = host ? EXCEPTION_OF_HOST : EXCEPTION_OF_VMM;
        for (uint32_t other = 0; other < 32; other++) // what else the VMM wants changes nothing
            if (other != vector)
                assert_int_equal(exception_owner(vector, 1u << other, false),
                                 host ? EXCEPTION_OF_HOST : EXCEPTION_OF_GUEST);
        assert_int_equal(exception_owner(vector, 1u << vector, false), vmm);
        assert_int_equal(exception_owner(vector, 0, true), vmm);
    }
}

// The format of EVENTINJ (APM 2 figure 15-5) and, but for the error code's place, of the VMCS (SDM 3C table 27-18).
static void the_guest_gets_its_own_again(void **state) {
    (void)state;
    assert_true(exception_event(1, false, 7) == 0x80000301);
    assert_true(exception_event(17, true, 0) == 0x80000b11);
    assert_true(exception_event(13, true, UINT32_MAX) == 0xffffffff80000b0d);
    assert_true(exception_event(31, true, 1) == 0x180000b1f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_ones_and_machine_checks_always_exit),
        cmocka_unit_test(each_has_one_owner),
        cmocka_unit_test(the_guest_gets_its_own_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
