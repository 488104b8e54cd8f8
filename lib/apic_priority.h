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

// CR8 is the class of TPR (SDM 3A 10.8.6.1).
/*@ assigns \nothing;
    ensures \result == tpr / 16;
*/
static inline uint8_t apic_cr8(uint8_t tpr) {
    return tpr / 16;
}

// TPR behind a time in which the guest had CR8 without exits: a new class has sub-class 0, one that is the same was not
// written, or with what it was.
/*@ requires cr8 <= 15;
    assigns \nothing;
    ensures \result / 16 == cr8;
    ensures tpr / 16 == cr8 ==> \result == tpr;
    ensures tpr / 16 != cr8 ==> \result % 16 == 0;
*/
static inline uint8_t apic_tpr_of_cr8(uint8_t tpr, uint8_t cr8) {
    return tpr / 16 == cr8 ? tpr : (uint8_t)(cr8 * 16);
}
