// Scrollback of channels.
#include "dom0/console/scrollback.h"
#include "lib/string.h"

void scrollback_write(struct scrollback *scrollback, const uint8_t *from, size_t bytes) {
    while (bytes > 0) {
        uint64_t at = scrollback->end & (scrollback->size - 1), room = scrollback->size - at;
        size_t part = bytes < room ? bytes : room;
        memcpy(scrollback->data + at, from, part);
        scrollback->end += part;
        from += part;
        bytes -= part;
    }
}

size_t scrollback_read(const struct scrollback *scrollback, uint64_t *position, uint8_t *to, size_t bytes) {
    uint64_t first = scrollback_first(scrollback);
    if (*position < first)
        *position = first;
    if (*position > scrollback->end)
        *position = scrollback->end;
    uint64_t there = scrollback->end - *position;
    bytes = bytes < there ? bytes : there;
    for (size_t done = 0; done < bytes;) {
        uint64_t at = (*position + done) & (scrollback->size - 1), room = scrollback->size - at;
        size_t part = bytes - done < room ? bytes - done : room;
        memcpy(to + done, scrollback->data + at, part);
        done += part;
    }
    return bytes;
}

static uint8_t byte_at(const struct scrollback *scrollback, uint64_t position) {
    return scrollback->data[position & (scrollback->size - 1)];
}

size_t scrollback_line(const struct scrollback *scrollback, uint64_t position, size_t most) {
    uint64_t there = scrollback->end - position;
    for (size_t i = 0; i < most && i < there; i++)
        if (byte_at(scrollback, position + i) == '\n')
            return i + 1;
    return there >= most ? most : 0;
}

uint64_t scrollback_line_start(const struct scrollback *scrollback, uint64_t position) {
    uint64_t first = scrollback_first(scrollback);
    if (position <= first)
        return first;
    while (position < scrollback->end && byte_at(scrollback, position - 1) != '\n')
        position++;
    return position;
}
