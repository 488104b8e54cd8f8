// Priorities at a local APIC (SDM 3A 10.8.3.1), the same for what the VMM shows and what the core injects. Pure;
// proved.
#pragma once
#include <stdint.h>

// PPR: the greater of TPR and the class in service. `in_service`: the highest vector of ISR, 0: none.
/*@ assigns \nothing;
    ensures \result / 16 == \max(tpr / 16, in_service / 16);
    ensures \result % 16 == (tpr / 16 >= in_service / 16 ? tpr % 16 : 0);
*/
static inline uint8_t apic_ppr(uint8_t tpr, uint8_t in_service) {
    if (tpr / 16 >= in_service / 16)
        return tpr;
    return (uint8_t)(in_service / 16 * 16);
}
