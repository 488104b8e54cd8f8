// Keys by name and as the bytes that a terminal sends for them (ECMA-48, VT100, xterm): what is typed in `screen` becomes
// names, what `type --console` is given becomes bytes.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define TERMINAL_KEY_BYTES 24

// Decodes the first key of BYTES into the notation of `type` ("a", "<lt>", "<up>", "<ctrl-c>"). Returns the bytes it
// took; 0 if they may be the beginning of a longer sequence, unless COMPLETE says that no more will come. Bytes that
// are no key are taken and give "".
size_t terminal_key_decode(const char *bytes, size_t length, bool complete, char to[TERMINAL_KEY_BYTES]);

// Turns the notation of `type` into bytes for a serial console. False with ERROR if a name is not known or not closed,
// or the bytes are more than SIZE.
bool terminal_keys_encode(const char *keys, char *to, size_t size, size_t *length, char *error, size_t error_size);
