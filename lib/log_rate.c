// Rate of log lines.
#include "lib/log_rate.h"

bool log_rate_take(struct log_rate *rate, uint64_t now, uint64_t ticks_per_second) {
    uint64_t share = ticks_per_second / LOG_RATE_LINES;
    if (rate->paid_until < now)
        rate->paid_until = now;
    // Until those that were held back are told of, none is shown: the note about them stands where they were.
    if (rate->held == 0 && rate->paid_until - now <= (LOG_RATE_BURST - 1) * share) {
        rate->paid_until += share;
        return true;
    }
    log_rate_skip(rate, now);
    return false;
}

void log_rate_skip(struct log_rate *rate, uint64_t now) {
    if (rate->held++ == 0)
        rate->held_since = now;
}

uint64_t log_rate_report(struct log_rate *rate, uint64_t now, uint64_t ticks_per_second) {
    if (now < log_rate_deadline(rate, ticks_per_second))
        return 0;
    uint64_t held = rate->held;
    rate->held = 0;
    return held;
}

uint64_t log_rate_deadline(const struct log_rate *rate, uint64_t ticks_per_second) {
    return rate->held > 0 ? rate->held_since + ticks_per_second : UINT64_MAX;
}
