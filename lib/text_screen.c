// Renders screens of characters, see text_screen.h. The terminal's side follows ECMA-48 (CUP, EL, SGR) and DEC's
// private modes 7 (wrap) and 25 (cursor).
#include "lib/text_screen.h"
#include "lib/format.h"
#include "lib/string.h"

// --- Code page 437 ---------------------------------------------------------------------------------------------------

static const uint16_t pictures[32] = {
    ' ',    0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9,
    0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7,
    0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};

static const uint16_t upper[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee,
    0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6,
    0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa,
    0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502,
    0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514,
    0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550,
    0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c,
    0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
    0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320,
    0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, ' ',
};

uint16_t text_screen_unicode(uint8_t character) {
    if (character < 0x20)
        return pictures[character];
    if (character == 0x7f)
        return 0x2302;
    return character < 0x80 ? character : upper[character - 0x80];
}

static bool blank(uint8_t character) {
    return text_screen_unicode(character) == ' ';
}

// --- Output ----------------------------------------------------------------------------------------------------------

struct output {
    char *to;
    size_t size;
    size_t length; // of the whole text, written or not
    bool full;     // nothing further is written, so that the cut is at one place
};

static void put(struct output *out, const char *bytes, size_t count) {
    out->full = out->full || out->length + count >= out->size;
    if (!out->full)
        memcpy(out->to + out->length, bytes, count);
    out->length += count;
    if (!out->full)
        out->to[out->length] = 0;
}

static void put_text(struct output *out, const char *text) {
    put(out, text, strlen(text));
}

static void put_character(struct output *out, uint8_t character) {
    uint16_t c = text_screen_unicode(character);
    char bytes[3];
    size_t count = 0;
    if (c < 0x80) {
        bytes[count++] = (char)c;
    } else if (c < 0x800) {
        bytes[count++] = (char)(0xc0 | c >> 6);
        bytes[count++] = (char)(0x80 | (c & 0x3f));
    } else {
        bytes[count++] = (char)(0xe0 | c >> 12);
        bytes[count++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (c & 0x3f));
    }
    put(out, bytes, count);
}

static struct output output_begin(char *to, size_t size) {
    if (size > 0)
        to[0] = 0;
    return (struct output){.to = to, .size = size};
}

// --- UTF-8 -----------------------------------------------------------------------------------------------------------

static unsigned used_columns(const struct vga_text_screen *screen, unsigned row) {
    unsigned columns = screen->columns;
    while (columns > 0 && blank(screen->cells[row][columns - 1].character))
        columns--;
    return columns;
}

size_t text_screen_utf8(const struct vga_text_screen *screen, char *to, size_t size) {
    struct output out = output_begin(to, size);
    unsigned rows = screen->rows;
    while (rows > 0 && used_columns(screen, rows - 1) == 0)
        rows--;
    for (unsigned row = 0; row < rows; row++) {
        for (unsigned column = 0; column < used_columns(screen, row); column++)
            put_character(&out, screen->cells[row][column].character);
        put(&out, "\n", 1);
    }
    return out.length;
}

// --- Cropping --------------------------------------------------------------------------------------------------------

void text_screen_crop(struct vga_text_screen *screen, unsigned columns, unsigned rows) {
    unsigned top = screen->cursor_row >= rows && rows > 0 ? screen->cursor_row - rows + 1 : 0;
    unsigned left = screen->cursor_column >= columns && columns > 0 ? screen->cursor_column - columns + 1 : 0;
    columns = columns < screen->columns ? columns : screen->columns;
    rows = rows < screen->rows ? rows : screen->rows;
    for (unsigned row = 0; row < rows; row++)
        memmove(screen->cells[row], &screen->cells[row + top][left], columns * sizeof screen->cells[0][0]);
    screen->cursor_row = (uint8_t)(screen->cursor_row - top);
    screen->cursor_column = (uint8_t)(screen->cursor_column - left);
    screen->columns = (uint8_t)columns;
    screen->rows = (uint8_t)rows;
}

// --- Escape sequences ------------------------------------------------------------------------------------------------

#define NOWHERE 0xffffu

struct terminal {
    struct output out;
    unsigned row, column; // of the cursor; NOWHERE after a write into the last column
    int attribute;        // -1: not known
    bool blink;
};

// A VGA's colours have blue in bit 0, ANSI's have red there.
static unsigned ansi_colour(unsigned vga) {
    return (vga & 2) | (vga & 1) << 2 | (vga >> 2 & 1);
}

static unsigned foreground(unsigned attribute) {
    return (attribute & 8 ? 90 : 30) + ansi_colour(attribute & 7);
}

static unsigned background(unsigned attribute, bool blink) {
    return (!blink && attribute & 0x80 ? 100 : 40) + ansi_colour(attribute >> 4 & 7);
}

static void set_attribute(struct terminal *t, uint8_t attribute) {
    unsigned fore = foreground(attribute), back = background(attribute, t->blink);
    bool blinks = t->blink && attribute & 0x80, blinked = t->blink && t->attribute >= 0 && t->attribute & 0x80;
    char text[24];
    if (t->attribute == attribute)
        return;
    if (t->attribute < 0 || blinks != blinked)
        format(text, sizeof text, "\033[0;%s%u;%um", blinks ? "5;" : "", fore, back);
    else if (background((unsigned)t->attribute, t->blink) == back)
        format(text, sizeof text, "\033[%um", fore);
    else if (foreground((unsigned)t->attribute) == fore)
        format(text, sizeof text, "\033[%um", back);
    else
        format(text, sizeof text, "\033[%u;%um", fore, back);
    put_text(&t->out, text);
    t->attribute = attribute;
}

static void move_to(struct terminal *t, unsigned row, unsigned column) {
    char text[24];
    if (t->row == row && t->column == column)
        return;
    if (t->row != NOWHERE && t->row + 1 == row && column == 0)
        format(text, sizeof text, "\r\n");
    else if (t->row == row && column == 0)
        format(text, sizeof text, "\r");
    else if (t->row == row && column > t->column && column - t->column == 1)
        format(text, sizeof text, "\033[C");
    else if (t->row == row && column > t->column)
        format(text, sizeof text, "\033[%uC", column - t->column);
    else
        format(text, sizeof text, "\033[%u;%uH", row + 1, column + 1);
    put_text(&t->out, text);
    t->row = row;
    t->column = column;
}

static void write_cell(struct terminal *t, const struct vga_text_screen *screen, unsigned row, unsigned column) {
    const struct vga_text_cell *cell = &screen->cells[row][column];
    move_to(t, row, column);
    set_attribute(t, cell->attribute);
    put_character(&t->out, cell->character);
    t->column++;
    if (t->column == screen->columns) // where the terminal's cursor is now depends on its width
        t->row = t->column = NOWHERE;
}

// Of a blank only the background is seen.
static bool same_cell(const struct vga_text_cell *a, const struct vga_text_cell *b) {
    if (blank(a->character) && blank(b->character))
        return (a->attribute & 0xf0) == (b->attribute & 0xf0);
    return a->character == b->character && a->attribute == b->attribute;
}

// From which column on the row is blank in one colour; such a rest is erased rather than written.
static unsigned blank_from(const struct vga_text_screen *screen, unsigned row) {
    const struct vga_text_cell *cells = screen->cells[row];
    unsigned column = screen->columns;
    while (column > 0 && blank(cells[column - 1].character) &&
           (cells[column - 1].attribute & 0xf0) == (cells[screen->columns - 1].attribute & 0xf0))
        column--;
    return column;
}

#define ERASE_WORTH 4 // cells: moving the cursor and the sequence cost as much
#define GAP_WORTH   3 // unchanged cells of one colour that are cheaper written than jumped over

// Erasing gives the background colour on terminals that know to (and black on the others), so only black is erased.
static void erase_rest(struct terminal *t, const struct vga_text_screen *screen, unsigned row, unsigned column) {
    if (column == screen->columns)
        return;
    move_to(t, row, column);
    set_attribute(t, screen->cells[row][column].attribute);
    put_text(&t->out, "\033[K");
}

static bool erasable(const struct vga_text_screen *after, unsigned row, unsigned from) {
    return after->columns - from >= ERASE_WORTH && !(after->cells[row][from].attribute & 0xf0);
}

static bool fill_gap(const struct terminal *t, const struct vga_text_screen *after, unsigned row, unsigned column) {
    if (t->row != row || column <= t->column || column - t->column > GAP_WORTH)
        return false;
    for (unsigned i = t->column; i < column; i++)
        if (after->cells[row][i].attribute != t->attribute)
            return false;
    return true;
}

static void draw_row(struct terminal *t, const struct vga_text_screen *before, const struct vga_text_screen *after,
                     unsigned row) {
    unsigned rest = blank_from(after, row);
    unsigned end = rest < after->columns && erasable(after, row, rest) ? rest : after->columns;
    unsigned changed_end = after->columns;
    while (changed_end > 0 && same_cell(&before->cells[row][changed_end - 1], &after->cells[row][changed_end - 1]))
        changed_end--;
    for (unsigned column = 0; column < end && column < changed_end; column++) {
        if (same_cell(&before->cells[row][column], &after->cells[row][column]))
            continue;
        if (fill_gap(t, after, row, column))
            for (unsigned i = t->column; i < column; i++)
                write_cell(t, after, row, i);
        write_cell(t, after, row, column);
    }
    if (changed_end > end)
        erase_rest(t, after, row, end);
}

static void set_cursor(struct terminal *t, const struct vga_text_screen *before, const struct vga_text_screen *after) {
    if (after->cursor_visible)
        move_to(t, after->cursor_row, after->cursor_column);
    if (!before || before->cursor_visible != after->cursor_visible)
        put_text(&t->out, after->cursor_visible ? "\033[?25h" : "\033[?25l");
}

// The colour that an erased terminal shows, as a screen to compare with cell by cell.
static const struct vga_text_cell erased = {' ', 0x07};

static void draw_all(struct terminal *t, const struct vga_text_screen *after) {
    t->attribute = -1;
    put_text(&t->out, "\033[?7l");
    set_attribute(t, erased.attribute);
    put_text(&t->out, "\033[2J\033[H");
    t->row = t->column = 0;
    for (unsigned row = 0; row < after->rows; row++)
        for (unsigned column = 0; column < after->columns; column++) {
            const struct vga_text_cell *cell = &after->cells[row][column];
            if (!blank(cell->character) || cell->attribute & 0xf0)
                write_cell(t, after, row, column);
        }
}

static bool comparable(const struct vga_text_screen *before, const struct vga_text_screen *after) {
    return before && before->columns == after->columns && before->rows == after->rows && before->blink == after->blink;
}

size_t text_screen_ansi(const struct vga_text_screen *before, const struct vga_text_screen *after, char *to,
                        size_t size) {
    struct terminal t = {.out = output_begin(to, size), .row = NOWHERE, .column = NOWHERE, .attribute = -1};
    t.blink = after->blink;
    if (!comparable(before, after)) {
        before = NULL;
        draw_all(&t, after);
    } else {
        if (before->cursor_visible) {
            t.row = before->cursor_row;
            t.column = before->cursor_column;
        }
        for (unsigned row = 0; row < after->rows; row++)
            draw_row(&t, before, after, row);
    }
    set_cursor(&t, before, after);
    return t.out.length;
}

size_t text_screen_ansi_end(const struct vga_text_screen *screen, char *to, size_t size) {
    struct output out = output_begin(to, size);
    char text[24];
    format(text, sizeof text, "\033[%u;1H", screen->rows ? screen->rows : 1u);
    put_text(&out, "\033[0m\033[?7h\033[?25h");
    put_text(&out, text);
    put_text(&out, "\r\n");
    return out.length;
}
