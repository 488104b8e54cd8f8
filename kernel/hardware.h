// What init may ask of the machine as a whole.
#pragma once
#include "kernel/pd.h"

// Maps the core's information, log and trace pages read-only from an address on.
NODISCARD int hardware_map_info(struct pd *pd, uint64_t address);
// Ends virtualization on all CPUs; the others stop. The caller goes on, to power off or reset.
void hardware_stop(void);
