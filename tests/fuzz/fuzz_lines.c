// Any bytes as a table of functions and lines: what is found lies in the table, terminated.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, const uint8_t *data, size_t size) {
    if (text < (const char *)data || text >= (const char *)data + size ||
        !memchr(text, 0, size - (size_t)(text - (const char *)data)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct lines_place place[LINES_DEPTH];
    char text[40];
    for (uint64_t address = 0x400000; address < 0x400100; address += 0x10) {
        unsigned places = lines_find(data, size, address, place);
        if (places > LINES_DEPTH)
            abort();
        for (unsigned i = 0; i < places; i++) {
            check_text(place[i].function, data, size);
            check_text(place[i].file, data, size);
            lines_text(&place[i], text, sizeof(text));
        }
    }
    return 0;
}
