// A screen of characters and attributes as a VGA's text modes show them, and its rendering for people: as lines of
// UTF-8, and as the escape sequences that change a terminal from one screen to the next.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VGA_TEXT_COLUMNS_MAX 132
#define VGA_TEXT_ROWS_MAX    60

struct vga_text_cell {
    uint8_t character; // code page 437
    uint8_t attribute; // background or blink 7, background 6..4, foreground 3..0
};

struct vga_text_screen {
    uint8_t columns, rows;
    bool blink; // bit 7 of the attribute blinks; otherwise it makes the background bright
    bool cursor_visible;
    uint8_t cursor_column, cursor_row; // inside the screen, unless that is empty
    struct vga_text_cell cells[VGA_TEXT_ROWS_MAX][VGA_TEXT_COLUMNS_MAX];
};

// Enough for any screen as UTF-8, and for any as escape sequences.
#define TEXT_SCREEN_UTF8_BYTES (VGA_TEXT_ROWS_MAX * (VGA_TEXT_COLUMNS_MAX * 3 + 1) + 1)
#define TEXT_SCREEN_ANSI_BYTES (VGA_TEXT_ROWS_MAX * VGA_TEXT_COLUMNS_MAX * 20 + 128)

// The Unicode character of a byte in code page 437, with the pictures at 01h..1Fh and 7Fh.
uint16_t text_screen_unicode(uint8_t character);

// Lines of UTF-8, each ended by a line feed, trailing blanks and trailing empty lines cut. Always terminated if size >
// 0. Returns the length of the whole text: a result >= size means that it was cut, never within a character.
size_t text_screen_utf8(const struct vga_text_screen *screen, char *to, size_t size);

// Cuts a screen to a terminal that is smaller, such that the cursor's cell stays in view.
void text_screen_crop(struct vga_text_screen *screen, unsigned columns, unsigned rows);

// What makes a terminal (VT100 or xterm, 16 colours, UTF-8) that shows `before` show `after`; with before null, or of
// another size, the terminal is cleared first. Between calls nobody else writes to the terminal. Terminated, returned
// and cut as text_screen_utf8() does; a cut text ends within the change, so give TEXT_SCREEN_ANSI_BYTES, or draw anew.
size_t text_screen_ansi(const struct vga_text_screen *before, const struct vga_text_screen *after, char *to,
                        size_t size);

// Gives the terminal back: attributes, wrapping and cursor as usual, below the screen.
size_t text_screen_ansi_end(const struct vga_text_screen *screen, char *to, size_t size);
