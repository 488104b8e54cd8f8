// A log in memory that a warm reset leaves alone: the next boot reads it. Everything in it is checked before it is
// believed, for a power cycle, the firmware or a boot loader may have left anything there. Pure.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define KEPT_LOG_MAGIC  0x31474f4c4b4c4842ull // "BHLKLOG1"
#define KEPT_LOG_PAGES  16u
#define KEPT_LOG_TEXT   (KEPT_LOG_PAGES * 4096u)
#define KEPT_LOG_BYTES  (4096u + KEPT_LOG_TEXT) // of one, with its head
#define KEPT_LOG_REASON 160u

// How the run that wrote it has ended: as far as it could say.
enum kept_log_end { KEPT_LOG_RUNS, KEPT_LOG_STOPPED, KEPT_LOG_PANIC, KEPT_LOG_ENDS };

struct kept_log {
    uint64_t magic;
    uint64_t written; // bytes ever; the byte at position p is text[p % KEPT_LOG_TEXT]
    uint64_t sum;     // of all of text, each byte weighted by its place
    uint32_t end;     // enum kept_log_end
    uint32_t reserved;
    char reason[KEPT_LOG_REASON]; // of a panic, terminated
    uint64_t check;               // of all that stands above
    char rest[3896];
    char text[KEPT_LOG_TEXT];
};
_Static_assert(sizeof(struct kept_log) == KEPT_LOG_BYTES, "the text begins with a page");

// Makes it an empty one.
void kept_log_start(struct kept_log *log);
// Adds bytes; may be interrupted by itself. A reset in the midst of it makes the log invalid.
void kept_log_write(struct kept_log *log, const char *bytes, uint64_t count);
// Says how the run ends; the reason is cut to what fits.
void kept_log_finish(struct kept_log *log, enum kept_log_end end, const char *reason);

// Is it whole? Then `end` and `reason` can be used too.
/*@ requires \valid_read(log);
    assigns \nothing;
    ensures \result ==> log->magic == KEPT_LOG_MAGIC && log->end < KEPT_LOG_ENDS;
    ensures \result ==> \exists integer i; 0 <= i < KEPT_LOG_REASON && log->reason[i] == 0;
*/
bool kept_log_valid(const struct kept_log *log);

// Its text in the order in which it was written, from the first whole line that is left; how many bytes. What is no
// text becomes '?'.
/*@ requires \valid_read(log) && \valid(to + (0 .. KEPT_LOG_TEXT - 1));
    requires \separated(log, to + (0 .. KEPT_LOG_TEXT - 1));
    assigns to[0 .. KEPT_LOG_TEXT - 1];
    ensures \result <= KEPT_LOG_TEXT;
    ensures \forall integer i; 0 <= i < \result ==> to[i] >= ' ' || to[i] == '\n' || to[i] == '\t' || to[i] < 0;
*/
uint64_t kept_log_copy(const struct kept_log *log, char *to);
