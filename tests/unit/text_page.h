// A sink that keeps what is printed.
#pragma once
#include <string.h>

#include "dom0/domain/table.h"

struct page {
    char text[65536];
    size_t used;
};

static inline void page_put(void *to, const char *text, size_t length) {
    struct page *page = to;
    assert_true(page->used + length < sizeof page->text);
    memcpy(page->text + page->used, text, length);
    page->used += length;
    page->text[page->used] = '\0';
}
