// Column and JSON output from one description.
#include "dom0/domain/table.h"

#include <stdarg.h>
#include <string.h>

#include "lib/format.h"

void sink_print(const struct text_sink *sink, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    int length = vformat(text, sizeof text, fmt, args);
    va_end(args);
    size_t used = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    sink->put(sink->to, text, used);
}

static void put_text(const struct text_sink *sink, const char *text) {
    sink->put(sink->to, text, strlen(text));
}

static const char *json_escape(char c) {
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

void sink_json_string(const struct text_sink *sink, const char *text) {
    put_text(sink, "\"");
    for (; *text; text++) {
        const char *escaped = json_escape(*text);
        if (escaped)
            put_text(sink, escaped);
        else if ((unsigned char)*text < 0x20 || *text == 0x7f)
            sink_print(sink, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            sink->put(sink->to, text, 1);
    }
    put_text(sink, "\"");
}

// The text of a number; JSON wants no padding and knows no other absent value than null.
static void number_text(const struct column *column, const struct cell *cell, char *to, size_t size) {
    if (column->kind == COLUMN_NUMBER) {
        format(to, size, "%lld", (long long)cell->number);
        return;
    }
    uint64_t magnitude = cell->number < 0 ? 0 - (uint64_t)cell->number : (uint64_t)cell->number;
    format(to, size, "%s%llu.%llu", cell->number < 0 ? "-" : "", (unsigned long long)(magnitude / 10),
           (unsigned long long)(magnitude % 10));
}

static void json_value(const struct table *table, const struct column *column, const struct cell *cell) {
    char text[32];
    if (column->kind == COLUMN_TEXT) {
        sink_json_string(&table->sink, cell->text ? cell->text : "");
    } else if (cell->text) {
        put_text(&table->sink, "null");
    } else {
        number_text(column, cell, text, sizeof text);
        put_text(&table->sink, text);
    }
}

static void json_row(struct table *table, const struct cell *cells) {
    const char *separator = "";
    put_text(&table->sink, table->single ? "{" : table->rows ? ",\n  {" : "\n  {");
    for (size_t i = 0; i < table->count; i++) {
        if (!table->columns[i].key)
            continue;
        put_text(&table->sink, separator);
        sink_json_string(&table->sink, table->columns[i].key);
        put_text(&table->sink, ": ");
        json_value(table, &table->columns[i], &cells[i]);
        separator = ", ";
    }
    put_text(&table->sink, "}");
}

static const char *cell_text(const struct column *column, const struct cell *cell, char *buffer, size_t size) {
    if (cell->text || column->kind == COLUMN_TEXT)
        return cell->text ? cell->text : "";
    number_text(column, cell, buffer, size);
    return buffer;
}

static size_t last_column(const struct table *table) {
    size_t last = 0;
    for (size_t i = 0; i < table->count; i++)
        if (table->columns[i].head)
            last = i;
    return last;
}

// One line of the columned form: heads, or a row. No blanks stand at the end of a line.
static void text_line(const struct table *table, const struct cell *cells) {
    char buffer[32];
    bool first = true;
    for (size_t i = 0; i < table->count; i++) {
        const struct column *column = &table->columns[i];
        if (!column->head)
            continue;
        const char *text = cells ? cell_text(column, &cells[i], buffer, sizeof buffer) : column->head;
        int fill = column->width - (int)strlen(text);
        if (!first)
            put_text(&table->sink, " ");
        if (column->kind != COLUMN_TEXT)
            sink_print(&table->sink, "%*s", fill > 0 ? fill : 0, "");
        put_text(&table->sink, text);
        if (column->kind == COLUMN_TEXT && i != last_column(table))
            sink_print(&table->sink, "%*s", fill > 0 ? fill : 0, "");
        first = false;
    }
    put_text(&table->sink, "\n");
}

static void text_single(const struct table *table, const struct cell *cells) {
    char buffer[32];
    for (size_t i = 0; i < table->count; i++) {
        if (table->columns[i].head)
            sink_print(&table->sink, "%-22s : ", table->columns[i].head);
        if (table->columns[i].head) {
            put_text(&table->sink, cell_text(&table->columns[i], &cells[i], buffer, sizeof buffer));
            put_text(&table->sink, "\n");
        }
    }
}

void table_begin(struct table *table) {
    table->rows = 0;
    if (table->json)
        put_text(&table->sink, table->single ? "" : "[");
    else if (!table->single)
        text_line(table, NULL);
}

void table_row(struct table *table, const struct cell *cells) {
    if (table->json)
        json_row(table, cells);
    else if (table->single)
        text_single(table, cells);
    else
        text_line(table, cells);
    table->rows++;
}

void table_end(struct table *table) {
    if (table->json)
        put_text(&table->sink, table->single ? "\n" : table->rows ? "\n]\n" : "]\n");
}
