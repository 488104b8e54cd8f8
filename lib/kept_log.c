// Logs that a warm reset leaves alone.
#include "lib/kept_log.h"
#include "lib/string.h"

// FNV-1a: no protection against a forger, who could write a whole log, but against what is left of one.
#define FNV_OFFSET 0xcbf29ce484222325ull
#define FNV_PRIME  0x100000001b3ull

/*@ assigns \nothing; */
static uint64_t mix(uint64_t hash, uint64_t value) {
    return (hash ^ value) * FNV_PRIME;
}

// The check that belongs to the head.
/*@ requires \valid_read(log);
    assigns \nothing;
*/
static uint64_t check_of(const struct kept_log *log) {
    uint64_t hash = mix(mix(mix(FNV_OFFSET, log->magic), log->written), log->sum);
    hash = mix(mix(hash, log->end), log->reserved);
    /*@ loop invariant 0 <= i <= KEPT_LOG_REASON;
        loop assigns i, hash;
        loop variant KEPT_LOG_REASON - i;
    */
    for (unsigned i = 0; i < KEPT_LOG_REASON; i++)
        hash = mix(hash, (uint64_t)(log->reason[i] & 0xff));
    return hash;
}

/*@ assigns \nothing; */
static uint64_t weigh(uint64_t place, char byte) {
    return (uint64_t)(byte & 0xff) * (2 * place + 1);
}

/*@ requires \valid_read(log);
    assigns \nothing;
*/
static uint64_t sum_of(const struct kept_log *log) {
    uint64_t sum = 0;
    /*@ loop invariant 0 <= i <= KEPT_LOG_TEXT;
        loop assigns i, sum;
        loop variant KEPT_LOG_TEXT - i;
    */
    for (uint64_t i = 0; i < KEPT_LOG_TEXT; i++)
        sum += weigh(i, log->text[i]);
    return sum;
}

void kept_log_start(struct kept_log *log) {
    memset(log, 0, sizeof(*log));
    log->magic = KEPT_LOG_MAGIC;
    log->check = check_of(log);
}

void kept_log_write(struct kept_log *log, const char *bytes, uint64_t count) {
    uint64_t start = __atomic_fetch_add(&log->written, count, __ATOMIC_RELAXED), change = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place = (start + i) % KEPT_LOG_TEXT;
        change += weigh(place, bytes[i]) - weigh(place, log->text[place]);
        log->text[place] = bytes[i];
    }
    __atomic_fetch_add(&log->sum, change, __ATOMIC_RELAXED);
    log->check = check_of(log);
}

void kept_log_finish(struct kept_log *log, enum kept_log_end end, const char *reason) {
    size_t length = strnlen(reason, KEPT_LOG_REASON - 1);
    memset(log->reason, 0, KEPT_LOG_REASON);
    memcpy(log->reason, reason, length);
    log->end = end;
    log->check = check_of(log);
}

bool kept_log_valid(const struct kept_log *log) {
    return log->magic == KEPT_LOG_MAGIC && log->end < KEPT_LOG_ENDS && log->check == check_of(log) &&
           log->reason[KEPT_LOG_REASON - 1] == 0 && log->sum == sum_of(log);
}

uint64_t kept_log_copy(const struct kept_log *log, char *to) {
    uint64_t left = log->written < KEPT_LOG_TEXT ? log->written : KEPT_LOG_TEXT;
    uint64_t at = log->written - left, length = 0;
    bool whole = left == log->written; // the first line of a ring that has gone round is the rest of one
    /*@ loop invariant 0 <= left <= KEPT_LOG_TEXT && length + left <= KEPT_LOG_TEXT;
        loop invariant \forall integer i; 0 <= i < length ==>
          to[i] >= ' ' || to[i] == '\n' || to[i] == '\t' || to[i] < 0;
        loop assigns left, at, length, whole, to[0 .. KEPT_LOG_TEXT - 1];
        loop variant left;
    */
    for (; left > 0; left--, at++) {
        char c = log->text[at % KEPT_LOG_TEXT];
        if (whole)
            to[length++] = c >= 0 && c < ' ' && c != '\n' && c != '\t' ? '?' : c;
        else if (c == '\n')
            whole = true;
    }
    return length;
}
