// The capability table: get is total, insert and remove touch one slot, rights only shrink.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/captable.h"

#define SLOTS 8

static const struct capability SOME = {.object = 0x1000040, .generation = 7, .kind = 3, .rights = 0x8005};

// A table of SLOTS slots, slot 5 in use, between two canaries.
struct fixture {
    struct capability memory[SLOTS + 2];
    struct captable table;
};

static struct fixture fixture_make(void) {
    struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.memory[0] = fixture.memory[SLOTS + 1] = (struct capability){1, 2, 3, 4};
    fixture.memory[1 + 5] = SOME;
    return fixture;
}

static struct captable *fixture_table(struct fixture *fixture) {
    fixture->table = (struct captable){.slots = fixture->memory + 1, .count = SLOTS};
    return &fixture->table;
}

static void assert_capability(struct capability a, struct capability b) {
    assert_int_equal(a.object, b.object);
    assert_int_equal(a.generation, b.generation);
    assert_int_equal(a.kind, b.kind);
    assert_int_equal(a.rights, b.rights);
}

static void assert_others_same(const struct fixture *now, uint64_t selector) {
    struct fixture before = fixture_make();
    for (uint64_t i = 0; i < SLOTS + 2; i++)
        if (i != selector + 1)
            assert_capability(now->memory[i], before.memory[i]);
}

static void get_answers_any_selector(void **state) {
    (void)state;
    struct fixture fixture = fixture_make();
    struct captable *table = fixture_table(&fixture);
    assert_capability(captable_get(table, 5), SOME);
    const uint64_t empty[] = {0, 4, 6, SLOTS - 1, SLOTS, SLOTS + 1, 1ull << 32 | 5, 1ull << 60 | 5, UINT64_MAX};
    for (unsigned i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
        assert_capability(captable_get(table, empty[i]), CAPABILITY_NULL);
}

static void get_of_an_empty_table(void **state) {
    (void)state;
    struct captable table = {0};
    assert_capability(captable_get(&table, 0), CAPABILITY_NULL);
    assert_false(captable_can_insert(&table, 0));
    captable_remove(&table, 0);
}

static void insert_needs_an_empty_slot_but_0(void **state) {
    (void)state;
    struct fixture fixture = fixture_make();
    struct captable *table = fixture_table(&fixture);
    for (uint64_t selector = 0; selector < SLOTS; selector++)
        assert_int_equal(captable_can_insert(table, selector), selector != 0 && selector != 5);
    assert_false(captable_can_insert(table, SLOTS));
    assert_false(captable_can_insert(table, UINT64_MAX));
}

static void insert_changes_one_slot(void **state) {
    (void)state;
    for (uint64_t selector = 1; selector < SLOTS; selector++) {
        struct fixture fixture = fixture_make();
        struct captable *table = fixture_table(&fixture);
        if (!captable_can_insert(table, selector))
            continue;
        captable_insert(table, selector, (struct capability){1, 2, 3, 4});
        assert_capability(captable_get(table, selector), (struct capability){1, 2, 3, 4});
        assert_false(captable_can_insert(table, selector));
        assert_others_same(&fixture, selector);
    }
}

static void remove_empties_one_slot(void **state) {
    (void)state;
    struct fixture fixture = fixture_make();
    struct captable *table = fixture_table(&fixture);
    captable_remove(table, 5);
    assert_capability(captable_get(table, 5), CAPABILITY_NULL);
    assert_true(captable_can_insert(table, 5));
    assert_others_same(&fixture, 5);
}

static void remove_of_what_is_not_there(void **state) {
    (void)state;
    struct fixture fixture = fixture_make();
    struct captable *table = fixture_table(&fixture);
    const uint64_t selectors[] = {0, 4, SLOTS, SLOTS + 1, UINT64_MAX};
    for (unsigned i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++)
        captable_remove(table, selectors[i]);
    assert_others_same(&fixture, UINT64_MAX - 1);
}

static void taken_are_slots_with_an_object(void **state) {
    (void)state;
    struct fixture fixture = fixture_make();
    struct captable *table = fixture_table(&fixture), none = {0};
    assert_int_equal(captable_taken(&none), 0);
    assert_int_equal(captable_taken(table), 1);
    captable_insert(table, 1, SOME);
    captable_insert(table, SLOTS - 1, SOME);
    assert_int_equal(captable_taken(table), 3);
    captable_remove(table, 1);
    assert_int_equal(captable_taken(table), 2);
}

static void reduce_keeps_the_rights_in_the_mask(void **state) {
    (void)state;
    for (unsigned mask = 0; mask <= UINT16_MAX; mask++) {
        struct capability reduced = capability_reduce(SOME, (uint16_t)mask);
        assert_int_equal(reduced.rights, 0x8005 & mask);
        reduced.rights = SOME.rights;
        assert_capability(reduced, SOME);
    }
}

static void reduced_twice_is_never_more(void **state) {
    (void)state;
    struct capability reduced = capability_reduce(capability_reduce(SOME, 0x0004), 0xffff);
    assert_int_equal(reduced.rights, 0x0004);
}

// Every pair of bytes, as low and as high halves. Counted, since an assertion each would take seconds.
static void has_asks_for_all_rights(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (unsigned held = 0; held < 256; held++) {
        for (unsigned asked = 0; asked < 256; asked++) {
            bool expected = true;
            for (unsigned bit = 0; bit < 8; bit++)
                expected &= !(asked >> bit & 1) || (held >> bit & 1);
            struct capability low = {.rights = (uint16_t)held}, high = {.rights = (uint16_t)(held << 8)};
            wrong += capability_has(low, (uint16_t)asked) != expected;
            wrong += capability_has(high, (uint16_t)(asked << 8)) != expected;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_answers_any_selector),         cmocka_unit_test(get_of_an_empty_table),
        cmocka_unit_test(insert_needs_an_empty_slot_but_0), cmocka_unit_test(insert_changes_one_slot),
        cmocka_unit_test(remove_empties_one_slot),          cmocka_unit_test(remove_of_what_is_not_there),
        cmocka_unit_test(taken_are_slots_with_an_object),   cmocka_unit_test(reduce_keeps_the_rights_in_the_mask),
        cmocka_unit_test(reduced_twice_is_never_more),      cmocka_unit_test(has_asks_for_all_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
