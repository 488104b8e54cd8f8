// Bitmap allocator of the core's memory: next fit, runs of pages.
#include "kernel/pool.h"

bool pool_page_used(const struct pool *pool, uint64_t page) {
    return (pool->used_map[page / 64] & (1ull << (page % 64))) != 0;
}

// Length of the run of free pages at `first`, at most `limit`.
static uint64_t run_length(const struct pool *pool, uint64_t first, uint64_t limit) {
    uint64_t length = 0;
    while (length < limit && first + length < pool->pages && !pool_page_used(pool, first + length))
        length++;
    return length;
}

static uint64_t find_run(const struct pool *pool, uint64_t from, uint64_t to, uint64_t count) {
    for (uint64_t page = from; page < to;) {
        if (page % 64 == 0 && pool->used_map[page / 64] == UINT64_MAX) {
            page += 64;
            continue;
        }
        uint64_t length = run_length(pool, page, count);
        if (length == count)
            return page;
        page += length + 1;
    }
    return POOL_NONE;
}

uint64_t pool_take(struct pool *pool, uint64_t count) {
    if (count == 0 || count > pool->pages - pool->used)
        return POOL_NONE;
    uint64_t first = find_run(pool, pool->hint, pool->pages, count);
    if (first == POOL_NONE)
        first = find_run(pool, 0, pool->hint, count);
    if (first == POOL_NONE)
        return POOL_NONE;
    for (uint64_t page = first; page < first + count; page++)
        pool->used_map[page / 64] |= 1ull << (page % 64);
    pool->used += count;
    pool->hint = first + count < pool->pages ? first + count : 0;
    return first;
}

void pool_give(struct pool *pool, uint64_t first, uint64_t count) {
    for (uint64_t page = first; page < first + count; page++)
        pool->used_map[page / 64] &= ~(1ull << (page % 64));
    pool->used -= count;
    if (first < pool->hint)
        pool->hint = first;
}
