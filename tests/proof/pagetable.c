// Gives the entries' inline functions to Frama-C, which knows no _Alignas; and what they say together.
#define _Alignas(bytes) __attribute__((aligned(bytes)))
#include "kernel/pagetable.h"

// The address of a page that was mapped is that of the page: all that was put in, and nothing else.
/*@ requires level < PAGETABLE_LEVELS - 1;
    requires \forall integer k; 0 <= k < 64 && PTE_BIT(hpa, k) ==> 12 + 9 * level <= k < 52;
    assigns \nothing;
    ensures PTE_SAME_4K(\result, hpa);
    ensures PTE_NONE9(\result, 0) && PTE_NONE3(\result, 9) && PTE_NONE9(\result, 52) && PTE_NONE3(\result, 61);
*/
uint64_t pte_address_of_made(uint64_t hpa, unsigned rights, bool uncached, unsigned level) {
    return pte_address(pte_make(hpa, rights, uncached, level), level);
}
