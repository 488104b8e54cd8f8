// The account for kernel memory, at both ends of what it can hold.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/quota.h"

static void takes_all_and_no_more(void **state) {
    (void)state;
    struct quota quota = {.bytes = 8192};
    assert_true(quota_take(&quota, 0));
    assert_true(quota_take(&quota, 4096));
    assert_false(quota_take(&quota, 4097));
    assert_int_equal(quota.used, 4096);
    assert_true(quota_take(&quota, 4096));
    assert_int_equal(quota.used, 8192);
    assert_false(quota_take(&quota, 1));
    assert_true(quota_take(&quota, 0));
}

static void gives_back_no_more_than_was_taken(void **state) {
    (void)state;
    struct quota quota = {.bytes = 8192};
    assert_false(quota_give(&quota, 1));
    assert_true(quota_take(&quota, 5000));
    assert_false(quota_give(&quota, 5001));
    assert_int_equal(quota.used, 5000);
    assert_true(quota_give(&quota, 904));
    assert_int_equal(quota.used, 4096);
    assert_true(quota_give(&quota, 4096));
    assert_int_equal(quota.used, 0);
}

// No sum wraps around.
static void huge_amounts_are_refused(void **state) {
    (void)state;
    struct quota quota = {.bytes = UINT64_MAX, .used = UINT64_MAX - 1};
    assert_false(quota_take(&quota, 2));
    assert_false(quota_take(&quota, UINT64_MAX));
    assert_true(quota_take(&quota, 1));
    assert_false(quota_take(&quota, UINT64_MAX));
    assert_true(quota_give(&quota, UINT64_MAX));
    assert_int_equal(quota.used, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_all_and_no_more),
        cmocka_unit_test(gives_back_no_more_than_was_taken),
        cmocka_unit_test(huge_amounts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
