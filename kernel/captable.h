// Capability table of a protection domain. Pure; proved: rights only shrink, a removed capability is gone.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct capability {
    uint64_t generation;
    uint32_t object; // place of a struct object in the pool (object.h), 0: empty slot
    uint16_t kind;   // enum object_kind
    uint16_t rights;
};

struct captable {
    struct capability *slots;
    uint64_t count;
};

#define CAPABILITY_NULL ((struct capability){0})

/*@ predicate capability_is_null(struct capability c) =
      c.object == 0 && c.generation == 0 && c.kind == 0 && c.rights == 0;

    predicate right_in(integer k, integer rights) = (rights & (1 << k)) != 0;

    predicate captable_valid(struct captable *table) =
      \valid(table) && \valid(table->slots + (0 .. table->count - 1)) &&
      \separated(table, table->slots + (0 .. table->count - 1));

    predicate captable_free_slot(struct captable *table, integer selector) =
      0 < selector < table->count && table->slots[selector].object == 0;

    // Every slot but the one at `selector` is as it was.
    predicate captable_others_same{L1, L2}(struct captable *table, integer selector) =
      \forall integer i; 0 <= i < \at(table->count, L1) && i != selector ==>
        \at(table->slots[i], L2) == \at(table->slots[i], L1);
*/

// The capability at a selector, or the null capability. Total: any selector may be asked.
/*@ requires captable_valid(table);
    assigns \nothing;
    ensures selector < table->count ==> \result == table->slots[selector];
    ensures selector >= table->count ==> capability_is_null(\result);
*/
struct capability captable_get(const struct captable *table, uint64_t selector);

// Is there an empty slot at `selector`? Slot 0 stays empty.
/*@ requires captable_valid(table);
    assigns \nothing;
    ensures \result <==> captable_free_slot(table, selector);
*/
bool captable_can_insert(const struct captable *table, uint64_t selector);

// Requires captable_can_insert.
/*@ requires captable_valid(table);
    requires captable_free_slot(table, selector);
    assigns table->slots[selector];
    ensures captable_valid(table);
    ensures table->slots[selector] == capability;
    ensures captable_others_same{Pre, Post}(table, selector);
*/
void captable_insert(struct captable *table, uint64_t selector, struct capability capability);

// Empties a slot. Total.
/*@ requires captable_valid(table);
    assigns table->slots[0 .. table->count - 1];
    ensures captable_valid(table);
    ensures selector < table->count ==> capability_is_null(table->slots[selector]);
    ensures captable_others_same{Pre, Post}(table, selector);
*/
void captable_remove(struct captable *table, uint64_t selector);

// How many slots are taken.
/*@ requires captable_valid(table);
    assigns \nothing;
    ensures \result <= table->count;
    ensures \result == 0 <==> (\forall integer k; 0 <= k < table->count ==> table->slots[k].object == 0);
*/
uint64_t captable_taken(const struct captable *table);

// The same capability with at most the rights in `mask`.
/*@ assigns \nothing;
    ensures \result == {capability \with .rights = \result.rights};
    ensures \forall integer k; 0 <= k < 16 ==>
      (right_in(k, \result.rights) <==> right_in(k, capability.rights) && right_in(k, mask));
*/
struct capability capability_reduce(struct capability capability, uint16_t mask);

// Has it all of `rights`?
/*@ assigns \nothing;
    ensures \result <==> (capability.rights & rights) == rights;
    ensures \result ==> (\forall integer k; 0 <= k < 16 && right_in(k, rights) ==> right_in(k, capability.rights));
*/
bool capability_has(struct capability capability, uint16_t rights);
