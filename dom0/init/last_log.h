// init's log where the next boot finds it, and the log of the run before: the core's and init's.
#pragma once
#include <stdint.h>

// Reads what the last run left, then begins this run's.
void last_log_init(void);
// Adds a line to this run's.
void last_log_write(const char *line, uint64_t bytes);
// Copies up to `bytes` of the last run's from an offset; how many. *total: how many there are.
uint64_t last_log_read(uint64_t offset, void *to, uint64_t bytes, uint64_t *total);
