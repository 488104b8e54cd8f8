// Tables of functions and lines: each address gives its places; damage gives none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lines.h"

#define BASE 0x400000u

// start at line 7 of a.c; from 10h on inner of b.c, line 300, inlined in line 9 of start; from 18h on start again; from
// 118h on an assembly function without a file; nothing from 120h on.
static const struct {
    struct lines_header header;
    struct lines_function functions[3];
    char strings[28];
    uint8_t rows[22];
} __attribute__((packed)) table = {
    {LINES_MAGIC, BASE, sizeof(table), 3, 28, 22},
    {{1, 7}, {11, 17}, {21, 0}},
    "\0start\0a.c\0inner\0b.c\0entry",
    {0, 0x01, 0, 7, 0x10, 0x02, 0, 9, 1, 0xac, 0x02, 8, 0x01, 0, 10, 0x80, 0x02, 0x01, 2, 0, 8, 0x00},
};

static unsigned find(uint64_t address, struct lines_place place[LINES_DEPTH]) {
    return lines_find(&table, sizeof(table), address, place);
}

static void finds_functions_and_lines(void **state) {
    (void)state;
    struct lines_place place[LINES_DEPTH];
    char text[64];
    assert_int_equal(find(BASE, place), 1);
    lines_text(&place[0], text, sizeof(text));
    assert_string_equal(text, "start (a.c:7)");
    assert_int_equal(find(BASE + 0xf, place), 1);
    assert_int_equal(place[0].line, 7);
    assert_int_equal(find(BASE + 0x117, place), 1);
    assert_int_equal(place[0].line, 10);
}

static void names_what_was_inlined_first(void **state) {
    (void)state;
    struct lines_place place[LINES_DEPTH];
    char text[64];
    assert_int_equal(find(BASE + 0x12, place), 2);
    lines_text(&place[0], text, sizeof(text));
    assert_string_equal(text, "inner (b.c:300)");
    lines_text(&place[1], text, sizeof(text));
    assert_string_equal(text, "start (a.c:9)");
}

static void names_what_has_no_file(void **state) {
    (void)state;
    struct lines_place place[LINES_DEPTH];
    char text[64], little[4];
    assert_int_equal(find(BASE + 0x11f, place), 1);
    lines_text(&place[0], text, sizeof(text));
    assert_string_equal(text, "entry");
    lines_text(&place[0], little, sizeof(little));
    assert_string_equal(little, "ent");
}

static void knows_nothing_outside(void **state) {
    (void)state;
    struct lines_place place[LINES_DEPTH];
    assert_int_equal(find(BASE - 1, place), 0);
    assert_int_equal(find(BASE + 0x120, place), 0);
    assert_int_equal(find(UINT64_MAX, place), 0);
    assert_int_equal(find(0, place), 0);
}

// Each table is exactly as large as its memory, so that the sanitizers see a look beyond it.
static unsigned find_damaged(size_t at, uint8_t byte, size_t size) {
    struct lines_place place[LINES_DEPTH];
    char *copy = malloc(size ? size : 1), text[8];
    memcpy(copy, &table, size);
    if (at < size)
        copy[at] = (char)byte;
    unsigned places = lines_find(copy, size, BASE + 0x12, place);
    for (unsigned i = 0; i < places; i++)
        lines_text(&place[i], text, sizeof(text));
    free(copy);
    return places;
}

static void refuses_damage(void **state) {
    (void)state;
    for (size_t size = 0; size < sizeof(table); size++)
        assert_int_equal(find_damaged(size, 0, size), 0);
    for (size_t at = 0; at < sizeof(table); at++)
        for (unsigned byte = 0; byte < 256; byte += 5)
            assert_in_range(find_damaged(at, (uint8_t)byte, sizeof(table)), 0, LINES_DEPTH);
    size_t rows = offsetof(__typeof__(table), rows);
    assert_int_equal(find_damaged(0, 'X', sizeof(table)), 0);
    assert_int_equal(find_damaged(offsetof(__typeof__(table), strings) + 27, 'y', sizeof(table)), 0); // not terminated
    assert_int_equal(find_damaged(rows + 1, 0x11, sizeof(table)), 0); // keeps a place that there is not
    assert_int_equal(find_damaged(rows + 5, 0x1f, sizeof(table)), 0); // more places than there may be
    assert_int_equal(find_damaged(rows + 8, 3, sizeof(table)), 0);    // no such function
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_functions_and_lines),
        cmocka_unit_test(names_what_was_inlined_first),
        cmocka_unit_test(names_what_has_no_file),
        cmocka_unit_test(knows_nothing_outside),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
