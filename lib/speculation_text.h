// SPECULATION_* in words.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SPECULATION_TEXT_SIZE 512u

// What is in force, and why.
void speculation_text(uint32_t speculation, char *to, size_t size);
// What is open, and why; "nothing known".
void speculation_open_text(uint32_t speculation, char *to, size_t size);
