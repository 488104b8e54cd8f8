// Text that somebody hostile may have written, made fit for a terminal: it shows it and obeys nothing in it. Pure.
#pragma once
#include <stddef.h>

// Puts '?' in place of control characters but line feed and tab: C0, DEL, and ECMA-48's C1, as bytes and as UTF-8.
void plain_text(char *text, size_t length);
