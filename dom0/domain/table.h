// Tables for people, in fixed columns as Xen prints them, and for programs, as JSON: from one description.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_kind {
    COLUMN_TEXT,   // left-aligned; a JSON string
    COLUMN_NUMBER, // right-aligned; a JSON number
    COLUMN_TENTHS, // a number counted in tenths, printed with one decimal
};

struct column {
    const char *head; // NULL: in JSON only
    const char *key;  // of JSON; NULL: not in JSON
    enum column_kind kind;
    int width; // at least; a longer cell moves the rest of its row
};

struct cell {
    const char *text; // COLUMN_TEXT; also, if not NULL, printed instead of a number, where JSON has null
    int64_t number;
};

// Where text goes.
struct text_sink {
    void (*put)(void *to, const char *text, size_t length);
    void *to;
};

struct table {
    const struct column *columns;
    size_t count;
    struct text_sink sink;
    bool json;
    bool single; // JSON: one object instead of an array of them; text: a line per column
    size_t rows;
};

void sink_print(const struct text_sink *sink, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Writes TEXT as a JSON string: quoted, control characters and what is not ASCII-safe escaped (RFC 8259 section 7).
void sink_json_string(const struct text_sink *sink, const char *text);

// One head, any number of rows of `count` cells each, one end.
void table_begin(struct table *table);
void table_row(struct table *table, const struct cell *cells);
void table_end(struct table *table);
