// Guest time: follows the TSC, stands still while paused, and deadlines are met, never missed by rounding.
#include "dom0/vmm/guest_clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the headers above
#include <cmocka.h>

static const uint64_t frequencies[] = {1000000, 999999999, 1000000000, 1000000001, 2600000000, 4294967296, 5100000000};

static void test_scale(void **state) {
    for (unsigned i = 0; i < sizeof frequencies / sizeof *frequencies; i++) {
        struct guest_clock clock;
        guest_clock_init(&clock, frequencies[i], 1234567, 0);
        guest_clock_go(&clock, 1234567);
        uint64_t second = guest_clock_ns(&clock, 1234567 + frequencies[i]);
        assert_in_range(second, 999999000, 1000001000);
        assert_in_range(guest_clock_ns(&clock, 1234567 + 100000 * frequencies[i]), 99999900000000, 100000100000000);
    }
}

static void test_deadline(void **state) {
    for (unsigned i = 0; i < sizeof frequencies / sizeof *frequencies; i++) {
        struct guest_clock clock;
        guest_clock_init(&clock, frequencies[i], 0, 0);
        guest_clock_go(&clock, 0);
        for (uint64_t ns = 1; ns < 1ull << 50; ns = ns * 3 + 1) {
            uint64_t tsc = guest_clock_deadline(&clock, 77, ns);
            assert_true(guest_clock_ns(&clock, tsc) >= ns);
            assert_true(tsc == 77 || guest_clock_ns(&clock, tsc) - ns <= 1000 + ns / 1000000);
        }
        assert_true(guest_clock_deadline(&clock, 77, UINT64_MAX) == UINT64_MAX);
    }
}

static void test_pause(void **state) {
    struct guest_clock clock;
    guest_clock_init(&clock, 2000000000, 1000, 5000000007);
    assert_int_equal(guest_clock_ns(&clock, 999999), 0);
    guest_clock_go(&clock, 10000);
    assert_int_equal(guest_clock_tsc(&clock, 12000), 2000);
    guest_clock_stop(&clock, 14000);
    assert_int_equal(guest_clock_tsc(&clock, 99999), 4000);
    assert_true(guest_clock_deadline(&clock, 99999, 1 << 30) == UINT64_MAX);
    guest_clock_go(&clock, 100000);
    assert_int_equal(guest_clock_tsc(&clock, 100000), 4000);
    assert_int_equal(guest_clock_ns(&clock, 102000), 3000);
}

static void test_kvm_clock(void **state) {
    struct guest_clock clock;
    guest_clock_init(&clock, 2600000000, 1000, 5000000007);
    guest_clock_go(&clock, 1000);
    struct kvm_clock_page page = kvm_clock_page(&clock, 1000 + 2600000, 50, 2);
    assert_int_equal(page.version, 2);
    assert_int_equal(page.tsc_timestamp, 2600050); // as this vCPU's TSC reads
    // What the guest computes 26000 ticks later
    uint64_t delta = 26000;
    delta = page.shift < 0 ? delta >> -page.shift : delta << page.shift;
    uint64_t guest = page.system_time + (uint64_t)((unsigned __int128)delta * page.multiplier >> 32);
    assert_in_range(guest, guest_clock_ns(&clock, 1000 + 2626000) - 2, guest_clock_ns(&clock, 1000 + 2626000) + 2);
    struct kvm_wall_clock wall = kvm_wall_clock(&clock, 4);
    assert_int_equal(wall.seconds, 5);
    assert_int_equal(wall.nanoseconds, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_kvm_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
