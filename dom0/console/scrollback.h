// The bytes kept of a channel's output: the newest CONSOLE_SCROLLBACK of them, by their position since its start. Pure.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct scrollback {
    uint8_t *data;
    uint64_t size; // a power of two
    uint64_t end;  // bytes ever written
};

// Position of the oldest byte that is still there.
static inline uint64_t scrollback_first(const struct scrollback *scrollback) {
    return scrollback->end > scrollback->size ? scrollback->end - scrollback->size : 0;
}

// Appends; the oldest make room.
void scrollback_write(struct scrollback *scrollback, const uint8_t *from, size_t bytes);

// Copies from *position on, at most `bytes`; a position that is older than what is kept, or later than its end, is
// moved into it first. Returns how many, and leaves *position where they begin.
size_t scrollback_read(const struct scrollback *scrollback, uint64_t *position, uint8_t *to, size_t bytes);

// Length of the line at `position` with its line feed, at most `most`; 0 if its line feed has not come and less than
// `most` bytes are there. Requires: position within what is kept.
size_t scrollback_line(const struct scrollback *scrollback, uint64_t position, size_t most);

// The start of the first line at or after `position`, or its end if none starts there.
uint64_t scrollback_line_start(const struct scrollback *scrollback, uint64_t position);
