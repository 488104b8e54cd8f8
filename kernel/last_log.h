// Where the log is kept, so that the next boot finds it, and what the last run left there.
#pragma once
#include "kernel/abi.h"
#include "lib/kept_log.h"

// Finds the last run's log and copies it to the information pages, chooses this run's place, and moves the log there.
// While the boot tables are loaded, before memory_init. Fills in info->kept_log_base.
void last_log_init(struct boot_info *info);
// This run's place.
uint64_t last_log_hpa(void);
