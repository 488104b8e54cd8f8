// The bytes that a PS/2 device has ready for its host.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PS2_QUEUE_BYTES 32u

struct ps2_queue {
    uint8_t bytes[PS2_QUEUE_BYTES];
    uint8_t head, used;
};

static inline void ps2_queue_clear(struct ps2_queue *queue) {
    queue->used = 0;
}

// A byte too many is lost, as on the wire.
static inline void ps2_queue_put(struct ps2_queue *queue, uint8_t byte) {
    if (queue->used >= PS2_QUEUE_BYTES)
        return;
    queue->bytes[(queue->head + queue->used++) % PS2_QUEUE_BYTES] = byte;
}

static inline bool ps2_queue_take(struct ps2_queue *queue, uint8_t *byte) {
    if (queue->used == 0)
        return false;
    *byte = queue->bytes[queue->head % PS2_QUEUE_BYTES];
    queue->head = (uint8_t)((queue->head + 1) % PS2_QUEUE_BYTES);
    queue->used--;
    return true;
}
