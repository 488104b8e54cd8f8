// Frame ownership and mapping counts.
#include "kernel/frame.h"

bool frame_can_map(const struct frame_table *table, uint64_t first, uint64_t count, bool own) {
    for (uint64_t i = 0; i < count && first + i < table->count; i++) {
        const struct frame *frame = &table->frames[first + i];
        if (frame->owner == FRAME_OWNER_KERNEL || frame->mappings == UINT32_MAX)
            return false;
        if (own && frame->mappings != 0)
            return false;
    }
    return true;
}

void frame_map(struct frame_table *table, uint64_t first, uint64_t count, uint16_t owner) {
    for (uint64_t i = 0; i < count && first + i < table->count; i++) {
        struct frame *frame = &table->frames[first + i];
        frame->mappings++;
        if (owner != FRAME_OWNER_NONE)
            frame->owner = owner;
    }
}

void frame_unmap(struct frame_table *table, uint64_t first, uint64_t count) {
    for (uint64_t i = 0; i < count && first + i < table->count; i++)
        table->frames[first + i].mappings--;
}
