// Reader of tables of functions and lines.
#include "lib/lines.h"
#include "lib/format.h"
#include "lib/string.h"

struct reader {
    const uint8_t *at, *end;
    bool ended; // was asked for more than there is
};

static uint8_t read_byte(struct reader *reader) {
    if (reader->at == reader->end) {
        reader->ended = true;
        return 0;
    }
    return *reader->at++;
}

// ULEB128 (DWARF 5, 7.6); bits beyond 63 are lost.
static uint64_t read_number(struct reader *reader) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        uint8_t byte = read_byte(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

// The state of a row, from the outside inwards.
struct row {
    unsigned places;
    uint64_t function[LINES_DEPTH], line[LINES_DEPTH];
};

static bool read_row(struct reader *reader, struct row *row) {
    uint8_t counts = read_byte(reader);
    unsigned kept = counts >> 4, places = kept + (counts & 15);
    if (kept > row->places || places > LINES_DEPTH)
        return false;
    for (unsigned i = kept; i < places; i++) {
        row->function[i] = read_number(reader);
        row->line[i] = read_number(reader);
    }
    row->places = places;
    return !reader->ended;
}

static bool read_header(const void *table, uint64_t size, struct lines_header *header) {
    if (size < sizeof(*header))
        return false;
    memcpy(header, table, sizeof(*header));
    uint64_t functions = (uint64_t)header->functions * sizeof(struct lines_function);
    return memcmp(header->magic, LINES_MAGIC, sizeof(header->magic)) == 0 && header->bytes <= size &&
           sizeof(*header) + functions + header->strings + header->rows == header->bytes && header->strings > 0 &&
           ((const char *)table)[sizeof(*header) + functions + header->strings - 1] == 0;
}

unsigned lines_find(const void *table, uint64_t size, uint64_t address, struct lines_place place[LINES_DEPTH]) {
    struct lines_header header;
    if (!read_header(table, size, &header) || address < header.base)
        return 0;
    const char *functions = (const char *)table + sizeof(header);
    const char *strings = functions + (uint64_t)header.functions * sizeof(struct lines_function);
    const uint8_t *rows = (const uint8_t *)strings + header.strings;
    struct reader reader = {rows, rows + header.rows, false};
    struct row row = {.places = 0};
    for (uint64_t left = address - header.base;;) {
        uint64_t step = read_number(&reader);
        if (reader.ended)
            return 0; // each table ends with a row without places
        if (step > left)
            break;
        left -= step;
        if (!read_row(&reader, &row))
            return 0;
    }
    for (unsigned i = 0; i < row.places; i++) {
        unsigned from = row.places - 1 - i;
        struct lines_function function;
        if (row.function[from] >= header.functions)
            return 0;
        memcpy(&function, functions + row.function[from] * sizeof(function), sizeof(function));
        if (function.name >= header.strings || function.file >= header.strings)
            return 0;
        place[i] = (struct lines_place){strings + function.name, strings + function.file, (uint32_t)row.line[from]};
    }
    return row.places;
}

void lines_text(const struct lines_place *place, char *to, uint64_t size) {
    if (*place->file)
        format(to, size, "%s (%s:%u)", place->function, place->file, place->line);
    else
        format(to, size, "%s", place->function);
}
