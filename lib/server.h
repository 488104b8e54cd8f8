// Runtime of a server: its start, log lines, time, selectors and memory. For servers without a C library, and as the
// layer beneath musl in those with one. One event loop, one thread, unless a function says otherwise.
#pragma once
#include "lib/channel.h"
#include "lib/startup.h"
#include "lib/syscall.h"
#include <stdarg.h>

extern const struct startup *const startup;

static inline struct message_buffer *message_buffer(void) {
    return (struct message_buffer *)STARTUP_MESSAGE;
}

// The server's own code; what it returns is its exit status. Called by _start (server_start.c).
int server_main(void);

// One line to the log, of lib/format.h's format, without a line feed. Waits while the log's channel is full, but not
// for ever: a line that finds no room within a second is counted, and the next one says how many were lost.
void log_line(const char *message, ...) __attribute__((format(printf, 1, 2)));
void log_vline(const char *message, va_list arguments);

// Ends the server; its supervisor reports the message and starts it again.
_Noreturn void server_fail(const char *file, int line, const char *condition);
_Noreturn void server_exit(int status);
#define SERVER_ASSERT(condition) ((condition) ? (void)0 : server_fail(__FILE__, __LINE__, #condition))

uint64_t now_tsc(void);
uint64_t tsc_of_ns(uint64_t ns);
uint64_t ns_of_tsc(uint64_t ticks);
static inline uint64_t deadline_in_ms(uint64_t ms) {
    return now_tsc() + tsc_of_ns(ms * 1000000);
}
// Seconds since 1970, UTC.
uint64_t wall_seconds(void);

// A selector not used before. Ends the server when the table is full.
uint64_t selector_new(void);

// Zeroed pages of the server's heap window; null if it is used up. Never given back.
void *pages_new(uint64_t pages);

// A capability or window of the startup page; ends the server with a message if it was not given.
uint64_t capability_required(const char *name);
void *window_required(const char *name, uint64_t *size);
