// Pages of a window of memory, given out and taken back in runs: what the C library's mmap and munmap stand on.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_HEAP_PAGES 4096u // at most, of 4 KiB

struct page_heap {
    uint64_t base;
    size_t pages;
    size_t used;
    uint64_t taken[PAGE_HEAP_PAGES / 64]; // bit per page
};

// BASE is a multiple of 4 KiB. What lies beyond PAGE_HEAP_PAGES is left alone.
void page_heap_begin(struct page_heap *heap, uint64_t base, uint64_t bytes);

// The first free run of at least BYTES; 0 if there is none, or BYTES is 0. The memory holds what its last user left.
uint64_t page_heap_take(struct page_heap *heap, uint64_t bytes);

// Gives back a part of what was taken. False, and nothing changes, if not all of it was.
bool page_heap_give(struct page_heap *heap, uint64_t address, uint64_t bytes);
