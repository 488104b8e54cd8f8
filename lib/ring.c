// Byte rings.
#include "lib/ring.h"
#include "lib/string.h"

// Bytes between the positions; `size` (full) if the other side claims what cannot be.
static size_t used(const struct ring *ring) {
    uint64_t written = __atomic_load_n(&ring->header->written, __ATOMIC_ACQUIRE);
    uint64_t read = __atomic_load_n(&ring->header->read, __ATOMIC_ACQUIRE);
    uint64_t bytes = written - read;
    return bytes > ring->size ? ring->size : bytes;
}

size_t ring_readable(const struct ring *ring) {
    return used(ring);
}

size_t ring_writable(const struct ring *ring) {
    return ring->size - used(ring);
}

// The part of a transfer before the ring's end.
static size_t first_part(const struct ring *ring, uint64_t offset, size_t bytes) {
    return bytes < ring->size - offset ? bytes : ring->size - offset;
}

size_t ring_write(const struct ring *ring, const void *from, size_t bytes) {
    size_t room = ring_writable(ring);
    bytes = bytes < room ? bytes : room;
    uint64_t written = __atomic_load_n(&ring->header->written, __ATOMIC_RELAXED), offset = written & (ring->size - 1);
    size_t first = first_part(ring, offset, bytes);
    memcpy(ring->data + offset, from, first);
    memcpy(ring->data, (const uint8_t *)from + first, bytes - first);
    __atomic_store_n(&ring->header->written, written + bytes, __ATOMIC_RELEASE);
    return bytes;
}

size_t ring_read(const struct ring *ring, void *to, size_t bytes) {
    size_t there = used(ring);
    bytes = bytes < there ? bytes : there;
    uint64_t read = __atomic_load_n(&ring->header->read, __ATOMIC_RELAXED), offset = read & (ring->size - 1);
    size_t first = first_part(ring, offset, bytes);
    memcpy(to, ring->data + offset, first);
    memcpy((uint8_t *)to + first, ring->data, bytes - first);
    __atomic_store_n(&ring->header->read, read + bytes, __ATOMIC_RELEASE);
    return bytes;
}
