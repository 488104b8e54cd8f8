// Bitmap allocator of the core's memory: next fit, runs of pages.
#include "kernel/pool.h"

/*@ requires bit < 64;
    assigns \nothing;
    ensures \result <==> pool_bit(word, bit);
*/
static bool bit_set(uint64_t word, uint64_t bit) {
    return (word & (1ull << bit)) != 0;
}

/*@ assigns \nothing;
    ensures \result ==> (\forall integer bit; 0 <= bit < 64 ==> pool_bit(word, bit));
*/
static bool all_set(uint64_t word) {
    uint64_t clear = ~word;
    //@ assert \forall integer bit; 0 <= bit < 64 ==> (pool_bit(clear, bit) <==> !pool_bit(word, bit));
    return clear == 0;
}

bool pool_page_used(const struct pool *pool, uint64_t page) {
    return bit_set(pool->used_map[page / 64], page % 64);
}

/*@ requires \valid(pool) && page < 64 * POOL_WORDS_MAX;
    assigns pool->used_map[page / 64];
    ensures pool_in_use(pool, page);
    ensures pool_others_same{Pre, Post}(pool, page, 1);
*/
static void page_mark(struct pool *pool, uint64_t page) {
    pool->used_map[page / 64] |= 1ull << (page % 64);
}

/*@ requires \valid(pool) && page < 64 * POOL_WORDS_MAX;
    assigns pool->used_map[page / 64];
    ensures !pool_in_use(pool, page);
    ensures pool_others_same{Pre, Post}(pool, page, 1);
*/
static void page_clear(struct pool *pool, uint64_t page) {
    pool->used_map[page / 64] &= ~(1ull << (page % 64));
}

// Length of the run of free pages at `first`, at most `limit`.
/*@ requires pool_valid(pool) && first <= pool->pages;
    assigns \nothing;
    ensures \result <= limit && pool_run_free(pool, first, \result);
    ensures \result < limit ==> first + \result == pool->pages || pool_in_use(pool, first + \result);
*/
static uint64_t run_length(const struct pool *pool, uint64_t first, uint64_t limit) {
    uint64_t length = 0;
    /*@ loop invariant 0 <= length <= limit && pool_run_free(pool, first, length);
        loop assigns length;
        loop variant limit - length;
    */
    while (length < limit && first + length < pool->pages && !pool_page_used(pool, first + length))
        length++;
    return length;
}

// The first run of free pages that begins in from .. to - 1.
/*@ requires pool_valid(pool) && to <= pool->pages && 0 < count <= pool->pages;
    assigns \nothing;
    ensures \result == POOL_NONE || (from <= \result < to && pool_run_free(pool, \result, count));
    ensures \result == POOL_NONE ==> (\forall integer p; from <= p < to ==> !pool_run_free(pool, p, count));
*/
static uint64_t find_run(const struct pool *pool, uint64_t from, uint64_t to, uint64_t count) {
    /*@ loop invariant from <= page && (from <= to ==> page <= to + 64 + count);
        loop invariant \forall integer p; from <= p < page ==> !pool_run_free(pool, p, count);
        loop assigns page;
        loop variant to - page;
    */
    for (uint64_t page = from; page < to;) {
        if (page % 64 == 0 && all_set(pool->used_map[page / 64])) {
            /*@ assert \forall integer p; page <= p < page + 64 ==>
                  pool_in_use(pool, p) && !pool_run_free(pool, p, count); */
            page += 64;
            continue;
        }
        uint64_t length = run_length(pool, page, count);
        if (length == count)
            return page;
        //@ assert \forall integer p; page <= p <= page + length ==> !pool_run_free(pool, p, count);
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
    /*@ loop invariant first <= page <= first + count;
        loop invariant \forall integer q; first <= q < page ==> pool_in_use(pool, q);
        loop invariant pool_others_same{Pre, Here}(pool, first, page - first);
        loop assigns page, pool->used_map[0 .. POOL_WORDS_MAX - 1];
        loop variant first + count - page;
    */
    for (uint64_t page = first; page < first + count; page++)
        page_mark(pool, page);
    pool->used += count;
    pool->hint = first + count < pool->pages ? first + count : 0;
    return first;
}

void pool_give(struct pool *pool, uint64_t first, uint64_t count) {
    /*@ loop invariant first <= page <= first + count;
        loop invariant \forall integer q; first <= q < page ==> !pool_in_use(pool, q);
        loop invariant pool_others_same{Pre, Here}(pool, first, page - first);
        loop assigns page, pool->used_map[0 .. POOL_WORDS_MAX - 1];
        loop variant first + count - page;
    */
    for (uint64_t page = first; page < first + count; page++)
        page_clear(pool, page);
    pool->used -= count;
    if (first < pool->hint)
        pool->hint = first;
}
