// Capability tables.
#include "kernel/captable.h"
#include "kernel/index.h"

struct capability captable_get(const struct captable *table, uint64_t selector) {
    if (selector >= table->count)
        return CAPABILITY_NULL;
    return table->slots[index_clamp(selector, table->count)];
}

bool captable_can_insert(const struct captable *table, uint64_t selector) {
    return selector != 0 && selector < table->count && table->slots[selector].object == 0;
}

void captable_insert(struct captable *table, uint64_t selector, struct capability capability) {
    table->slots[selector] = capability;
}

void captable_remove(struct captable *table, uint64_t selector) {
    if (selector < table->count)
        table->slots[selector] = CAPABILITY_NULL;
}

uint64_t captable_taken(const struct captable *table) {
    uint64_t taken = 0;
    /*@ loop invariant 0 <= i <= table->count && 0 <= taken <= i;
        loop invariant (\forall integer k; 0 <= k < i ==> table->slots[k].object == 0) <==> taken == 0;
        loop assigns i, taken;
        loop variant table->count - i;
    */
    for (uint64_t i = 0; i < table->count; i++)
        taken += table->slots[i].object != 0;
    return taken;
}

struct capability capability_reduce(struct capability capability, uint16_t mask) {
    capability.rights = (uint16_t)(capability.rights & mask);
    return capability;
}

bool capability_has(struct capability capability, uint16_t rights) {
    return (capability.rights & rights) == rights;
}
