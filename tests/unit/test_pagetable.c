// Entries of page tables: each field is the bits that the manuals give it, at each level.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/pagetable.h"

#define RIGHTS (DELEGATE_READ | DELEGATE_WRITE | DELEGATE_EXECUTE)

// SDM 3A tables 4-15 to 4-20, APM 2 figures 5-19 to 5-27: the values, not our names.
static void entry_bits(void **state) {
    (void)state;
    assert_true(pte_make(0x12345000, DELEGATE_READ, false, 0) == 0x8000000012345065);
    assert_true(pte_make(0x12345000, DELEGATE_READ | DELEGATE_WRITE, false, 0) == 0x8000000012345067);
    assert_true(pte_make(0x12345000, DELEGATE_READ | DELEGATE_EXECUTE, false, 0) == 0x0000000012345065);
    assert_true(pte_make(0xfec00000, DELEGATE_READ | DELEGATE_WRITE, true, 0) == 0x80000000fec0007f);
    assert_true(pte_make(0x40000000, RIGHTS, false, 1) == 0x400000e7);
    assert_true(pte_make(0x40000000, RIGHTS, false, 2) == 0x400000e7);
}

// Bits of an entry are independent, so one bit at a time is all there is.
static void address_and_rights_come_back(void **state) {
    (void)state;
    for (unsigned level = 0; level < 3; level++)
        for (unsigned bit = 12 + 9 * level; bit < 52; bit++)
            for (unsigned rights = 0; rights <= RIGHTS; rights++)
                for (unsigned uncached = 0; uncached < 2; uncached++) {
                    uint64_t entry = pte_make(1ull << bit, rights & RIGHTS, uncached, level);
                    assert_true(pte_address(entry, level) == 1ull << bit);
                    assert_int_equal(pte_rights(entry), (rights & RIGHTS) | DELEGATE_READ);
                    assert_true(entry & PTE_PRESENT);
                    assert_false(entry & PTE_KERNEL);
                    assert_int_equal((entry & PTE_PCD) != 0, uncached);
                    assert_false(pte_is_table(entry, level));
                }
}

static void address_ignores_all_other_bits(void **state) {
    (void)state;
    for (unsigned level = 0; level < PAGETABLE_LEVELS; level++)
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t expected = bit >= 12 + 9 * level && bit < 52 ? 1ull << bit : 0;
            assert_true(pte_address(1ull << bit, level) == expected);
            assert_true(pte_address(~(1ull << bit), level) == (pte_address(UINT64_MAX, level) & ~expected));
        }
}

static void index_takes_nine_bits_a_level(void **state) {
    (void)state;
    for (unsigned level = 0; level < PAGETABLE_LEVELS; level++)
        for (unsigned bit = 0; bit < 64; bit++) {
            unsigned low = 12 + 9 * level;
            unsigned expected = bit >= low && bit < low + 9 ? 1u << (bit - low) : 0;
            assert_int_equal(pte_index(1ull << bit, level), expected);
        }
    assert_int_equal(pte_index(UINT64_MAX, 3), 511);
    assert_int_equal(pte_index(0xffffffff80000000, 3), 511);
    assert_int_equal(pte_index(0xffffffff80000000, 2), 510);
    assert_int_equal(pte_index(0x7fffffe00000, 1), 511);
}

static void tables_are_present_and_not_large(void **state) {
    (void)state;
    assert_false(pte_is_table(PTE_PRESENT, 0));
    for (unsigned level = 1; level < PAGETABLE_LEVELS; level++) {
        assert_true(pte_is_table(PTE_PRESENT, level));
        assert_true(pte_is_table(UINT64_MAX & ~PTE_LARGE, level));
        assert_false(pte_is_table(PTE_PRESENT | PTE_LARGE, level));
        assert_false(pte_is_table(UINT64_MAX & ~PTE_PRESENT & ~PTE_LARGE, level));
        assert_false(pte_is_table(0, level));
    }
}

// All orders, at each place of a table where such a block can be: its entries are within the one table, and are as many
// bytes as it has pages.
static void blocks_stay_within_their_table(void **state) {
    (void)state;
    for (unsigned order = 0; order <= BLOCK_ORDER_MAX; order++) {
        struct block block = block_of(order);
        uint64_t bytes = PAGE_SIZE << order, entry = PAGE_SIZE << (9 * block.level), table = 512 * entry;
        assert_true(block.entries * entry == bytes);
        for (uint64_t address = 0; address < 2 * table; address += bytes) {
            assert_true(block_at(address, order, 1ull << 47));
            assert_true(pte_index(address, block.level) + block.entries <= 512);
            assert_true((address + bytes - 1) / table == address / table);
        }
    }
}

static void blocks_are_aligned_and_below_the_top(void **state) {
    (void)state;
    for (unsigned order = 0; order < 256; order++)
        for (unsigned bit = 0; bit < 64; bit++) {
            bool good = order <= BLOCK_ORDER_MAX && bit >= 12 + order && bit < 47;
            assert_int_equal(block_at(1ull << bit, order, 1ull << 47), good);
            assert_int_equal(block_at(1ull << 46 | 1ull << bit, order, 1ull << 47), good);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_bits),
        cmocka_unit_test(address_and_rights_come_back),
        cmocka_unit_test(address_ignores_all_other_bits),
        cmocka_unit_test(index_takes_nine_bits_a_level),
        cmocka_unit_test(tables_are_present_and_not_large),
        cmocka_unit_test(blocks_stay_within_their_table),
        cmocka_unit_test(blocks_are_aligned_and_below_the_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
