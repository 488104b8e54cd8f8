// Why a processor refuses to enter a guest's state: the checks of SDM 3C 29.3.1 (APM 2 15.5.1 has fewer) on what the
// state page holds. Pure.
#pragma once
#include "kernel/abi.h"

// The first check that the state fails, for people; null: none of these.
const char *state_check(const struct vcpu_page *page, unsigned physical_bits);
