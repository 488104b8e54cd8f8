// Which pages of the core's memory are in use: a bitmap. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define POOL_WORDS_MAX 1024u // 65536 pages, 256 MiB
#define POOL_NONE      UINT64_MAX

struct pool {
    uint64_t used_map[POOL_WORDS_MAX]; // bit set: in use
    uint64_t pages;                    // how many there are, at most 64 * POOL_WORDS_MAX
    uint64_t used;
    uint64_t hint; // where to look first
};

bool pool_page_used(const struct pool *pool, uint64_t page);

// First page of a run of `count` free pages, which it marks as used; POOL_NONE if there is none.
uint64_t pool_take(struct pool *pool, uint64_t count);

// Gives a run back. Requires: all its pages are used.
void pool_give(struct pool *pool, uint64_t first, uint64_t count);
