// What becomes of domains that ended.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/policy.h"

static const struct domain_config config = {
    .on_poweroff = DOMAIN_DESTROY, .on_reboot = DOMAIN_RESTART, .on_crash = DOMAIN_PRESERVE};

static void each_end_has_its_key(void **state) {
    (void)state;
    assert_int_equal(policy_decide(&config, DOMAIN_END_POWEROFF, false, 60000, 0).step, POLICY_DESTROY);
    assert_int_equal(policy_decide(&config, DOMAIN_END_REBOOT, false, 60000, 0).step, POLICY_RESTART);
    assert_int_equal(policy_decide(&config, DOMAIN_END_CRASH, false, 60000, 0).step, POLICY_PRESERVE);
    assert_int_equal(policy_decide(&config, DOMAIN_END_DESTROY, true, 60000, 0).step, POLICY_DESTROY);
    struct domain_config other = config;
    other.on_crash = DOMAIN_RENAME_RESTART;
    assert_int_equal(policy_decide(&other, DOMAIN_END_CRASH, false, 60000, 0).step, POLICY_RENAME_RESTART);
    other.on_crash = 77;
    assert_int_equal(policy_decide(&other, DOMAIN_END_CRASH, false, 60000, 0).step, POLICY_DESTROY);
}

static void reboot_of_the_shell_wins_once(void **state) {
    (void)state;
    assert_int_equal(policy_decide(&config, DOMAIN_END_POWEROFF, true, 60000, 0).step, POLICY_RESTART);
    assert_int_equal(policy_decide(&config, DOMAIN_END_CRASH, true, 60000, 0).step, POLICY_PRESERVE);
}

static void short_lives_end(void **state) {
    (void)state;
    unsigned lives = 0;
    for (int i = 0; i < 4; i++) {
        struct policy_decision decision = policy_decide(&config, DOMAIN_END_REBOOT, false, 9999, lives);
        assert_int_equal(decision.step, POLICY_RESTART);
        assert_null(decision.note);
        lives = decision.short_lives;
    }
    assert_int_equal(lives, 4);
    struct policy_decision last = policy_decide(&config, DOMAIN_END_REBOOT, false, 9999, lives);
    assert_int_equal(last.step, POLICY_PRESERVE);
    assert_non_null(last.note);
    struct policy_decision longer = policy_decide(&config, DOMAIN_END_REBOOT, false, 10000, lives);
    assert_int_equal(longer.step, POLICY_RESTART);
    assert_int_equal(longer.short_lives, 0);
}

static void kept_names_fit(void **state) {
    (void)state;
    char name[DOMAIN_NAME_MAX + 1], kept[DOMAIN_NAME_MAX + 1];
    assert_string_equal(policy_kept_name("web", 1, kept), "web-1");
    memset(name, 'n', DOMAIN_NAME_MAX);
    name[DOMAIN_NAME_MAX] = '\0';
    policy_kept_name(name, 12, kept);
    assert_int_equal(strlen(kept), DOMAIN_NAME_MAX);
    assert_string_equal(kept + DOMAIN_NAME_MAX - 4, "n-12");
}

static void names_of_ends(void **state) {
    (void)state;
    assert_string_equal(domain_end_name(DOMAIN_END_CRASH), "crashed");
    assert_string_equal(domain_end_name((enum domain_end)99), "ended");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_has_its_key), cmocka_unit_test(reboot_of_the_shell_wins_once),
        cmocka_unit_test(short_lives_end),      cmocka_unit_test(kept_names_fit),
        cmocka_unit_test(names_of_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
