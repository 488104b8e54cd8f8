// Little-endian fields one after the other into a buffer of fixed size. Once it is full, nothing more is written and
// `full` stays set: builders check it once, at the end.
#pragma once
#include "lib/string.h"
#include <stdbool.h>
#include <stdint.h>

struct table_writer {
    uint8_t *bytes;
    size_t room, used;
    bool full;
};

static inline void table_bytes(struct table_writer *w, const void *from, size_t count) {
    if (w->full || count > w->room - w->used) {
        w->full = true;
        return;
    }
    memcpy(w->bytes + w->used, from, count);
    w->used += count;
}

static inline void table_number(struct table_writer *w, uint64_t value, size_t bytes) {
    uint8_t field[8];
    for (unsigned i = 0; i < sizeof field; i++)
        field[i] = (uint8_t)(value >> 8 * i);
    table_bytes(w, field, bytes < sizeof field ? bytes : sizeof field);
}

static inline void table_u8(struct table_writer *w, uint8_t value) {
    table_number(w, value, 1);
}

static inline void table_u16(struct table_writer *w, uint16_t value) {
    table_number(w, value, 2);
}

static inline void table_u32(struct table_writer *w, uint32_t value) {
    table_number(w, value, 4);
}

static inline void table_zeros(struct table_writer *w, size_t count) {
    for (size_t i = 0; i < count; i++)
        table_u8(w, 0);
}

static inline void table_align(struct table_writer *w, size_t alignment) {
    table_zeros(w, (alignment - w->used % alignment) % alignment);
}

// The byte that makes a sum of bytes zero.
static inline uint8_t table_checksum(const uint8_t *bytes, size_t count) {
    uint8_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return (uint8_t)-sum;
}
