// What the conformance guest for one CPU runs.
#include "tests/guests/conform.h"

const struct theme themes[] = {
    {exception_checks, 0},
    {user_checks, 0},
    {instruction_checks, 0},
    {rdrand_checks, has_rdrand},
    {rdseed_checks, has_rdseed},
    {state_checks, 0},
    {float_checks, 0},
    {x87_irq_checks, not_domain_on_qemu},
    {xsave_checks, has_xsave},
    {xsaveopt_checks, has_xsaveopt},
    {xsavec_checks, has_xsavec},
    {xsaves_checks, has_xsaves},
    {avx512_checks, has_avx512},
    {access_checks, 0},
    {page_checks, 0},
    {mode_checks, 0},
    {task_checks, 0},
    {strict_checks, not_qemu},
    {cr4_checks, not_bare_qemu},
    {level_checks, 0},
    {eoi_checks, has_eoi_register},
    {interrupt_checks, 0},
    {0},
};
