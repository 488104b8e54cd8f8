// Calls to the console server, by the portal "console": lib/protocol_console.h.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/protocol_console.h"

// The terminal shows the channel until Ctrl-] is typed there.
bool console_connect(uint64_t channel);
// The shell takes the terminal back.
void console_release(uint64_t channel);

// What was printed on a channel, from *POSITION on, as far as it is kept; *POSITION becomes that of the first byte
// copied. Returns the number of bytes.
size_t console_read(uint64_t channel, uint64_t *position, char *to, size_t size);

// As if typed on the channel. Returns how many bytes were taken.
size_t console_type(uint64_t channel, const char *bytes, size_t length);
