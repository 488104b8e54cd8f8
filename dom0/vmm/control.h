// The main thread's work: calls of the domain manager, and the console.
#pragma once
#include "dom0/vmm/machine.h"

// Serves for ever.
_Noreturn void control_serve(struct machine *machine);
