// A ring of bytes in shared memory, one producer and one consumer. Neither trusts the other: positions are checked and
// masked at each use; a position that cannot be counts as an empty or full ring.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Shared. Positions count bytes since the start and never wrap in practice.
struct ring_header {
    uint64_t written; // by the producer, after the bytes (release)
    uint64_t read;    // by the consumer, after it has copied them (release)
};

// Private view of one side.
struct ring {
    struct ring_header *header;
    uint8_t *data;
    uint64_t size; // a power of two
};

// Copies at most `bytes` in; how many fit.
size_t ring_write(const struct ring *ring, const void *from, size_t bytes);
// Copies at most `bytes` out; how many there were.
size_t ring_read(const struct ring *ring, void *to, size_t bytes);
size_t ring_readable(const struct ring *ring);
size_t ring_writable(const struct ring *ring);
