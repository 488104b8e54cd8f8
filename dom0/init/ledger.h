// The ledger of the machine's memory: which account each range of pages belongs to. Pure: an array sorted by base.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define LEDGER_RANGES 4096u
#define LEDGER_FREE   0u // account of what nobody has
#define LEDGER_NONE   UINT64_MAX

struct ledger_range {
    uint64_t first, pages; // page numbers
    uint32_t account;
    uint32_t node; // NUMA node
};

struct ledger {
    uint32_t count;
    uint64_t free_pages;
    struct ledger_range range[LEDGER_RANGES];
};

// Adds free memory. False if the ledger is full. Requires: overlaps nothing that is in it.
bool ledger_add(struct ledger *ledger, uint64_t first, uint64_t pages, uint32_t node);

// Takes what is free of [first, first + pages) out of the ledger for ever. False if it is full.
bool ledger_exclude(struct ledger *ledger, uint64_t first, uint64_t pages);

// Gives `pages` in a row, their first a multiple of `alignment` (a power of two), to an account; the first page, or
// LEDGER_NONE.
uint64_t ledger_take(struct ledger *ledger, uint64_t pages, uint64_t alignment, uint32_t account);

// Makes all of an account's memory free; how many pages.
uint64_t ledger_release(struct ledger *ledger, uint32_t account);

// Makes [first, first + pages) of one account's range free. False if it is no part of one range, or the ledger is full.
bool ledger_free(struct ledger *ledger, uint64_t first, uint64_t pages);

uint64_t ledger_pages(const struct ledger *ledger, uint32_t account);
uint64_t ledger_largest_free(const struct ledger *ledger);
