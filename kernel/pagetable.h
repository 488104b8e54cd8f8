// Entries of four-level page tables as host and nested paging have them (SDM 3A 4.5, APM 2 5.3, 15.25). Pure.
#pragma once
#include "kernel/abi.h"

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_PWT      (1ull << 3)
#define PTE_PCD      (1ull << 4)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY    (1ull << 6)
#define PTE_LARGE    (1ull << 7)
#define PTE_GLOBAL   (1ull << 8)
#define PTE_KERNEL   (1ull << 11) // available bit: a page of the core's, not counted as a frame
#define PTE_NX       (1ull << 63)
#define PTE_TABLE    (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
// Without these an entry is absent in both formats: an EPT entry that may be written but not read is an error of its
// own.
#define PTE_TABLE_RIGHTS (PTE_PRESENT | PTE_WRITE | PTE_USER)
#define PTE_ADDRESS      0x000ffffffffff000ull

#define PAGETABLE_LEVELS 4u

// For contracts; a predicate would hide it from the prover's rules for bits.
#define PTE_BIT(entry, bit) (((entry) & (1 << (bit))) != 0)
// clang-format off
#define PTE_SAME(a, b, bit)  (PTE_BIT(a, bit) <==> PTE_BIT(b, bit))
// clang-format on
#define PTE_SAME3(a, b, bit) (PTE_SAME(a, b, bit) && PTE_SAME(a, b, bit + 1) && PTE_SAME(a, b, bit + 2))
#define PTE_SAME9(a, b, bit) (PTE_SAME3(a, b, bit) && PTE_SAME3(a, b, bit + 3) && PTE_SAME3(a, b, bit + 6))
// The address bits of a page of each level.
#define PTE_SAME_512G(a, b) (PTE_SAME9(a, b, 39) && PTE_SAME3(a, b, 48) && PTE_SAME(a, b, 51))
#define PTE_SAME_1G(a, b)   (PTE_SAME_512G(a, b) && PTE_SAME9(a, b, 30))
#define PTE_SAME_2M(a, b)   (PTE_SAME_1G(a, b) && PTE_SAME9(a, b, 21))
#define PTE_SAME_4K(a, b)   (PTE_SAME_2M(a, b) && PTE_SAME9(a, b, 12))
#define PTE_NONE3(a, bit)   (!PTE_BIT(a, bit) && !PTE_BIT(a, bit + 1) && !PTE_BIT(a, bit + 2))
#define PTE_NONE9(a, bit)   (PTE_NONE3(a, bit) && PTE_NONE3(a, bit + 3) && PTE_NONE3(a, bit + 6))

/*@ requires level < PAGETABLE_LEVELS;
    requires \forall integer k; 0 <= k < 64 && PTE_BIT(hpa, k) ==> 12 + 9 * level <= k < 52;
    assigns \nothing;
    ensures PTE_BIT(\result, 0) && PTE_BIT(\result, 2);
    ensures PTE_BIT(\result, 1) <==> PTE_BIT(rights, 1);
    ensures PTE_BIT(\result, 63) <==> !PTE_BIT(rights, 2);
    ensures PTE_BIT(\result, 7) <==> level > 0;
    ensures PTE_BIT(\result, 3) <==> uncached;
    ensures PTE_BIT(\result, 4) <==> uncached;
    ensures !PTE_BIT(\result, 8) && !PTE_BIT(\result, 11);
    ensures address: PTE_SAME_4K(\result, hpa);
*/
static inline uint64_t pte_make(uint64_t hpa, unsigned rights, bool uncached, unsigned level) {
    uint64_t entry = hpa | PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
    if (rights & DELEGATE_WRITE)
        entry |= PTE_WRITE;
    if (!(rights & DELEGATE_EXECUTE))
        entry |= PTE_NX;
    if (uncached)
        entry |= PTE_PCD | PTE_PWT;
    if (level > 0)
        entry |= PTE_LARGE;
    return entry;
}

/*@ assigns \nothing;
    ensures PTE_BIT(\result, 0);
    ensures PTE_BIT(\result, 1) <==> PTE_BIT(entry, 1);
    ensures PTE_BIT(\result, 2) <==> !PTE_BIT(entry, 63);
    ensures \result <= 7;
*/
static inline unsigned pte_rights(uint64_t entry) {
    unsigned rights = DELEGATE_READ;
    if (entry & PTE_WRITE)
        rights |= DELEGATE_WRITE;
    if (!(entry & PTE_NX))
        rights |= DELEGATE_EXECUTE;
    return rights;
}

// Index into the table of `level` (0: pages of 4 KiB).
/*@ requires level < PAGETABLE_LEVELS;
    assigns \nothing;
    ensures \result == (address >> (PAGE_SHIFT + 9 * level)) % 512;
*/
static inline unsigned pte_index(uint64_t address, unsigned level) {
    return (unsigned)((address >> (PAGE_SHIFT + 9 * level)) % 512);
}

/*@ requires level < PAGETABLE_LEVELS;
    assigns \nothing;
    ensures \result <==> level > 0 && PTE_BIT(entry, 0) && !PTE_BIT(entry, 7);
*/
static inline bool pte_is_table(uint64_t entry, unsigned level) {
    return level > 0 && (entry & PTE_PRESENT) && !(entry & PTE_LARGE);
}

/*@ requires level < PAGETABLE_LEVELS;
    assigns \nothing;
    // All of the address and nothing else, whatever the level.
    ensures PTE_SAME_512G(\result, entry);
    ensures level < 3 ==> PTE_SAME_1G(\result, entry);
    ensures level < 2 ==> PTE_SAME_2M(\result, entry);
    ensures level < 1 ==> PTE_SAME_4K(\result, entry);
    ensures PTE_NONE9(\result, 0) && PTE_NONE3(\result, 9) && PTE_NONE9(\result, 52) && PTE_NONE3(\result, 61);
    ensures level > 0 ==> PTE_NONE9(\result, 12);
    ensures level > 1 ==> PTE_NONE9(\result, 21);
    ensures level > 2 ==> PTE_NONE9(\result, 30);
*/
static inline uint64_t pte_address(uint64_t entry, unsigned level) {
    switch (level) { // not one mask made of the level: no prover sees its bits
    case 0:
        return entry & PTE_ADDRESS;
    case 1:
        return entry & PTE_ADDRESS & ~0x1fffffull;
    case 2:
        return entry & PTE_ADDRESS & ~0x3fffffffull;
    default:
        //@ assert level == 3;
        return entry & PTE_ADDRESS & ~0x7fffffffffull;
    }
}

#define BLOCK_ORDER_MAX 18u // 1 GiB

// A naturally aligned block of 2^order pages: so many entries of one table of a level.
struct block {
    unsigned level, entries;
};

// Is there such a block at an address? It ends no later than `top`, a multiple of all blocks.
/*@ assigns \nothing;
    ensures \result ==> order <= BLOCK_ORDER_MAX && address < top;
    ensures order <= BLOCK_ORDER_MAX && address < top ==>
      (\result <==> (address & (uint64_t)((uint64_t)(PAGE_SIZE << order) - 1)) == 0);
*/
static inline bool block_at(uint64_t address, unsigned order, uint64_t top) {
    return order <= BLOCK_ORDER_MAX && (address & ((PAGE_SIZE << order) - 1)) == 0 && address < top;
}

/*@ requires order <= BLOCK_ORDER_MAX;
    assigns \nothing;
    ensures 9 * \result.level <= order < 9 * (\result.level + 1);
    ensures \result.level < PAGETABLE_LEVELS - 1;
    ensures \result.entries == (1 << (order - 9 * \result.level));
*/
static inline struct block block_of(unsigned order) {
    unsigned level = order / 9;
    return (struct block){level, 1u << (order - 9 * level)};
}
