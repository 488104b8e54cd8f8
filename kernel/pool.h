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

/*@ predicate pool_valid(struct pool *pool) =
      \valid(pool) && pool->pages <= 64 * POOL_WORDS_MAX && pool->used <= pool->pages && pool->hint <= pool->pages;

    predicate pool_bit(integer word, integer bit) = (word & (1 << bit)) != 0;

    predicate pool_in_use(struct pool *pool, integer page) = pool_bit(pool->used_map[page / 64], page % 64);

    predicate pool_run_free(struct pool *pool, integer first, integer count) =
      first + count <= pool->pages && (\forall integer q; first <= q < first + count ==> !pool_in_use(pool, q));

    predicate pool_others_same{L1, L2}(struct pool *pool, integer first, integer count) =
      \forall integer q; 0 <= q < 64 * POOL_WORDS_MAX && !(first <= q < first + count) ==>
        (\at(pool_in_use(pool, q), L2) <==> \at(pool_in_use(pool, q), L1));
*/

/*@ requires \valid_read(pool) && page < 64 * POOL_WORDS_MAX;
    assigns \nothing;
    ensures \result <==> pool_in_use(pool, page);
*/
bool pool_page_used(const struct pool *pool, uint64_t page);

// First page of a run of `count` free pages, which it marks as used; POOL_NONE if there is none.
/*@ requires pool_valid(pool);
    assigns pool->used_map[0 .. POOL_WORDS_MAX - 1], pool->used, pool->hint;
    ensures pool_valid(pool);
    behavior none:
      assumes count == 0 || count > pool->pages - pool->used ||
        (\forall integer p; 0 <= p < pool->pages ==> !pool_run_free(pool, p, count));
      assigns \nothing;
      ensures \result == POOL_NONE;
    behavior some:
      assumes 0 < count <= pool->pages - pool->used &&
        (\exists integer p; 0 <= p < pool->pages && pool_run_free(pool, p, count));
      ensures \old(pool_run_free(pool, \at(\result, Post), count));
      ensures \forall integer q; \result <= q < \result + count ==> pool_in_use(pool, q);
      ensures pool_others_same{Pre, Post}(pool, \result, count);
      ensures pool->used == \old(pool->used) + count;
    complete behaviors;
    disjoint behaviors;
*/
uint64_t pool_take(struct pool *pool, uint64_t count);

// Gives a run back. Requires: all its pages are used.
/*@ requires pool_valid(pool);
    requires first + count <= pool->pages && count <= pool->used;
    requires \forall integer q; first <= q < first + count ==> pool_in_use(pool, q);
    assigns pool->used_map[0 .. POOL_WORDS_MAX - 1], pool->used, pool->hint;
    ensures pool_valid(pool);
    ensures pool_run_free(pool, first, count);
    ensures pool_others_same{Pre, Post}(pool, first, count);
    ensures pool->used == \old(pool->used) - count;
*/
void pool_give(struct pool *pool, uint64_t first, uint64_t count);
