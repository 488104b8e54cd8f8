// The ledger of memory against a model: arrays with the account and the node of each page.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dom0/init/ledger.h"

#define PAGES    2048u
#define ACCOUNTS 6u // 0 is LEDGER_FREE
#define NOT_RAM  99u

static struct ledger ledger;
static uint32_t model[PAGES], model_node[PAGES];
static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

static int begin(void **state) {
    (void)state;
    memset(&ledger, 0, sizeof(ledger));
    for (unsigned i = 0; i < PAGES; i++)
        model[i] = NOT_RAM;
    return 0;
}

static void add(uint64_t first, uint64_t pages, uint32_t account, uint32_t node) {
    assert_true(ledger_add(&ledger, first, pages, account, node));
    for (uint64_t i = first; i < first + pages; i++)
        if (model[i] == NOT_RAM) {
            model[i] = account;
            model_node[i] = node;
        }
}

static void check(void) {
    static uint32_t seen[PAGES];
    for (unsigned i = 0; i < PAGES; i++)
        seen[i] = NOT_RAM;
    for (uint32_t i = 0; i < ledger.count; i++) {
        const struct ledger_range *range = &ledger.range[i];
        assert_true(range->pages > 0);
        for (uint32_t j = 0; j < ledger.count; j++) {
            const struct ledger_range *other = &ledger.range[j];
            assert_false(other->first + other->pages == range->first && other->account == range->account &&
                         other->node == range->node); // else it were one
        }
        for (uint64_t page = range->first; page < range->first + range->pages; page++) {
            assert_int_equal(seen[page], NOT_RAM);
            seen[page] = range->account;
            assert_int_equal(range->node, model_node[page]);
        }
    }
    assert_memory_equal(seen, model, sizeof(model));
    for (uint32_t account = 0; account < ACCOUNTS; account++) {
        uint64_t pages = 0;
        for (unsigned i = 0; i < PAGES; i++)
            pages += model[i] == account;
        assert_int_equal(ledger_pages(&ledger, account), pages);
    }
}

static void take(void) {
    uint64_t pages = 1 + random_below(40), alignment = 1ull << random_below(6);
    uint32_t account = 1 + random_below(ACCOUNTS - 1);
    uint64_t first = ledger_take(&ledger, pages, alignment, account);
    if (first == LEDGER_NONE)
        return;
    assert_int_equal(first % alignment, 0);
    for (uint64_t i = first; i < first + pages; i++) {
        assert_int_equal(model[i], LEDGER_FREE);
        model[i] = account;
    }
}

static void release(void) {
    uint32_t account = 1 + random_below(ACCOUNTS - 1);
    uint64_t pages = 0;
    for (unsigned i = 0; i < PAGES; i++)
        if (model[i] == account) {
            model[i] = LEDGER_FREE;
            pages++;
        }
    assert_int_equal(ledger_pages(&ledger, account), pages);
    assert_int_equal(ledger_release(&ledger, account), pages);
}

static void agrees_with_the_model(void **state) {
    (void)state;
    add(1000, 300, LEDGER_FREE, 0); // with holes between, and out of order
    add(16, 500, LEDGER_FREE, 1);
    add(1400, 600, LEDGER_FREE, 1);
    add(700, 300, LEDGER_FREE, 0);
    for (unsigned round = 0; round < 3000; round++) {
        if (random_below(8))
            take();
        else
            release();
        check();
    }
    for (uint32_t account = 1; account < ACCOUNTS; account++)
        ledger_release(&ledger, account);
    assert_int_equal(ledger_pages(&ledger, LEDGER_FREE), 1700);
    assert_int_equal(ledger.count, 3); // 700..1299 is one
}

// Releasing merges ranges with their free neighbours, also where a hole follows: nothing may be passed over.
static void releases_beyond_a_hole(void **state) {
    (void)state;
    add(0, 20, LEDGER_FREE, 0);
    add(100, 10, LEDGER_FREE, 0);
    assert_int_equal(ledger_take(&ledger, 10, 1, 1), 0);
    assert_int_equal(ledger_take(&ledger, 10, 1, 2), 10);
    assert_int_equal(ledger_take(&ledger, 10, 1, 2), 100);
    assert_int_equal(ledger_release(&ledger, 1), 10);
    assert_int_equal(ledger_release(&ledger, 2), 20);
    assert_int_equal(ledger_pages(&ledger, 2), 0);
    assert_int_equal(ledger_pages(&ledger, LEDGER_FREE), 30);
    assert_int_equal(ledger.count, 2);
}

static void frees_a_part(void **state) {
    (void)state;
    add(0, 64, LEDGER_FREE, 0);
    assert_int_equal(ledger_take(&ledger, 32, 1, 3), 0);
    assert_true(ledger_free(&ledger, 8, 4));
    assert_int_equal(ledger_pages(&ledger, 3), 28);
    assert_int_equal(ledger_pages(&ledger, LEDGER_FREE), 36);
    assert_false(ledger_free(&ledger, 8, 4));  // is free
    assert_false(ledger_free(&ledger, 30, 4)); // not all of one account
    assert_int_equal(ledger_take(&ledger, 4, 1, 4), 8);
}

// What came first stays: a page of two entries of the firmware's list is booked once.
static void reserved_for_ever(void **state) {
    (void)state;
    add(50, 200, LEDGER_RESERVED, 0);
    add(0, 100, LEDGER_FREE, 0);
    add(90, 210, LEDGER_FREE, 0);
    add(0, 300, LEDGER_FREE, 1);
    check();
    assert_int_equal(ledger_pages(&ledger, LEDGER_FREE), 100);
    assert_int_equal(ledger_largest_free(&ledger), 50);
    assert_int_equal(ledger_take(&ledger, 51, 1, 1), LEDGER_NONE);
    assert_int_equal(ledger_take(&ledger, 50, 1, 1), 0);
    assert_int_equal(ledger_take(&ledger, 50, 1, 1), 250);
    assert_int_equal(ledger_take(&ledger, 1, 1, 1), LEDGER_NONE);
    assert_false(ledger_free(&ledger, 60, 1));
    assert_int_equal(ledger_release(&ledger, 1), 100);
    assert_int_equal(ledger_pages(&ledger, LEDGER_RESERVED), 200);
}

static void ends_where_addresses_do(void **state) {
    (void)state;
    assert_true(ledger_add(&ledger, LEDGER_PAGES - 4, UINT64_MAX, LEDGER_FREE, 0));
    assert_true(ledger_add(&ledger, LEDGER_PAGES, 1, LEDGER_FREE, 0));
    assert_true(ledger_add(&ledger, UINT64_MAX, 2, LEDGER_FREE, 0));
    assert_int_equal(ledger_pages(&ledger, LEDGER_FREE), 4);
    assert_int_equal(ledger_take(&ledger, 1, 8, 1), LEDGER_NONE);
    assert_int_equal(ledger_take(&ledger, 4, 4, 1), LEDGER_PAGES - 4);
}

static void says_no_when_full(void **state) {
    (void)state;
    assert_true(ledger_add(&ledger, 0, 4 * LEDGER_RANGES, LEDGER_FREE, 0));
    for (uint32_t i = 0; i < LEDGER_RANGES - 1; i++) // two accounts by turns: nothing merges
        assert_int_equal(ledger_take(&ledger, 1, 1, 1 + i % 2), i);
    assert_int_equal(ledger.count, LEDGER_RANGES);
    uint64_t free_pages = ledger_pages(&ledger, LEDGER_FREE);
    assert_int_equal(ledger_take(&ledger, 1, 1, 3), LEDGER_NONE);
    assert_false(ledger_add(&ledger, 1ull << 32, 1, LEDGER_FREE, 0));
    assert_int_equal(ledger_pages(&ledger, LEDGER_FREE), free_pages);
    assert_int_equal(ledger_take(&ledger, free_pages, 1, 3), LEDGER_RANGES - 1); // the whole range needs no room
}

static void nonsense_gets_nothing(void **state) {
    (void)state;
    add(0, 10, LEDGER_FREE, 0);
    assert_int_equal(ledger_take(&ledger, 0, 1, 1), LEDGER_NONE);
    assert_int_equal(ledger_take(&ledger, UINT64_MAX, 1, 1), LEDGER_NONE);
    assert_int_equal(ledger_take(&ledger, 10, 16, 1), 0);
    assert_int_equal(ledger_release(&ledger, 77), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(agrees_with_the_model, begin),
        cmocka_unit_test_setup(releases_beyond_a_hole, begin),
        cmocka_unit_test_setup(frees_a_part, begin),
        cmocka_unit_test_setup(reserved_for_ever, begin),
        cmocka_unit_test_setup(ends_where_addresses_do, begin),
        cmocka_unit_test_setup(says_no_when_full, begin),
        cmocka_unit_test_setup(nonsense_gets_nothing, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
