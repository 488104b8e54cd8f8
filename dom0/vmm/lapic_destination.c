// Which local APICs an interrupt message means (SDM 3A 10.6.2, 10.12.10).
#include "dom0/vmm/lapic_internal.h"

#define BROADCAST       0xffffffffu
#define XAPIC_BROADCAST 0xffu

enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

struct lapic_address lapic_address(const struct lapic *lapic) {
    bool x2apic = lapic_x2apic(lapic);
    struct lapic_address address = {
        .id = lapic_get(lapic, LAPIC_ID) >> (x2apic ? 0 : 24),
        .ldr = lapic_get(lapic, LAPIC_LDR) >> (x2apic ? 0 : 24),
        .cluster = lapic_get(lapic, LAPIC_DFR) >> 28 == 0,
        .x2apic = x2apic,
    };
    return address;
}

bool lapic_destination_match(struct lapic_address address, uint32_t destination, bool logical) {
    if (destination == BROADCAST)
        return true;
    if (!logical)
        return destination == address.id || (!address.x2apic && destination == XAPIC_BROADCAST);
    if (address.x2apic)
        return destination >> 16 == address.ldr >> 16 && destination & address.ldr & 0xffff;
    if (destination > XAPIC_BROADCAST)
        return false;
    if (!address.cluster)
        return destination & address.ldr;
    return (destination >> 4 == 15 || destination >> 4 == address.ldr >> 4) && destination & address.ldr & 15;
}

// Fixed and lowest-priority interrupts need an APIC that software has enabled; the other modes reach it always.
static bool accepts(const struct lapic *lapic, unsigned delivery_mode) {
    return lapic_enabled(lapic) && (delivery_mode > LAPIC_LOWEST || lapic_get(lapic, LAPIC_SVR) & SVR_ENABLE);
}

static uint64_t targets(struct lapic *const *lapics, unsigned count, uint32_t destination, bool logical,
                        unsigned delivery_mode) {
    uint64_t found = 0;
    for (unsigned i = 0; i < count && i < LAPIC_MAX; i++)
        if (accepts(lapics[i], delivery_mode) &&
            lapic_destination_match(lapic_address(lapics[i]), destination, logical))
            found |= 1ull << i;
    return delivery_mode == LAPIC_LOWEST ? found & (~found + 1) : found;
}

uint64_t lapic_ipi_targets(struct lapic *const *lapics, unsigned count, unsigned from, uint64_t icr) {
    unsigned mode = ICR_MODE(icr);
    uint64_t self = from < LAPIC_MAX ? 1ull << from : 0;
    switch (ICR_SHORTHAND(icr)) {
    case SHORTHAND_NONE:
        return targets(lapics, count, ICR_DESTINATION(icr), icr & ICR_LOGICAL, mode);
    case SHORTHAND_SELF:
        return targets(lapics, count, BROADCAST, false, mode == LAPIC_LOWEST ? LAPIC_FIXED : mode) & self;
    case SHORTHAND_ALL:
        return targets(lapics, count, BROADCAST, false, mode);
    default: {
        uint64_t others = targets(lapics, count, BROADCAST, false, mode == LAPIC_LOWEST ? LAPIC_FIXED : mode) & ~self;
        return mode == LAPIC_LOWEST ? others & (~others + 1) : others;
    }
    }
}

uint64_t lapic_message_targets(struct lapic *const *lapics, unsigned count, uint8_t destination, bool logical,
                               unsigned delivery_mode) {
    bool broadcast = destination == XAPIC_BROADCAST && !logical;
    return targets(lapics, count, broadcast ? BROADCAST : destination, logical, delivery_mode);
}
