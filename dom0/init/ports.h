// init takes the I/O ports that it uses from the root of all ports.
#pragma once
#include "lib/ports.h"
#include "lib/syscall.h"

static inline bool ports_take(uint64_t base, unsigned order) {
    return sys_delegate(SELECTOR_PORTS, base, SELECTOR_SELF, base,
                        DELEGATE_READ | DELEGATE_WRITE | DELEGATE_ORDER(order) | DELEGATE_PORT) == OK;
}
