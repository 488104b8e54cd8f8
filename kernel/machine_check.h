// Machine checks: errors that the machine finds in itself.
#pragma once
#include "kernel/registers.h"

// Turns them on, on the CPU that runs this, and logs what is left of a time before.
void machine_check_init_self(void);
// The exception. `regs` is what it interrupted, null for a guest. Any context, with or without the kernel lock. Returns
// if what was interrupted may go on; a domain that is to be ended is so by machine_check_finish, at an interrupt sent
// here.
void machine_check(const struct registers *regs);
// Ends what the last machine check on this CPU said. Needs the kernel lock.
void machine_check_finish(void);
// Logs corrected errors, which raise no exception, each bank's at most once in some seconds.
void machine_check_poll(void);
