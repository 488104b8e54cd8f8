// Rendering of text screens, with a small terminal that carries out the escape sequences.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text_screen.h"

#define COLUMNS 80
#define ROWS    25

static struct vga_text_screen before, after;
static char text[TEXT_SCREEN_ANSI_BYTES];

static void blank(struct vga_text_screen *screen) {
    memset(screen, 0, sizeof *screen);
    screen->columns = COLUMNS;
    screen->rows = ROWS;
    screen->cursor_visible = true;
    screen->blink = true;
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned column = 0; column < COLUMNS; column++)
            screen->cells[row][column] = (struct vga_text_cell){' ', 0x07};
}

static void print(struct vga_text_screen *screen, unsigned row, unsigned column, const char *string,
                  uint8_t attribute) {
    for (; *string; string++, column++)
        screen->cells[row][column] = (struct vga_text_cell){(uint8_t)*string, attribute};
}

static int setup(void **state) {
    (void)state;
    blank(&before);
    blank(&after);
    return 0;
}

// --- Lines ---

static void utf8_lines(void **state) {
    (void)state;
    print(&after, 0, 2, "GNU GRUB  version 2.06  ", 0x07);
    print(&after, 2, 0, "\xc9\xcd\xbb", 0x1f);
    after.cells[3][0].character = 0x01;
    after.cells[4][0].character = 0xff;
    size_t length = text_screen_utf8(&after, text, sizeof text);
    assert_string_equal(text, "  GNU GRUB  version 2.06\n\n\u2554\u2550\u2557\n\u263a\n");
    assert_int_equal(length, strlen(text));
}

static void utf8_cut(void **state) {
    (void)state;
    print(&after, 0, 0,
          "ab\xc9"
          "d",
          0x07);
    assert_int_equal(text_screen_utf8(&after, text, 5), 7);
    assert_string_equal(text, "ab"); // not within a character
    assert_int_equal(text_screen_utf8(&after, NULL, 0), 7);
    blank(&after);
    assert_int_equal(text_screen_utf8(&after, text, sizeof text), 0);
    assert_string_equal(text, "");
}

static void code_page(void **state) {
    (void)state;
    assert_int_equal(text_screen_unicode(0), ' ');
    assert_int_equal(text_screen_unicode('~'), '~');
    assert_int_equal(text_screen_unicode(0x7f), 0x2302);
    assert_int_equal(text_screen_unicode(0x80), 0xc7);
    assert_int_equal(text_screen_unicode(0xb3), 0x2502);
    assert_int_equal(text_screen_unicode(0xc4), 0x2500);
    assert_int_equal(text_screen_unicode(0xdb), 0x2588);
    assert_int_equal(text_screen_unicode(0xe1), 0xdf);
    assert_int_equal(text_screen_unicode(0xfe), 0x25a0);
}

static void crop_keeps_cursor(void **state) {
    (void)state;
    print(&after, 24, 0, "last", 0x07);
    after.cursor_row = 24;
    after.cursor_column = 4;
    text_screen_crop(&after, 100, 24);
    assert_int_equal(after.rows, 24);
    assert_int_equal(after.columns, 80);
    assert_int_equal(after.cells[23][0].character, 'l');
    assert_int_equal(after.cursor_row, 23);
    text_screen_crop(&after, 4, 10);
    assert_int_equal(after.cells[9][0].character, 'a');
    assert_int_equal(after.cursor_column, 3);
}

// --- A terminal ---

struct cell {
    unsigned character, fore, back, blink;
};

static struct terminal {
    struct cell cells[ROWS][COLUMNS];
    unsigned row, column, fore, back, blink;
    bool cursor;
} terminal;

static void erase(unsigned row, unsigned from) {
    for (unsigned i = from; i < COLUMNS; i++)
        terminal.cells[row][i] = (struct cell){' ', 37, terminal.back, 0};
}

static void rendition(unsigned code) {
    if (code == 0)
        terminal.fore = 39, terminal.back = 49, terminal.blink = 0;
    else if (code == 5)
        terminal.blink = 1;
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
        terminal.fore = code;
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107))
        terminal.back = code;
    else
        fail_msg("SGR %u", code);
}

static const char *sequence(const char *at) {
    unsigned values[4] = {0}, count = 0;
    bool private = *at == '?';
    for (at += private; (*at >= '0' && *at <= '9') || *at == ';'; at++) {
        if (*at == ';')
            count++;
        else
            values[count] = values[count] * 10 + (unsigned)(*at - '0');
        assert_true(count < 4);
    }
    switch (*at) {
    case 'm':
        for (unsigned i = 0; i <= count; i++)
            rendition(values[i]);
        break;
    case 'H':
        terminal.row = values[0] ? values[0] - 1 : 0;
        terminal.column = values[1] ? values[1] - 1 : 0;
        break;
    case 'C':
        terminal.column += values[0] ? values[0] : 1;
        break;
    case 'K':
        erase(terminal.row, terminal.column);
        break;
    case 'J':
        assert_int_equal(values[0], 2);
        for (unsigned row = 0; row < ROWS; row++)
            erase(row, 0);
        break;
    case 'h':
    case 'l':
        assert_true(private && (values[0] == 25 || values[0] == 7));
        if (values[0] == 25)
            terminal.cursor = *at == 'h';
        break;
    default:
        fail_msg("sequence %c", *at);
    }
    return at + 1;
}

static const char *character(const char *at) {
    const uint8_t *b = (const uint8_t *)at;
    unsigned bytes = b[0] < 0x80 ? 1 : b[0] < 0xe0 ? 2 : 3;
    unsigned c = bytes == 1   ? b[0]
                 : bytes == 2 ? (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu)
                              : (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
    assert_true(terminal.row < ROWS && terminal.column < COLUMNS);
    terminal.cells[terminal.row][terminal.column] = (struct cell){c, terminal.fore, terminal.back, terminal.blink};
    if (terminal.column < COLUMNS - 1) // no wrap
        terminal.column++;
    return at + bytes;
}

static void feed(const char *at) {
    while (*at) {
        if (at[0] == '\033' && at[1] == '[')
            at = sequence(at + 2);
        else if (*at == '\r')
            terminal.column = 0, at++;
        else if (*at == '\n')
            terminal.row++, at++;
        else
            at = character(at);
    }
}

static const unsigned ansi[8] = {0, 4, 2, 6, 1, 5, 3, 7};

static void check(const struct vga_text_screen *screen) {
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned column = 0; column < COLUMNS; column++) {
            const struct vga_text_cell *cell = &screen->cells[row][column];
            const struct cell *shown = &terminal.cells[row][column];
            unsigned bright = !screen->blink && cell->attribute & 0x80 ? 100 : 40;
            assert_int_equal(shown->character, text_screen_unicode(cell->character));
            assert_int_equal(shown->back, bright + ansi[cell->attribute >> 4 & 7]);
            if (shown->character == ' ')
                continue;
            assert_int_equal(shown->fore, (cell->attribute & 8 ? 90 : 30) + ansi[cell->attribute & 7]);
            assert_int_equal(shown->blink, screen->blink && cell->attribute & 0x80);
        }
    assert_int_equal(terminal.cursor, screen->cursor_visible);
    if (screen->cursor_visible) {
        assert_int_equal(terminal.row, screen->cursor_row);
        assert_int_equal(terminal.column, screen->cursor_column);
    }
}

static size_t step(const struct vga_text_screen *from, const struct vga_text_screen *to) {
    size_t length = text_screen_ansi(from, to, text, sizeof text);
    assert_true(length < sizeof text);
    assert_int_equal(length, strlen(text));
    feed(text);
    check(to);
    return length;
}

static void same_screen_needs_nothing(void **state) {
    (void)state;
    step(NULL, &before);
    assert_int_equal(step(&before, &after), 0);
}

static void typing_is_cheap(void **state) {
    (void)state;
    print(&before, 10, 0, "grub>", 0x07);
    before.cursor_row = 10;
    before.cursor_column = 6;
    step(NULL, &before);
    after = before;
    print(&after, 10, 6, "l", 0x07);
    after.cursor_column = 7;
    assert_true(step(&before, &after) <= 12);
    before = after;
    print(&after, 10, 0, "       ", 0x07);
    after.cursor_column = 0;
    assert_true(step(&before, &after) <= 20); // an erased rest
}

static void menu_colours(void **state) {
    (void)state;
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned column = 0; column < COLUMNS; column++)
            after.cells[row][column].attribute = 0x1f;
    print(&after, 5, 10, "\xda\xc4\xc4\xbf", 0x4e);
    print(&after, 6, 10, "blinks", 0x9e);
    after.cursor_visible = false;
    step(NULL, &after);
    before = after;
    after.blink = false; // another meaning of bit 7: all anew
    step(&before, &after);
}

static uint32_t seed = 12345;

static unsigned next(unsigned limit) {
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % limit;
}

static void random_change(struct vga_text_screen *screen) {
    static const uint8_t attributes[] = {0x07, 0x07, 0x0f, 0x1f, 0x70, 0x87, 0xf0, 0x00};
    for (unsigned n = next(60); n > 0; n--) {
        unsigned row = next(ROWS), column = next(COLUMNS), count = next(COLUMNS - column) + 1;
        struct vga_text_cell cell = {(uint8_t)(next(3) ? next(256) : ' '), attributes[next(8)]};
        for (unsigned i = 0; i < (next(2) ? count : 1); i++)
            screen->cells[row][column + i] = cell;
    }
    screen->cursor_row = (uint8_t)next(ROWS);
    screen->cursor_column = (uint8_t)next(COLUMNS);
    screen->cursor_visible = next(4) != 0;
}

static void random_screens(void **state) {
    (void)state;
    step(NULL, &before);
    for (unsigned i = 0; i < 300; i++) {
        after = before;
        random_change(&after);
        step(&before, &after);
        before = after;
    }
}

static void worst_case_fits(void **state) {
    (void)state;
    after.columns = VGA_TEXT_COLUMNS_MAX;
    after.rows = VGA_TEXT_ROWS_MAX;
    for (unsigned row = 0; row < after.rows; row++)
        for (unsigned column = 0; column < after.columns; column++)
            after.cells[row][column] = (struct vga_text_cell){0xdb, column & 1 ? 0x9e : 0x4f};
    assert_true(text_screen_ansi(NULL, &after, text, sizeof text) < sizeof text);
    assert_true(text_screen_ansi_end(&after, text, sizeof text) < 64);
}

static void cut_text_is_terminated(void **state) {
    (void)state;
    print(&after, 0, 0, "hello", 0x1f);
    size_t whole = text_screen_ansi(NULL, &after, text, sizeof text);
    for (size_t size = 1; size <= whole; size++) {
        memset(text, 'x', sizeof text);
        assert_int_equal(text_screen_ansi(NULL, &after, text, size), whole);
        assert_true(strlen(text) < size);
        assert_int_equal(text[size], 'x');
    }
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(utf8_lines),      TEST(utf8_cut),
        TEST(code_page),       TEST(crop_keeps_cursor),
        TEST(typing_is_cheap), TEST(same_screen_needs_nothing),
        TEST(menu_colours),    TEST(random_screens),
        TEST(worst_case_fits), TEST(cut_text_is_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
