// How many lines of one kind are shown: a burst, then so many a second. The rest is counted. Pure; time is given in
// ticks of the TSC, and whoever says more of them for a second gets fewer lines.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define LOG_RATE_LINES 20u // a second
#define LOG_RATE_BURST 60u // after a silence, and while a server starts

struct log_rate {
    uint64_t paid_until; // each line shown moves this on by its share of a second; it stays near the present time
    uint64_t held;       // lines not shown that nobody has been told of
    uint64_t held_since; // time of the first of them
};

// True if a line may be shown now; else it is counted as held back.
bool log_rate_take(struct log_rate *rate, uint64_t now, uint64_t ticks_per_second);

// Counts a line, or several, that can be shown no more.
void log_rate_skip(struct log_rate *rate, uint64_t now);

// A second after the first line was held back: how many were, and forgets them. 0: nothing to tell yet.
uint64_t log_rate_report(struct log_rate *rate, uint64_t now, uint64_t ticks_per_second);

// When log_rate_report has something to tell; UINT64_MAX for never.
uint64_t log_rate_deadline(const struct log_rate *rate, uint64_t ticks_per_second);
