// The domain manager's event loop: all waiting of the shell happens in here, so that domains are served meanwhile.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Waits for events and serves them: ends of domains, typed characters. Returns after each round, or at the deadline.
void manager_wait(uint64_t deadline);

uint64_t manager_now_tsc(void);
uint64_t manager_now_ms(void);                 // since the host's start
uint64_t manager_deadline_ms(uint64_t from_now); // TSC
uint64_t manager_ns_of_tsc(uint64_t ticks);

// Waits MS long, or until Ctrl-C: then false.
bool manager_sleep_ms(uint64_t ms);

// A line for the domain manager's log; also kept for the verb `log`.
void manager_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
