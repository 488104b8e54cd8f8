// Capability tables.
#include "kernel/captable.h"

struct capability captable_get(const struct captable *table, uint64_t selector) {
    if (selector >= table->count)
        return CAPABILITY_NULL;
    return table->slots[selector];
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

struct capability capability_reduce(struct capability capability, uint16_t mask) {
    capability.rights = (uint16_t)(capability.rights & mask);
    return capability;
}

bool capability_has(struct capability capability, uint16_t rights) {
    return (capability.rights & rights) == rights;
}
