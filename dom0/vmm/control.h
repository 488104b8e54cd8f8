// The main thread's work: calls of the domain manager, and the console.
#pragma once
#include "dom0/vmm/machine.h"

// Serves for ever.
_Noreturn void control_serve(struct machine *machine);

// Brings what the domain page says of the vCPUs up to date. On the main thread or the machine's current vCPU's, locked.
void machine_update_statistics(struct machine *machine);
