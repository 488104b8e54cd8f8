// Owner and number of mappings of each frame of memory. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FRAME_OWNER_NONE   0u
#define FRAME_OWNER_KERNEL 0xffffffffu // never mapped for user level

struct frame {
    uint32_t owner; // id of a protection domain, which no other has had or will have
    uint32_t mappings;
};

struct frame_table {
    struct frame *frames;
    uint64_t count; // frames beyond are device memory: no owner, not counted
};

/*@ predicate frame_table_valid(struct frame_table *table) =
      \valid(table) && \valid(table->frames + (0 .. table->count - 1)) &&
      \separated(table, table->frames + (0 .. table->count - 1));

    // Of the frames first .. first + count - 1, those that are memory.
    predicate frame_in(struct frame_table *table, integer first, integer count, integer i) =
      first <= i < first + count && i < table->count;

    predicate frame_mappable(struct frame frame, integer own) =
      frame.owner != FRAME_OWNER_KERNEL && frame.mappings < UINT32_MAX && (own != 0 ==> frame.mappings == 0);

    predicate frame_others_same{L1, L2}(struct frame_table *table, integer first, integer count) =
      \forall integer i; 0 <= i < \at(table->count, L1) && !(first <= i < first + count) ==>
        \at(table->frames[i], L2) == \at(table->frames[i], L1);

    predicate frame_mapped_once_more(struct frame before, struct frame after, integer owner) =
      after == {before \with .mappings = (uint32_t)(before.mappings + 1),
                             .owner = (uint32_t)(owner != FRAME_OWNER_NONE ? owner : before.owner)};

    predicate frame_mapped_once_less(struct frame before, struct frame after) =
      after == {before \with .mappings = (uint32_t)(before.mappings - 1)};
*/

// May `count` frames from `first` be mapped (none is the core's, no count overflows), and, if `own`, change owner (none
// is mapped)?
/*@ requires frame_table_valid(table);
    requires first + count <= UINT64_MAX;
    assigns \nothing;
    ensures \result <==>
      (\forall integer i; frame_in(table, first, count, i) ==> frame_mappable(table->frames[i], own));
*/
bool frame_can_map(const struct frame_table *table, uint64_t first, uint64_t count, bool own);

// Counts a mapping of each; with `owner` not FRAME_OWNER_NONE, makes it the owner. Requires frame_can_map.
/*@ requires frame_table_valid(table);
    requires first + count <= UINT64_MAX;
    requires \forall integer i; frame_in(table, first, count, i) ==> frame_mappable(table->frames[i], 0);
    assigns table->frames[0 .. table->count - 1];
    ensures \forall integer i; frame_in(table, first, count, i) ==>
      frame_mapped_once_more(\old(table->frames[i]), table->frames[i], owner);
    ensures frame_others_same{Pre, Post}(table, first, count);
*/
void frame_map(struct frame_table *table, uint64_t first, uint64_t count, uint32_t owner);

// Counts a mapping of each less. Requires: each is mapped.
/*@ requires frame_table_valid(table);
    requires first + count <= UINT64_MAX;
    requires \forall integer i; frame_in(table, first, count, i) ==> table->frames[i].mappings > 0;
    assigns table->frames[0 .. table->count - 1];
    ensures \forall integer i; frame_in(table, first, count, i) ==>
      frame_mapped_once_less(\old(table->frames[i]), table->frames[i]);
    ensures frame_others_same{Pre, Post}(table, first, count);
*/
void frame_unmap(struct frame_table *table, uint64_t first, uint64_t count);
