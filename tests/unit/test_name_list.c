// Lists of names in messages.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/name_list.h"

static char text[NAME_LIST_BYTES];

static void names_stand_in_their_order(void **state) {
    (void)state;
    struct name_list list = name_list_begin(text, sizeof text, "none");
    assert_string_equal(text, "none");
    name_list_add(&list, "x");
    assert_string_equal(text, "x");
    name_list_add(&list, "two");
    name_list_add(&list, "three");
    assert_string_equal(text, "x, two, three");
}

// Of any number of names, of any length, each is there whole or counted.
static void what_is_too_much_is_counted(void **state) {
    (void)state;
    for (size_t length = 1; length < 600; length++) {
        char name[600], expected[1200] = "", number[32];
        struct name_list list = name_list_begin(text, sizeof text, "");
        memset(name, 'x', length);
        name[length] = '\0';
        for (unsigned i = 0; i < 300; i++)
            name_list_add(&list, name);
        unsigned whole = 300 - list.left_out;
        for (unsigned i = 0; i < whole; i++) {
            strcat(expected, i ? ", " : "");
            strcat(expected, name);
        }
        snprintf(number, sizeof number, "%s... and %u more", whole ? " " : "", list.left_out);
        assert_string_equal(text, strcat(expected, number));
        assert_true((whole + 1) * (length + 2) + 25 > sizeof text); // no more of them would have fitted
    }
}

// Behind the first that is left out none comes, though it would fit: the order is the list's.
static void none_comes_behind_the_end(void **state) {
    (void)state;
    char name[500];
    struct name_list list = name_list_begin(text, sizeof text, "");
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    name_list_add(&list, "a");
    name_list_add(&list, name);
    name_list_add(&list, "b");
    assert_string_equal(text, "a ... and 2 more");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stand_in_their_order),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(none_comes_behind_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
