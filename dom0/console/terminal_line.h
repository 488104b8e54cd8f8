// What stands on the terminal's current line, followed from the bytes sent to it (ECMA-48), so that a log line can be
// put above a line being typed, and that line drawn again. Pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TERMINAL_LINE_CELLS   256u
#define TERMINAL_REDRAW_BYTES (TERMINAL_LINE_CELLS * 4 + 32)

struct terminal_cell {
    uint8_t bytes[4]; // a character in UTF-8, zeros after it
};

struct terminal_line {
    uint8_t state;         // enum of terminal_line.c: within text, or within an escape sequence
    bool private_sequence; // CSI ?
    bool full_screen;      // a program draws the whole screen: nothing may come between
    uint32_t parameters, parameter[2];
    uint32_t length, cursor;
    struct terminal_cell cell[TERMINAL_LINE_CELLS];
};

void terminal_line_put(struct terminal_line *line, uint8_t byte);

// Something else can be written now: no sequence is incomplete, and no program has the whole screen.
bool terminal_line_can_interrupt(const struct terminal_line *line);

// The cursor is at the start of an empty line.
bool terminal_line_is_empty(const struct terminal_line *line);

// The bytes that draw the line again from the start of an empty one; at most TERMINAL_REDRAW_BYTES.
size_t terminal_line_redraw(const struct terminal_line *line, char to[TERMINAL_REDRAW_BYTES]);
