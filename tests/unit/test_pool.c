// The pool of the core's pages: runs are found if they are there, no page is given out twice, none gets lost.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/pool.h"

static struct pool pool;

static void begin(uint64_t pages) {
    memset(&pool, 0, sizeof(pool));
    pool.pages = pages;
}

static uint64_t pages_in_use(void) {
    uint64_t used = 0;
    for (uint64_t page = 0; page < pool.pages; page++)
        used += pool_page_used(&pool, page);
    return used;
}

static void takes_one_after_the_other(void **state) {
    (void)state;
    begin(200);
    for (uint64_t page = 0; page < 200; page++)
        assert_int_equal(pool_take(&pool, 1), page);
    assert_true(pool_take(&pool, 1) == POOL_NONE);
    assert_int_equal(pages_in_use(), 200);
    pool_give(&pool, 77, 1);
    assert_int_equal(pool_take(&pool, 1), 77);
}

static void refuses_none_and_too_many(void **state) {
    (void)state;
    begin(100);
    assert_true(pool_take(&pool, 0) == POOL_NONE);
    assert_true(pool_take(&pool, 101) == POOL_NONE);
    assert_true(pool_take(&pool, UINT64_MAX) == POOL_NONE);
    assert_int_equal(pool.used, 0);
    assert_int_equal(pool_take(&pool, 100), 0);
    begin(0);
    assert_true(pool_take(&pool, 1) == POOL_NONE);
}

static void the_last_page_is_the_end(void **state) {
    (void)state;
    begin(70); // a word is half in use: its bits from 6 on are no pages
    assert_int_equal(pool_take(&pool, 65), 0);
    assert_true(pool_take(&pool, 6) == POOL_NONE);
    assert_int_equal(pool_take(&pool, 5), 65);
    begin(64 * POOL_WORDS_MAX);
    assert_int_equal(pool_take(&pool, 64 * POOL_WORDS_MAX), 0);
    assert_true(pool_take(&pool, 1) == POOL_NONE);
    pool_give(&pool, 64 * POOL_WORDS_MAX - 1, 1);
    assert_int_equal(pool_take(&pool, 1), 64 * POOL_WORDS_MAX - 1);
}

static void a_run_may_cross_words(void **state) {
    (void)state;
    begin(256);
    assert_int_equal(pool_take(&pool, 256), 0);
    pool_give(&pool, 60, 140);
    assert_true(pool_take(&pool, 141) == POOL_NONE);
    assert_int_equal(pool_take(&pool, 140), 60);
}

static void a_run_across_the_hint_is_found(void **state) {
    (void)state;
    begin(128);
    assert_int_equal(pool_take(&pool, 128), 0);
    pool_give(&pool, 40, 20);
    pool.hint = 50;
    assert_int_equal(pool_take(&pool, 20), 40);
}

// Against a map of bytes: a run is found exactly if there is one, and nothing else changes.
static uint8_t model[300];

static bool model_has_run(uint64_t count) {
    uint64_t length = 0;
    for (uint64_t page = 0; page < sizeof(model); page++) {
        length = model[page] ? 0 : length + 1;
        if (length == count && count != 0)
            return true;
    }
    return false;
}

static void assert_like_model(void) {
    uint64_t used = 0;
    for (uint64_t page = 0; page < sizeof(model); page++) {
        used += model[page];
        if (pool_page_used(&pool, page) != model[page])
            fail_msg("page %u is in use in one of both only", (unsigned)page);
    }
    assert_int_equal(pool.used, used);
}

static void model_take(uint64_t count) {
    bool there = model_has_run(count);
    uint64_t first = pool_take(&pool, count);
    assert_int_equal(first != POOL_NONE, there);
    for (uint64_t page = first; there && page < first + count; page++) {
        assert_int_equal(model[page], 0);
        model[page] = 1;
    }
}

// Gives the run of used pages at `first` back, at most `count`.
static void model_give(uint64_t first, uint64_t count) {
    uint64_t length = 0;
    while (length < count && first + length < sizeof(model) && model[first + length])
        model[first + length++] = 0;
    pool_give(&pool, first, length);
}

static void behaves_like_a_map_of_bytes(void **state) {
    (void)state;
    begin(sizeof(model));
    memset(model, 0, sizeof(model));
    uint32_t seed = 1;
    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * 1664525u + 1013904223u;
        if (seed >> 31)
            model_take((seed >> 16 & 15) * (seed >> 20 & 7));
        else
            model_give((seed >> 16 & 0x7fff) % sizeof(model), seed >> 8 & 31);
        if (i % 16 == 0)
            assert_like_model();
    }
    assert_like_model();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_one_after_the_other),      cmocka_unit_test(refuses_none_and_too_many),
        cmocka_unit_test(the_last_page_is_the_end),       cmocka_unit_test(a_run_may_cross_words),
        cmocka_unit_test(a_run_across_the_hint_is_found), cmocka_unit_test(behaves_like_a_map_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
