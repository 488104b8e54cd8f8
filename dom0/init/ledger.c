// The ledger of memory.
#include "dom0/init/ledger.h"

// Makes room for one more range at `at`.
static bool insert(struct ledger *ledger, uint32_t at, struct ledger_range range) {
    if (ledger->count == LEDGER_RANGES)
        return false;
    for (uint32_t i = ledger->count; i > at; i--)
        ledger->range[i] = ledger->range[i - 1];
    ledger->range[at] = range;
    ledger->count++;
    return true;
}

static void take_out(struct ledger *ledger, uint32_t at) {
    for (uint32_t i = at; i + 1 < ledger->count; i++)
        ledger->range[i] = ledger->range[i + 1];
    ledger->count--;
}

static bool mergeable(const struct ledger_range *a, const struct ledger_range *b) {
    return a->account == b->account && a->node == b->node && a->first + a->pages == b->first;
}

static void merge_around(struct ledger *ledger, uint32_t at) {
    if (at + 1 < ledger->count && mergeable(&ledger->range[at], &ledger->range[at + 1])) {
        ledger->range[at].pages += ledger->range[at + 1].pages;
        take_out(ledger, at + 1);
    }
    if (at > 0 && mergeable(&ledger->range[at - 1], &ledger->range[at])) {
        ledger->range[at - 1].pages += ledger->range[at].pages;
        take_out(ledger, at);
    }
}

bool ledger_add(struct ledger *ledger, uint64_t first, uint64_t pages, uint32_t node) {
    uint32_t at = 0;
    while (at < ledger->count && ledger->range[at].first < first)
        at++;
    if (!insert(ledger, at, (struct ledger_range){first, pages, LEDGER_FREE, node}))
        return false;
    ledger->free_pages += pages;
    merge_around(ledger, at);
    return true;
}

// Cuts [first, first + pages) out of range `at`, which holds it, as a range of its own. Its index, or LEDGER_RANGES.
static uint32_t cut(struct ledger *ledger, uint32_t at, uint64_t first, uint64_t pages) {
    struct ledger_range *range = &ledger->range[at];
    uint64_t before = first - range->first, after = range->pages - before - pages;
    if (ledger->count + (before > 0) + (after > 0) > LEDGER_RANGES)
        return LEDGER_RANGES;
    struct ledger_range whole = *range;
    *range = (struct ledger_range){first, pages, whole.account, whole.node};
    if (after > 0)
        (void)insert(ledger, at + 1, (struct ledger_range){first + pages, after, whole.account, whole.node});
    if (before > 0)
        (void)insert(ledger, at++, (struct ledger_range){whole.first, before, whole.account, whole.node});
    return at;
}

bool ledger_exclude(struct ledger *ledger, uint64_t first, uint64_t pages) {
    uint64_t end = first + pages;
    for (uint32_t i = 0; i < ledger->count; i++) {
        const struct ledger_range *range = &ledger->range[i];
        uint64_t range_end = range->first + range->pages;
        uint64_t from = range->first > first ? range->first : first, to = range_end < end ? range_end : end;
        if (range->account != LEDGER_FREE || from >= to)
            continue;
        uint32_t at = cut(ledger, i, from, to - from);
        if (at == LEDGER_RANGES)
            return false;
        ledger->free_pages -= to - from;
        take_out(ledger, at);
        i = at > 0 ? at - 1 : UINT32_MAX; // look again from here: i++ follows
    }
    return true;
}

uint64_t ledger_take(struct ledger *ledger, uint64_t pages, uint64_t alignment, uint32_t account) {
    if (pages == 0)
        return LEDGER_NONE;
    for (uint32_t i = 0; i < ledger->count; i++) {
        const struct ledger_range *range = &ledger->range[i];
        uint64_t first = (range->first + alignment - 1) & ~(alignment - 1), skipped = first - range->first;
        if (range->account != LEDGER_FREE || skipped > range->pages || range->pages - skipped < pages)
            continue;
        uint32_t at = cut(ledger, i, first, pages);
        if (at == LEDGER_RANGES)
            return LEDGER_NONE;
        ledger->range[at].account = account;
        ledger->free_pages -= pages;
        merge_around(ledger, at);
        return first;
    }
    return LEDGER_NONE;
}

uint64_t ledger_release(struct ledger *ledger, uint32_t account) {
    uint64_t pages = 0;
    if (account == LEDGER_FREE)
        return 0;
    for (uint32_t i = 0; i < ledger->count; i++) {
        if (ledger->range[i].account != account)
            continue;
        pages += ledger->range[i].pages;
        ledger->range[i].account = LEDGER_FREE;
    }
    for (uint32_t i = ledger->count; i-- > 0;) // from the end: merging moves only what was seen
        merge_around(ledger, i);
    ledger->free_pages += pages;
    return pages;
}

bool ledger_free(struct ledger *ledger, uint64_t first, uint64_t pages) {
    if (pages == 0)
        return true;
    for (uint32_t i = 0; i < ledger->count; i++) {
        const struct ledger_range *range = &ledger->range[i];
        if (range->account == LEDGER_FREE || first < range->first || first - range->first > range->pages ||
            pages > range->pages - (first - range->first))
            continue;
        uint32_t at = cut(ledger, i, first, pages);
        if (at == LEDGER_RANGES)
            return false;
        ledger->range[at].account = LEDGER_FREE;
        ledger->free_pages += pages;
        merge_around(ledger, at);
        return true;
    }
    return false;
}

uint64_t ledger_pages(const struct ledger *ledger, uint32_t account) {
    uint64_t pages = 0;
    for (uint32_t i = 0; i < ledger->count; i++)
        pages += ledger->range[i].account == account ? ledger->range[i].pages : 0;
    return pages;
}

uint64_t ledger_largest_free(const struct ledger *ledger) {
    uint64_t largest = 0;
    for (uint32_t i = 0; i < ledger->count; i++)
        if (ledger->range[i].account == LEDGER_FREE && ledger->range[i].pages > largest)
            largest = ledger->range[i].pages;
    return largest;
}
