// The terminal's current line.
#include "dom0/console/terminal_line.h"
#include "lib/format.h"
#include "lib/string.h"

enum state { TEXT, ESCAPE, CSI, CHARACTER_SET };

#define AUTO_WRAP        7u    // DECAWM: full-screen programs switch it off
#define ALTERNATE_SCREEN 1049u // xterm

static void clear(struct terminal_line *line) {
    memset(line->cell, 0, sizeof(line->cell));
    line->length = line->cursor = 0;
}

static void put_character(struct terminal_line *line, uint8_t byte) {
    bool continues = byte >= 0x80 && byte < 0xc0;
    if (continues) {
        struct terminal_cell *cell = &line->cell[line->cursor ? line->cursor - 1 : 0];
        for (unsigned i = 1; i < 4; i++)
            if (!cell->bytes[i]) {
                cell->bytes[i] = byte;
                return;
            }
        return;
    }
    while (line->length < line->cursor)
        line->cell[line->length++] = (struct terminal_cell){{' '}};
    if (line->cursor < TERMINAL_LINE_CELLS)
        line->cell[line->cursor++] = (struct terminal_cell){{byte}};
    if (line->length < line->cursor)
        line->length = line->cursor;
}

static void move_to(struct terminal_line *line, uint64_t column) {
    line->cursor = column < TERMINAL_LINE_CELLS ? (uint32_t)column : TERMINAL_LINE_CELLS;
}

// EL and, for the current line, ED.
static void erase(struct terminal_line *line, uint32_t what) {
    if (what == 2) {
        line->length = 0;
    } else if (what == 0) {
        line->length = line->length < line->cursor ? line->length : line->cursor;
    } else {
        for (uint32_t i = 0; i <= line->cursor && i < line->length; i++)
            line->cell[i] = (struct terminal_cell){{' '}};
    }
}

static void set_mode(struct terminal_line *line, bool set) {
    if (!line->private_sequence)
        return;
    if (line->parameter[0] == AUTO_WRAP)
        line->full_screen = !set;
    if (line->parameter[0] == ALTERNATE_SCREEN)
        line->full_screen = set;
}

static void control_sequence(struct terminal_line *line, uint8_t final) {
    uint32_t first = line->parameter[0], steps = first ? first : 1;
    switch (final) {
    case 'C': // CUF
        move_to(line, (uint64_t)line->cursor + steps);
        break;
    case 'D': // CUB
        line->cursor = line->cursor > steps ? line->cursor - steps : 0;
        break;
    case 'G': // CHA
        move_to(line, steps - 1);
        break;
    case 'J': // ED
    case 'K': // EL
        erase(line, first);
        break;
    case 'H': // CUP
    case 'f': // HVP
        clear(line);
        move_to(line, line->parameter[1] ? line->parameter[1] - 1 : 0);
        break;
    case 'A': // CUU, CUD, CNL, CPL, VPA: another line, of which nothing is known
    case 'B':
    case 'E':
    case 'F':
    case 'd':
        clear(line);
        break;
    case 'h': // SM, RM
    case 'l':
        set_mode(line, final == 'h');
        break;
    default: // what does not move the cursor
        break;
    }
}

static void put_in_sequence(struct terminal_line *line, uint8_t byte) {
    if (byte == '?') {
        line->private_sequence = true;
    } else if (byte >= '0' && byte <= '9') {
        uint32_t *parameter = &line->parameter[line->parameters < 2 ? line->parameters : 1];
        if (line->parameters < 2 && *parameter < 10000)
            *parameter = *parameter * 10 + (byte - '0');
    } else if (byte == ';') {
        line->parameters += line->parameters < 2;
    } else if (byte >= 0x40) {
        line->state = TEXT;
        control_sequence(line, byte);
    }
}

static void put_control(struct terminal_line *line, uint8_t byte) {
    switch (byte) {
    case '\r':
        line->cursor = 0;
        break;
    case '\n':
        clear(line);
        break;
    case '\b':
        line->cursor -= line->cursor > 0;
        break;
    case '\t':
        move_to(line, (line->cursor | 7) + 1);
        break;
    case 0x1b:
        line->state = ESCAPE;
        break;
    default:
        break;
    }
}

void terminal_line_put(struct terminal_line *line, uint8_t byte) {
    if (byte == 0x1b || (line->state == TEXT && byte < 0x20)) {
        put_control(line, byte);
    } else if (line->state == CSI) {
        put_in_sequence(line, byte);
    } else if (line->state == CHARACTER_SET) {
        line->state = TEXT;
    } else if (line->state == ESCAPE) {
        line->state = byte == '[' ? CSI : byte == '(' || byte == ')' ? CHARACTER_SET : TEXT;
        line->private_sequence = false;
        line->parameters = line->parameter[0] = line->parameter[1] = 0;
    } else if (byte != 0x7f) {
        put_character(line, byte);
    }
}

bool terminal_line_can_interrupt(const struct terminal_line *line) {
    return line->state == TEXT && !line->full_screen;
}

bool terminal_line_is_empty(const struct terminal_line *line) {
    return line->length == 0 && line->cursor == 0;
}

size_t terminal_line_redraw(const struct terminal_line *line, char to[TERMINAL_REDRAW_BYTES]) {
    size_t size = 0;
    for (uint32_t i = 0; i < line->length; i++)
        for (unsigned b = 0; b < 4 && line->cell[i].bytes[b]; b++)
            to[size++] = (char)line->cell[i].bytes[b];
    if (line->cursor != line->length) {
        to[size++] = '\r';
        if (line->cursor > 0)
            size += (size_t)format(to + size, TERMINAL_REDRAW_BYTES - size, "\x1b[%uC", line->cursor);
    }
    return size;
}
