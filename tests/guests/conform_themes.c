// What the conformance guest for one CPU runs.
#include "tests/guests/conform.h"

const struct theme themes[] = {
    {exception_checks, 0},     {user_checks, 0},
    {instruction_checks, 0},   {state_checks, 0},
    {float_checks, 0},         {access_checks, 0},
    {page_checks, 0},          {mode_checks, 0},
    {strict_checks, not_qemu}, {cr4_checks, not_bare_qemu},
    {interrupt_checks, 0},     {0},
};
