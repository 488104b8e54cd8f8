// The ledger of the machine's memory: the one account that each page belongs to. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define LEDGER_RANGES   4096u
#define LEDGER_PAGES    (1ull << 40) // page numbers are below: 52 bits of physical address
#define LEDGER_FREE     0u           // account of what nobody has
#define LEDGER_RESERVED UINT32_MAX   // account of what is no memory, or the core's: given to nobody, ever
#define LEDGER_NONE     UINT64_MAX

struct ledger_range {
    uint64_t first, pages; // page numbers
    uint32_t account;
    uint32_t node; // NUMA node
};

struct ledger {
    uint32_t count;
    struct ledger_range range[LEDGER_RANGES]; // in no order
};

/*@ predicate ledger_in(struct ledger_range range, integer page) = range.first <= page < range.first + range.pages;

    predicate ledger_range_valid(struct ledger_range range) =
      0 < range.pages && range.first + range.pages <= LEDGER_PAGES;

    predicate ledger_apart(struct ledger_range a, struct ledger_range b) =
      a.first + a.pages <= b.first || b.first + b.pages <= a.first;

    // No page is in two ranges: it has one account.
    predicate ledger_valid{L}(struct ledger *ledger) =
      \valid(ledger) && ledger->count <= LEDGER_RANGES &&
      (\forall integer i; 0 <= i < ledger->count ==> ledger_range_valid(ledger->range[i])) &&
      (\forall integer i, j; 0 <= i < ledger->count && 0 <= j < ledger->count && i != j ==>
        ledger_apart(ledger->range[i], ledger->range[j]));

    predicate ledger_apart_from_all{L}(struct ledger *ledger, struct ledger_range range) =
      \forall integer i; 0 <= i < ledger->count ==> ledger_apart(ledger->range[i], range);

    predicate ledger_says(struct ledger_range range, integer page, integer account, integer node) =
      ledger_in(range, page) && range.account == account && range.node == node;

    predicate ledger_books{L}(struct ledger *ledger, integer i, integer page, integer account, integer node) =
      0 <= i < ledger->count && ledger_says(ledger->range[i], page, account, node);

    predicate ledger_booked{L}(struct ledger *ledger, integer page, integer account, integer node) =
      \exists integer i; ledger_books(ledger, i, page, account, node);

    predicate ledger_known{L}(struct ledger *ledger, integer page) =
      \exists integer account, node; ledger_booked{L}(ledger, page, account, node);

    lemma ledger_known_if_booked{L}:
      \forall struct ledger *ledger, integer page, account, node;
        ledger_booked{L}(ledger, page, account, node) ==> ledger_known{L}(ledger, page);

    logic integer ledger_share(struct ledger_range range, integer account) =
      range.account == account ? range.pages : 0;

    // Pages of an account in the first n ranges, and in all.
    logic integer ledger_sum{L}(struct ledger *ledger, integer n, integer account) =
      n <= 0 ? 0 : ledger_sum(ledger, n - 1, account) + ledger_share(ledger->range[n - 1], account);

    logic integer ledger_total{L}(struct ledger *ledger, integer account) =
      ledger_sum(ledger, ledger->count, account);

    predicate ledger_same{L1, L2}(struct ledger *ledger) =
      \at(ledger->count, L2) == \at(ledger->count, L1) &&
      (\forall integer i; 0 <= i < \at(ledger->count, L1) ==>
        \at(ledger->range[i], L2) == \at(ledger->range[i], L1));

    // [first, first + pages) was all the account `from`'s and on one node; now it is all the account `to`'s, and on the
    // same node; no other page has changed; the sums tell of just that.
    predicate ledger_was{L}(struct ledger *ledger, integer first, integer pages, integer from, integer node) =
      \forall integer page, a, n; first <= page < first + pages ==>
        (ledger_booked{L}(ledger, page, a, n) <==> a == from && n == node);

    predicate ledger_changed{L1, L2}(struct ledger *ledger, integer first, integer pages, integer to, integer node) =
      \forall integer page, a, n; ledger_booked{L2}(ledger, page, a, n) <==>
        (first <= page < first + pages ? a == to && n == node : ledger_booked{L1}(ledger, page, a, n));

    predicate ledger_transferred{L1, L2}(struct ledger *ledger, integer pages, integer from, integer to) =
      \forall integer a; ledger_total{L2}(ledger, a) ==
        ledger_total{L1}(ledger, a) + (a == to ? pages : 0) - (a == from ? pages : 0);

    predicate ledger_moved{L1, L2}(struct ledger *ledger, integer first, integer pages, integer from, integer to,
                                   integer node) =
      ledger_was{L1}(ledger, first, pages, from, node) &&
      ledger_changed{L1, L2}(ledger, first, pages, to, node) &&
      ledger_transferred{L1, L2}(ledger, pages, from, to);

    predicate ledger_full(struct ledger *ledger) = ledger->count + 2 > LEDGER_RANGES;
*/

// Adds what of [first, first + pages) is in the ledger not yet, and below LEDGER_PAGES. False if the ledger is full:
// then some of it may be missing.
/*@ requires ledger_valid(ledger);
    assigns ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
    ensures ledger_valid(ledger);
    ensures \forall integer page, a, n; ledger_booked{Pre}(ledger, page, a, n) ==> ledger_booked(ledger, page, a, n);
    ensures \forall integer page, a, n; ledger_booked(ledger, page, a, n) ==> ledger_booked{Pre}(ledger, page, a, n) ||
      (first <= page < first + pages && a == account && n == node);
    ensures \result ==> (\forall integer page; first <= page < first + pages && page < LEDGER_PAGES ==>
      ledger_known(ledger, page));
    ensures \forall integer a; a != account ==> ledger_total(ledger, a) == ledger_total{Pre}(ledger, a);
*/
bool ledger_add(struct ledger *ledger, uint64_t first, uint64_t pages, uint32_t account, uint32_t node);

// Gives `pages` in a row, their first a multiple of `alignment`, to an account: the lowest that are free. The first
// page, or LEDGER_NONE if there is no such run or the ledger is full.
/*@ requires ledger_valid(ledger) && 0 < alignment <= LEDGER_PAGES && account != LEDGER_FREE;
    assigns ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
    ensures ledger_valid(ledger);
    ensures \result != LEDGER_NONE ==> \result % alignment == 0 &&
      (\exists integer node; ledger_moved{Pre, Post}(ledger, \result, pages, LEDGER_FREE, account, node));
    ensures \result == LEDGER_NONE ==> ledger_same{Pre, Post}(ledger);
    ensures \result == LEDGER_NONE && pages > 0 && !ledger_full(ledger) ==>
      (\forall integer i; 0 <= i < ledger->count && ledger->range[i].account == LEDGER_FREE ==>
        ledger->range[i].pages < pages + alignment - 1);
*/
uint64_t ledger_take(struct ledger *ledger, uint64_t pages, uint64_t alignment, uint32_t account);

// Makes all of an account's memory free; how many pages.
/*@ requires ledger_valid(ledger);
    requires account != LEDGER_FREE && account != LEDGER_RESERVED;
    assigns ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
    ensures ledger_valid(ledger);
    ensures \result == ledger_total{Pre}(ledger, account);
    ensures \forall integer page, a, n; ledger_booked(ledger, page, a, n) <==> a != account &&
      (ledger_booked{Pre}(ledger, page, a, n) || (a == LEDGER_FREE && ledger_booked{Pre}(ledger, page, account, n)));
    ensures ledger_total(ledger, account) == 0;
    ensures ledger_total(ledger, LEDGER_FREE) == ledger_total{Pre}(ledger, LEDGER_FREE) + \result;
    ensures \forall integer a; a != account && a != LEDGER_FREE ==>
      ledger_total(ledger, a) == ledger_total{Pre}(ledger, a);
*/
uint64_t ledger_release(struct ledger *ledger, uint32_t account);

// Makes [first, first + pages) of one account's range free. False, and nothing has changed, if it is no part of one
// range, or the ledger is full.
/*@ requires ledger_valid(ledger) && pages > 0;
    assigns ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
    ensures ledger_valid(ledger);
    ensures \result ==> (\exists integer account, node; account != LEDGER_FREE && account != LEDGER_RESERVED &&
      ledger_moved{Pre, Post}(ledger, first, pages, account, LEDGER_FREE, node));
    ensures !\result ==> ledger_same{Pre, Post}(ledger);
    ensures !\result && !ledger_full(ledger) ==> (\forall integer i; 0 <= i < ledger->count &&
      ledger->range[i].first <= first && first + pages <= ledger->range[i].first + ledger->range[i].pages ==>
      ledger->range[i].account == LEDGER_FREE || ledger->range[i].account == LEDGER_RESERVED);
*/
bool ledger_free(struct ledger *ledger, uint64_t first, uint64_t pages);

/*@ requires ledger_valid(ledger);
    assigns \nothing;
    ensures \result == ledger_total(ledger, account);
    ensures \forall integer i; 0 <= i < ledger->count && ledger->range[i].account == account ==>
      ledger->range[i].pages <= \result;
*/
uint64_t ledger_pages(const struct ledger *ledger, uint32_t account);

/*@ requires ledger_valid(ledger);
    assigns \nothing;
    ensures \forall integer i; 0 <= i < ledger->count && ledger->range[i].account == LEDGER_FREE ==>
      ledger->range[i].pages <= \result;
    ensures \result == 0 || (\exists integer i; 0 <= i < ledger->count &&
      ledger->range[i].account == LEDGER_FREE && ledger->range[i].pages == \result);
*/
uint64_t ledger_largest_free(const struct ledger *ledger);
