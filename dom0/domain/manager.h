// The domain manager as a process: its capabilities, its event loop, its calls. All waiting of the shell happens in
// manager_wait(), so that domains are served meanwhile.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/domain/domain_page.h"

// Waits for events and serves them: ends of domains, typed characters. Returns after each round, or at the deadline.
void manager_wait(uint64_t deadline);

// Waits for the terminal only: what happens to domains is served later, so that no pointer to one becomes stale.
void manager_wait_for_terminal(uint64_t deadline);

uint64_t manager_now_tsc(void);
uint64_t manager_now_ms(void);                   // since the host's start
uint64_t manager_deadline_ms(uint64_t from_now); // TSC
uint64_t manager_ns_of_tsc(uint64_t ticks);
uint64_t manager_ms_of_tsc(uint64_t tsc); // since the host's start
struct domain_page_clock manager_page_clock(void);

// Waits MS long, or until Ctrl-C: then false.
bool manager_sleep_ms(uint64_t ms);

// Calls a portal with REQUEST, for at most TIMEOUT_MS. The reply's words are copied to REPLY, as many as there is room
// for, the rest of REPLY is zero. Returns enum status.
int64_t manager_call(uint64_t portal, const uint64_t *request, size_t words, uint64_t *reply, size_t reply_words,
                     uint64_t timeout_ms);

// A line for the domain manager's log.
void manager_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
