// Runs of pages in a window of memory, by a bitmap and first fit.
#include "dom0/domain/page_heap.h"

#include <string.h>

#define BYTES_A_PAGE 4096u

static bool is_taken(const struct page_heap *heap, size_t page) {
    return heap->taken[page / 64] >> page % 64 & 1;
}

static void set_run(struct page_heap *heap, size_t first, size_t count, bool taken) {
    for (size_t page = first; page < first + count; page++) {
        uint64_t bit = UINT64_C(1) << page % 64;
        heap->taken[page / 64] = taken ? heap->taken[page / 64] | bit : heap->taken[page / 64] & ~bit;
    }
    heap->used = taken ? heap->used + count : heap->used - count;
}

// Rounded up; more than there are if BYTES are more than any heap has.
static size_t pages_of(uint64_t bytes) {
    return bytes > (uint64_t)PAGE_HEAP_PAGES * BYTES_A_PAGE ? PAGE_HEAP_PAGES + 1
                                                            : (size_t)((bytes + BYTES_A_PAGE - 1) / BYTES_A_PAGE);
}

void page_heap_begin(struct page_heap *heap, uint64_t base, uint64_t bytes) {
    memset(heap, 0, sizeof *heap);
    heap->base = base;
    heap->pages = bytes / BYTES_A_PAGE < PAGE_HEAP_PAGES ? (size_t)(bytes / BYTES_A_PAGE) : PAGE_HEAP_PAGES;
}

uint64_t page_heap_take(struct page_heap *heap, uint64_t bytes) {
    size_t wanted = pages_of(bytes), run = 0;
    for (size_t page = 0; wanted && page < heap->pages; page++) {
        run = is_taken(heap, page) ? 0 : run + 1;
        if (run < wanted)
            continue;
        size_t first = page + 1 - wanted;
        set_run(heap, first, wanted, true);
        return heap->base + (uint64_t)first * BYTES_A_PAGE;
    }
    return 0;
}

bool page_heap_give(struct page_heap *heap, uint64_t address, uint64_t bytes) {
    size_t count = pages_of(bytes);
    if (address < heap->base || (address - heap->base) % BYTES_A_PAGE || !count)
        return false;
    uint64_t first = (address - heap->base) / BYTES_A_PAGE;
    if (first >= heap->pages || count > heap->pages - first)
        return false;
    for (size_t page = (size_t)first; page < first + count; page++)
        if (!is_taken(heap, page))
            return false;
    set_run(heap, (size_t)first, count, false);
    return true;
}
