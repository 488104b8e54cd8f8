// Keys by name as the bytes that a terminal sends for them (ECMA-48, VT100, xterm): for `type --console`.
#pragma once
#include <stdbool.h>
#include <stddef.h>

// Turns the notation of `type` into bytes for a serial console. False with ERROR if a name is not known or not closed,
// or the bytes are more than SIZE.
bool terminal_keys_encode(const char *keys, char *to, size_t size, size_t *length, char *error, size_t error_size);
