// Tables as columns and as JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/table.h"
#include "tests/unit/text_page.h"

static const struct column columns[] = {
    {"Name", "name", COLUMN_TEXT, 8},      {"ID", "domid", COLUMN_NUMBER, 4}, {NULL, "uuid", COLUMN_TEXT, 0},
    {"Time(s)", "time", COLUMN_TENTHS, 9}, {"State", NULL, COLUMN_TEXT, 7},
};

static const char *print(bool json, bool single, int rows) {
    static struct page page;
    page.used = 0;
    page.text[0] = '\0';
    struct table table = {.columns = columns, .count = 5, .sink = {page_put, &page}, .json = json, .single = single};
    table_begin(&table);
    if (rows > 0)
        table_row(&table, (struct cell[]){{"grub", 0}, {NULL, 12}, {"u\"1\n", 0}, {NULL, 105}, {"-b----", 0}});
    if (rows > 1)
        table_row(&table, (struct cell[]){{"a-long-name", 0}, {NULL, 3}, {"", 0}, {NULL, -7}, {"r-----", 0}});
    if (rows > 2)
        table_row(&table, (struct cell[]){{"none", 0}, {"-", 0}, {NULL, 0}, {"n/a", 0}, {"", 0}});
    table_end(&table);
    return page.text;
}

static void columns_line_up(void **state) {
    (void)state;
    assert_string_equal(print(false, false, 3), "Name       ID   Time(s) State\n"
                                                "grub       12      10.5 -b----\n"
                                                "a-long-name    3      -0.7 r-----\n"
                                                "none        -       n/a \n");
    assert_string_equal(print(false, false, 0), "Name       ID   Time(s) State\n");
}

static void json_is_json(void **state) {
    (void)state;
    assert_string_equal(print(true, false, 3),
                        "[\n  {\"name\": \"grub\", \"domid\": 12, \"uuid\": \"u\\\"1\\n\", \"time\": 10.5},"
                        "\n  {\"name\": \"a-long-name\", \"domid\": 3, \"uuid\": \"\", \"time\": -0.7},"
                        "\n  {\"name\": \"none\", \"domid\": null, \"uuid\": \"\", \"time\": null}\n]\n");
    assert_string_equal(print(true, false, 0), "[]\n");
}

static void single_record(void **state) {
    (void)state;
    assert_string_equal(print(false, true, 1), "Name                   : grub\nID                     : 12\n"
                                               "Time(s)                : 10.5\nState                  : -b----\n");
    assert_string_equal(print(true, true, 1),
                        "{\"name\": \"grub\", \"domid\": 12, \"uuid\": \"u\\\"1\\n\", \"time\": 10.5}\n");
}

static void json_strings(void **state) {
    (void)state;
    struct page page = {.used = 0};
    sink_json_string(&(struct text_sink){page_put, &page}, "a\\\t\r\x01\x7f\xc3\xa4");
    assert_string_equal(page.text, "\"a\\\\\\t\\r\\u0001\\u007f\xc3\xa4\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_line_up),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(single_record),
        cmocka_unit_test(json_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
