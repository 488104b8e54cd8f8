// Tables of functions and lines: which source line each address of a program comes from, with the calls that were
// compiled into one another. Made by scripts/make-lines; pure, and a table is not trusted.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// A table, little-endian: the header; `functions` of struct lines_function; `strings` bytes, the last of them 0; `rows`
// bytes of rows. A row holds from its address on up to the next row's:
//   ULEB128  address, less the one of the row before, or less `base`
//   1 byte   bits 7..4: how many outermost places stay as in the row before; 3..0: how many new ones follow
//   each:    ULEB128 index of a function, ULEB128 line; from the outside inwards
// A row without places ends what is known.
#define LINES_MAGIC "BHLINE1"

struct lines_header {
    char magic[8];
    uint64_t base;
    uint32_t bytes; // of the whole table
    uint32_t functions, strings, rows;
};

struct lines_function {
    uint32_t name, file; // offsets in the strings; "" where there is no file
};

#define LINES_DEPTH 15u // of places of one address

struct lines_place {
    const char *function, *file; // into the table
    uint32_t line;
};

// The places of an address: the innermost function with its line first, then each that it was compiled into, with the
// line of the call. How many; 0 if the table does not know the address, or is damaged up to there.
unsigned lines_find(const void *table, uint64_t size, uint64_t address, struct lines_place place[LINES_DEPTH]);

// "function (file:line)", or the function alone where no file is known, cut to `size`.
void lines_text(const struct lines_place *place, char *to, uint64_t size);
