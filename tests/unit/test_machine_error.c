// What machine checks mean: each kind of status, and each decision.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/machine_error.h"

#define UNCORRECTED (MCI_STATUS_VAL | MCI_STATUS_UC)

static void tells_errors_apart(void **state) {
    (void)state;
    static const struct {
        uint64_t status;
        bool physical;
        enum machine_error error;
    } cases[] = {
        {0, true, MACHINE_ERROR_NONE},
        {MCI_STATUS_UC | MCI_STATUS_PCC, true, MACHINE_ERROR_NONE},
        {MCI_STATUS_VAL, false, MACHINE_ERROR_CORRECTED},
        {MCI_STATUS_VAL | MCI_STATUS_OVER | MCI_STATUS_ADDR, true, MACHINE_ERROR_CORRECTED},
        {UNCORRECTED | MCI_STATUS_ADDR, true, MACHINE_ERROR_MEMORY},
        {UNCORRECTED | MCI_STATUS_ADDR, false, MACHINE_ERROR_FATAL},
        {UNCORRECTED, true, MACHINE_ERROR_FATAL},
        {UNCORRECTED | MCI_STATUS_ADDR | MCI_STATUS_PCC, true, MACHINE_ERROR_FATAL},
        {UNCORRECTED | MCI_STATUS_ADDR | MCI_STATUS_OVER, true, MACHINE_ERROR_FATAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(machine_error_of(cases[i].status, cases[i].physical), cases[i].error);
}

static void decides(void **state) {
    (void)state;
    static const struct {
        enum machine_error error;
        bool restartable;
        enum machine_memory memory;
        bool owner_interrupted;
        enum machine_check_action action;
    } cases[] = {
        {MACHINE_ERROR_CORRECTED, true, MACHINE_MEMORY_UNKNOWN, false, MACHINE_CHECK_GO_ON},
        {MACHINE_ERROR_CORRECTED, false, MACHINE_MEMORY_DOMAIN, true, MACHINE_CHECK_STOP},
        {MACHINE_ERROR_FATAL, true, MACHINE_MEMORY_DOMAIN, true, MACHINE_CHECK_STOP},
        {MACHINE_ERROR_MEMORY, true, MACHINE_MEMORY_DOMAIN, false, MACHINE_CHECK_END_OWNER},
        {MACHINE_ERROR_MEMORY, false, MACHINE_MEMORY_DOMAIN, true, MACHINE_CHECK_END_OWNER},
        {MACHINE_ERROR_MEMORY, false, MACHINE_MEMORY_DOMAIN, false, MACHINE_CHECK_STOP},
        {MACHINE_ERROR_MEMORY, true, MACHINE_MEMORY_FREE, false, MACHINE_CHECK_GO_ON},
        {MACHINE_ERROR_MEMORY, false, MACHINE_MEMORY_FREE, false, MACHINE_CHECK_STOP},
        {MACHINE_ERROR_MEMORY, true, MACHINE_MEMORY_UNKNOWN, true, MACHINE_CHECK_STOP},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            machine_check_decide(cases[i].error, cases[i].restartable, cases[i].memory, cases[i].owner_interrupted),
            cases[i].action);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_errors_apart), cmocka_unit_test(decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
