// Frame ownership and mapping counts.
#include "kernel/frame.h"

bool frame_can_map(const struct frame_table *table, uint64_t first, uint64_t count, bool own) {
    /*@ loop invariant 0 <= i <= count;
        loop invariant \forall integer j; frame_in(table, first, i, j) ==> frame_mappable(table->frames[j], own);
        loop assigns i;
        loop variant count - i;
    */
    for (uint64_t i = 0; i < count && first + i < table->count; i++) {
        const struct frame *frame = &table->frames[first + i];
        if (frame->owner == FRAME_OWNER_KERNEL || frame->mappings == UINT32_MAX)
            return false;
        if (own && frame->mappings != 0)
            return false;
    }
    return true;
}

void frame_map(struct frame_table *table, uint64_t first, uint64_t count, uint32_t owner) {
    /*@ loop invariant 0 <= i <= count;
        loop invariant \forall integer j; frame_in(table, first, i, j) ==>
          frame_mapped_once_more(\at(table->frames[j], Pre), table->frames[j], owner);
        loop invariant frame_others_same{Pre, Here}(table, first, i);
        loop assigns i, table->frames[0 .. table->count - 1];
        loop variant count - i;
    */
    for (uint64_t i = 0; i < count && first + i < table->count; i++) {
        struct frame *frame = &table->frames[first + i];
        frame->mappings++;
        if (owner != FRAME_OWNER_NONE)
            frame->owner = owner;
    }
}

void frame_unmap(struct frame_table *table, uint64_t first, uint64_t count) {
    /*@ loop invariant 0 <= i <= count;
        loop invariant \forall integer j; frame_in(table, first, i, j) ==>
          frame_mapped_once_less(\at(table->frames[j], Pre), table->frames[j]);
        loop invariant frame_others_same{Pre, Here}(table, first, i);
        loop assigns i, table->frames[0 .. table->count - 1];
        loop variant count - i;
    */
    for (uint64_t i = 0; i < count && first + i < table->count; i++)
        table->frames[first + i].mappings--;
}
