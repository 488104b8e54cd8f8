// What `info` says of the host's defences against speculative execution. Pure.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SPECULATION_TEXT_SIZE 400

// SPECULATION_* in words: what is in force, then what is open.
void speculation_text(uint32_t speculation, char *to, size_t size);
