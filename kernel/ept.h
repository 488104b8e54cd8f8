// Entries of extended page tables (SDM 3C 31.3.2), where they differ from those of pagetable.h. Pure.
#pragma once
#include "kernel/pagetable.h"

#define EPT_READ       (1ull << 0)
#define EPT_WRITE      (1ull << 1)
#define EPT_EXECUTE    (1ull << 2)
#define EPT_WRITE_BACK (6ull << 3) // memory type; 0 is uncacheable
#define EPT_TABLE      (EPT_READ | EPT_WRITE | EPT_EXECUTE)

/*@ requires level < PAGETABLE_LEVELS;
    requires \forall integer k; 0 <= k < 64 && PTE_BIT(hpa, k) ==> 12 + 9 * level <= k < 52;
    assigns \nothing;
    ensures PTE_BIT(\result, 0);
    ensures PTE_BIT(\result, 1) <==> PTE_BIT(rights, 1);
    ensures PTE_BIT(\result, 2) <==> PTE_BIT(rights, 2);
    ensures !PTE_BIT(\result, 3);
    ensures PTE_BIT(\result, 4) <==> !uncached;
    ensures PTE_BIT(\result, 5) <==> !uncached;
    ensures PTE_BIT(\result, 7) <==> level > 0;
    ensures !PTE_BIT(\result, 6) && !PTE_BIT(\result, 11) && !PTE_BIT(\result, 63);
    ensures address: PTE_SAME_4K(\result, hpa);
*/
static inline uint64_t ept_make(uint64_t hpa, unsigned rights, bool uncached, unsigned level) {
    uint64_t entry = hpa | EPT_READ;
    if (rights & DELEGATE_WRITE)
        entry |= EPT_WRITE;
    if (rights & DELEGATE_EXECUTE)
        entry |= EPT_EXECUTE;
    if (!uncached)
        entry |= EPT_WRITE_BACK;
    if (level > 0)
        entry |= PTE_LARGE;
    return entry;
}

/*@ assigns \nothing;
    ensures PTE_BIT(\result, 0);
    ensures PTE_BIT(\result, 1) <==> PTE_BIT(entry, 1);
    ensures PTE_BIT(\result, 2) <==> PTE_BIT(entry, 2);
    ensures \result <= 7;
*/
static inline unsigned ept_rights(uint64_t entry) {
    unsigned rights = DELEGATE_READ;
    if (entry & EPT_WRITE)
        rights |= DELEGATE_WRITE;
    if (entry & EPT_EXECUTE)
        rights |= DELEGATE_EXECUTE;
    return rights;
}
