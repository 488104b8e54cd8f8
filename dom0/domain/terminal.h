// The shell's terminal: the channel to the console server on which commands are read and answers printed.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/domain/table.h"

struct terminal_size {
    unsigned columns, rows;
};

// Line feeds are sent as carriage return and line feed. Blocks while the channel is full; events are served meanwhile.
void terminal_write(const char *text, size_t length);
void terminal_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern const struct text_sink terminal_sink;

// Waits until something was typed or the deadline (TSC) has passed. Returns the bytes read, 0 at the deadline.
size_t terminal_read(char *to, size_t size, uint64_t deadline);

// True if Ctrl-C was typed since the last time; what was typed before it is dropped, what was typed after stays.
bool terminal_interrupted(void);

struct terminal_size terminal_size(void);

// The terminal shows the shell, not a domain's console.
bool terminal_connected(void);

// Waits until the terminal has all that was written; gives up when it took nothing for 5 seconds.
void terminal_drain(void);
