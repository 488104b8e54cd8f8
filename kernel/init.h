// The first protection domain.
#pragma once
#include "kernel/abi.h"

// Creates and starts init. `info` is what it is told of the machine.
void init_create(struct boot_info *info);
