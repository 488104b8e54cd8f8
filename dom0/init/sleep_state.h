// What ACPI's tables say about powering off, read without an AML interpreter. Pure; the tables are not trusted.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// SLP_TYPa of \_S5 (ACPI 6.4, 7.4.2.6): the first element of the package that a DSDT of `bytes` bytes gives that name.
// False if there is none, or its first element is no small integer.
bool sleep_state_s5(const uint8_t *dsdt, uint64_t bytes, unsigned *type);
