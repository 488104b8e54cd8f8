// The ledger of memory: ranges are taken out and booked anew; nothing else writes the table.
#include "dom0/init/ledger.h"

// Books a range that overlaps none.
/*@ requires ledger_valid(ledger) && ledger->count < LEDGER_RANGES;
    requires ledger_range_valid(range) && ledger_apart_from_all(ledger, range);
    assigns ledger->count, ledger->range[ledger->count];
    ensures ledger_valid(ledger);
    ensures ledger->count == \old(ledger->count) + 1;
    ensures ledger->range[\old(ledger->count)] == range;
    ensures \forall integer page, account, node; ledger_booked(ledger, page, account, node) <==>
      ledger_booked{Pre}(ledger, page, account, node) ||
      ledger_says(range, page, account, node);
    ensures \forall integer account;
      ledger_total(ledger, account) == ledger_total{Pre}(ledger, account) + ledger_share(range, account);
*/
static void book(struct ledger *ledger, struct ledger_range range) {
    uint32_t at = ledger->count;
    ledger->range[at] = range;
    ledger->count = at + 1;
    /*@ ghost
      /@ loop invariant 0 <= k <= at;
         loop invariant \forall integer account; ledger_sum(ledger, k, account) == ledger_sum{Pre}(ledger, k, account);
         loop assigns k;
         loop variant at - k; @/
      for (uint32_t k = 0; k < at; k++);
    */
    /*@ assert \forall integer i, page, account, node; ledger_books{Pre}(ledger, i, page, account, node) ==>
          ledger_books(ledger, i, page, account, node); */
    /*@ assert \forall integer page; ledger_in(range, page) ==>
          ledger_books(ledger, at, page, range.account, range.node); */
    /*@ assert \forall integer i, page, account, node; i != at && ledger_books(ledger, i, page, account, node) ==>
          ledger_books{Pre}(ledger, i, page, account, node); */
}

// Takes a range out of the table; the last one fills its place.
/*@ requires ledger_valid(ledger) && at < ledger->count;
    assigns ledger->count, ledger->range[at];
    ensures ledger_valid(ledger);
    ensures ledger->count == \old(ledger->count) - 1;
    ensures \result == \old(ledger->range[at]);
    ensures at < ledger->count ==> ledger->range[at] == \old(ledger->range[ledger->count - 1]);
    ensures ledger_range_valid(\result);
    ensures ledger_apart_from_all(ledger, \result);
    ensures \forall integer page, account, node; ledger_booked{Pre}(ledger, page, account, node) <==>
      ledger_booked(ledger, page, account, node) || ledger_says(\result, page, account, node);
    ensures \forall integer page, account, node;
      ledger_booked(ledger, page, account, node) ==> !ledger_in(\result, page);
    ensures \forall integer account;
      ledger_total(ledger, account) == ledger_total{Pre}(ledger, account) - ledger_share(\result, account);
*/
static struct ledger_range take_out(struct ledger *ledger, uint32_t at) {
    struct ledger_range range = ledger->range[at];
    /*@ assert apart: \forall integer i; 0 <= i < ledger->count && i != at ==> ledger_apart(ledger->range[i], range); */
    /*@ assert alone: \forall integer i, page; 0 <= i < ledger->count && i != at &&
          ledger_in(ledger->range[i], page) ==> !ledger_in(range, page); */
    uint32_t last = ledger->count - 1;
    ledger->range[at] = ledger->range[last];
    ledger->count = last;
    //@ assert last_there: ledger->range[at] == \at(ledger->range[ledger->count - 1], Pre);
    //@ assert others: \forall integer i; 0 <= i < last && i != at ==> ledger->range[i] == \at(ledger->range[i], Pre);
    /*@ ghost
      /@ loop invariant 0 <= k <= last;
         loop invariant \forall integer account; ledger_sum(ledger, k, account) == ledger_sum{Pre}(ledger, k, account) +
           (k > at ? ledger_share(ledger->range[at], account) - ledger_share(range, account) : 0);
         loop assigns k;
         loop variant last - k; @/
      for (uint32_t k = 0; k < last; k++);
    */
    /*@ assert in1: \forall integer i, page, account, node; i != at && i != last &&
          ledger_books{Pre}(ledger, i, page, account, node) ==> ledger_books(ledger, i, page, account, node); */
    /*@ assert in2: \forall integer page, account, node; last != at &&
          ledger_books{Pre}(ledger, last, page, account, node) ==> ledger_books(ledger, at, page, account, node); */
    /*@ assert in3: \forall integer i, page, account, node; i != at &&
          ledger_books(ledger, i, page, account, node) ==> ledger_books{Pre}(ledger, i, page, account, node); */
    /*@ assert in4: \forall integer page, account, node;
          ledger_books(ledger, at, page, account, node) ==> ledger_books{Pre}(ledger, last, page, account, node); */
    /*@ assert gone: \forall integer i, page, account, node; ledger_books(ledger, i, page, account, node) ==>
          !ledger_in(range, page); */
    return range;
}

/*@ requires ledger_range_valid(a) && ledger_range_valid(b);
    assigns \nothing;
    ensures \result <==> a.account == b.account && a.node == b.node && a.first + a.pages == b.first;
*/
static bool joins(struct ledger_range a, struct ledger_range b) {
    return a.account == b.account && a.node == b.node && a.first + a.pages == b.first;
}

// Makes one of a range and one that it touches, which it takes out.
/*@ requires ledger_valid(ledger) && ledger_range_valid(range) && ledger_apart_from_all(ledger, range);
    assigns ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
    ensures ledger_valid(ledger);
    ensures ledger->count <= \old(ledger->count);
    ensures ledger_range_valid(\result);
    ensures ledger_apart_from_all(ledger, \result);
    ensures \result.account == range.account && \result.node == range.node;
    ensures \forall integer page, account, node;
      ledger_booked(ledger, page, account, node) ||
        ledger_says(\result, page, account, node) <==>
      ledger_booked{Pre}(ledger, page, account, node) ||
        ledger_says(range, page, account, node);
    ensures \forall integer account; ledger_total(ledger, account) + ledger_share(\result, account) ==
      ledger_total{Pre}(ledger, account) + ledger_share(range, account);
*/
static struct ledger_range absorb(struct ledger *ledger, struct ledger_range range) {
    /*@ loop invariant 0 <= i <= ledger->count;
        loop assigns i;
        loop variant ledger->count - i;
    */
    for (uint32_t i = 0; i < ledger->count; i++) {
        bool before = joins(ledger->range[i], range);
        if (!before && !joins(range, ledger->range[i]))
            continue;
        struct ledger_range other = take_out(ledger, i);
        struct ledger_range joined = range;
        joined.first = before ? other.first : range.first;
        joined.pages += other.pages;
        /*@ assert apart: \forall integer k; 0 <= k < ledger->count ==> ledger_apart(ledger->range[k], range) &&
              ledger_apart(ledger->range[k], other) && ledger_range_valid(ledger->range[k]); */
        /*@ assert both: \forall integer page, account, node; ledger_says(joined, page, account, node) <==>
              ledger_says(range, page, account, node) || ledger_says(other, page, account, node); */
        return joined;
    }
    return range;
}

// Books a range, as one with those that it touches.
/*@ requires ledger_valid(ledger) && ledger->count < LEDGER_RANGES;
    requires ledger_range_valid(range) && ledger_apart_from_all(ledger, range);
    assigns ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
    ensures ledger_valid(ledger);
    ensures \forall integer page, account, node; ledger_booked(ledger, page, account, node) <==>
      ledger_booked{Pre}(ledger, page, account, node) ||
      ledger_says(range, page, account, node);
    ensures \forall integer account;
      ledger_total(ledger, account) == ledger_total{Pre}(ledger, account) + ledger_share(range, account);
    ensures \forall integer page; ledger_known{Pre}(ledger, page) ==> ledger_known(ledger, page);
    ensures \forall integer page; ledger_in(range, page) ==> ledger_known(ledger, page);
*/
static void book_joined(struct ledger *ledger, struct ledger_range range) {
    book(ledger, absorb(ledger, absorb(ledger, range)));
    /*@ assert \forall integer page; ledger_in(range, page) ==>
          ledger_booked(ledger, page, range.account, range.node); */
}

/*@ predicate ledger_holds(struct ledger_range range, integer first, integer pages) =
      0 < pages && range.first <= first && first + pages <= range.first + range.pages;

    predicate ledger_room(struct ledger *ledger, integer at, integer first, integer pages) =
      ledger->count + (ledger->range[at].first < first ? 1 : 0) +
        (first + pages < ledger->range[at].first + ledger->range[at].pages ? 1 : 0) <= LEDGER_RANGES;
*/

// Is there room for what is left of range `at` without [first, first + pages)?
/*@ requires ledger_valid(ledger) && at < ledger->count && ledger_holds(ledger->range[at], first, pages);
    assigns \nothing;
    ensures \result <==> ledger_room(ledger, at, first, pages);
*/
static bool room(const struct ledger *ledger, uint32_t at, uint64_t first, uint64_t pages) {
    const struct ledger_range *range = &ledger->range[at];
    uint32_t count = ledger->count;
    count += first > range->first ? 1 : 0;
    count += first + pages < range->first + range->pages ? 1 : 0;
    return count <= LEDGER_RANGES;
}

// Moves [first, first + pages), a part of range `at`, to another account.
/*@ requires ledger_valid(ledger) && at < ledger->count && ledger_holds(ledger->range[at], first, pages);
    requires ledger_room(ledger, at, first, pages) && account != ledger->range[at].account;
    assigns ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
    ensures ledger_valid(ledger);
    ensures ledger_was{Pre}(ledger, first, pages, \old(ledger->range[at].account), \old(ledger->range[at].node));
    ensures ledger_changed{Pre, Post}(ledger, first, pages, account, \old(ledger->range[at].node));
    ensures ledger_transferred{Pre, Post}(ledger, pages, \old(ledger->range[at].account), account);
*/
static void move(struct ledger *ledger, uint32_t at, uint64_t first, uint64_t pages, uint32_t account) {
    struct ledger_range whole = take_out(ledger, at);
    uint64_t before = first - whole.first, after = whole.pages - before - pages;
    struct ledger_range run = {first, pages, account, whole.node};
    struct ledger_range rest = {first + pages, after, whole.account, whole.node};
    //@ assert was: ledger_was{Pre}(ledger, first, pages, whole.account, whole.node);
    if (before > 0)
        book(ledger, (struct ledger_range){whole.first, before, whole.account, whole.node});
    //@ assert apart: ledger_apart_from_all(ledger, run);
    //@ assert apart: after > 0 ==> ledger_apart_from_all(ledger, rest);
    /*@ assert some: \forall integer page, a, n; ledger_booked(ledger, page, a, n) <==>
          (ledger_booked{Pre}(ledger, page, a, n) && !ledger_in(whole, page)) ||
          (page < first && ledger_says(whole, page, a, n)); */
    if (after > 0)
        book(ledger, rest);
    //@ assert apart: ledger_apart_from_all(ledger, run);
    /*@ assert rest: \forall integer page, a, n; ledger_booked(ledger, page, a, n) <==>
          ledger_booked{Pre}(ledger, page, a, n) && !ledger_in(run, page); */
    /*@ assert left: \forall integer a; ledger_total(ledger, a) ==
          ledger_total{Pre}(ledger, a) - (a == whole.account ? pages : 0); */
    book_joined(ledger, run);
    //@ assert now: ledger_changed{Pre, Here}(ledger, first, pages, account, whole.node);
    //@ assert sums: ledger_transferred{Pre, Here}(ledger, pages, whole.account, account);
}

// The lowest page of a range where a run can begin, LEDGER_NONE if it has no room for one.
/*@ requires ledger_range_valid(range) && 0 < pages <= LEDGER_PAGES && 0 < alignment <= LEDGER_PAGES;
    assigns \nothing;
    ensures \result != LEDGER_NONE ==> ledger_holds(range, \result, pages) && \result % alignment == 0;
    ensures \result == LEDGER_NONE ==> range.pages < pages + alignment - 1;
*/
static uint64_t fit(struct ledger_range range, uint64_t pages, uint64_t alignment) {
    uint64_t multiple = (range.first + alignment - 1) / alignment, first = multiple * alignment;
    /*@ assert (multiple * alignment) % alignment == 0 &&
          range.first <= multiple * alignment <= range.first + alignment - 1; */
    return first + pages <= range.first + range.pages ? first : LEDGER_NONE;
}

uint64_t ledger_take(struct ledger *ledger, uint64_t pages, uint64_t alignment, uint32_t account) {
    uint32_t at = ledger->count;
    uint64_t first = LEDGER_NONE;
    if (pages == 0 || pages > LEDGER_PAGES)
        return LEDGER_NONE;
    /*@ loop invariant 0 <= i <= ledger->count;
        loop invariant first == LEDGER_NONE ==> (\forall integer j; 0 <= j < i &&
          ledger->range[j].account == LEDGER_FREE ==> ledger->range[j].pages < pages + alignment - 1);
        loop invariant first != LEDGER_NONE ==> 0 <= at < ledger->count && ledger->range[at].account == LEDGER_FREE &&
          ledger_holds(ledger->range[at], first, pages) && first % alignment == 0;
        loop assigns i, at, first;
        loop variant ledger->count - i;
    */
    for (uint32_t i = 0; i < ledger->count; i++) {
        if (ledger->range[i].account != LEDGER_FREE)
            continue;
        uint64_t candidate = fit(ledger->range[i], pages, alignment);
        if (candidate < first) {
            first = candidate;
            at = i;
        }
    }
    if (first == LEDGER_NONE || !room(ledger, at, first, pages))
        return LEDGER_NONE;
    //@ ghost uint32_t node = ledger->range[at].node;
    move(ledger, at, first, pages, account);
    //@ assert ledger_moved{Pre, Here}(ledger, first, pages, LEDGER_FREE, account, node);
    return first;
}

// The first range of an account that has some.
/*@ requires ledger_valid(ledger) && ledger_total(ledger, account) > 0;
    assigns \nothing;
    ensures \result < ledger->count && ledger->range[\result].account == account;
*/
static uint32_t find(const struct ledger *ledger, uint32_t account) {
    uint32_t i = 0;
    /*@ loop invariant 0 <= i < ledger->count && ledger_sum(ledger, i, account) == 0;
        loop assigns i;
        loop variant ledger->count - i;
    */
    while (ledger->range[i].account != account)
        i++;
    return i;
}

uint64_t ledger_release(struct ledger *ledger, uint32_t account) {
    uint64_t pages = ledger_pages(ledger, account);
    /*@ loop invariant ledger_valid(ledger);
        loop invariant \forall integer page, a, n; ledger_booked(ledger, page, a, n) ==>
          ledger_booked{Pre}(ledger, page, a, n) ||
          (a == LEDGER_FREE && ledger_booked{Pre}(ledger, page, account, n));
        loop invariant \forall integer page, a, n; ledger_booked{Pre}(ledger, page, a, n) ==>
          ledger_booked(ledger, page, a, n) || (a == account && ledger_booked(ledger, page, LEDGER_FREE, n));
        loop invariant left == ledger_total(ledger, account);
        loop invariant left == 0 ==>
          (\forall integer i; 0 <= i < ledger->count ==> ledger->range[i].account != account);
        loop invariant ledger_total(ledger, LEDGER_FREE) + left == ledger_total{Pre}(ledger, LEDGER_FREE) + pages;
        loop invariant \forall integer a; a != account && a != LEDGER_FREE ==>
          ledger_total(ledger, a) == ledger_total{Pre}(ledger, a);
        loop assigns left, ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
        loop variant left;
    */
    for (uint64_t left = pages; left > 0; left = ledger_pages(ledger, account)) {
        uint32_t at = find(ledger, account);
        move(ledger, at, ledger->range[at].first, ledger->range[at].pages, LEDGER_FREE);
    }
    //@ assert none: \forall integer page, n; !ledger_booked(ledger, page, account, n);
    return pages;
}

bool ledger_free(struct ledger *ledger, uint64_t first, uint64_t pages) {
    /*@ loop invariant 0 <= i <= ledger->count;
        loop invariant \forall integer j; 0 <= j < i && ledger_holds(ledger->range[j], first, pages) ==>
          ledger->range[j].account == LEDGER_FREE || ledger->range[j].account == LEDGER_RESERVED;
        loop assigns i;
        loop variant ledger->count - i;
    */
    for (uint32_t i = 0; i < ledger->count; i++) {
        struct ledger_range range = ledger->range[i];
        if (range.account == LEDGER_FREE || range.account == LEDGER_RESERVED || first < range.first ||
            first - range.first > range.pages || pages > range.pages - (first - range.first))
            continue;
        if (!room(ledger, i, first, pages))
            return false;
        move(ledger, i, first, pages, LEDGER_FREE);
        //@ assert ledger_moved{Pre, Here}(ledger, first, pages, range.account, LEDGER_FREE, range.node);
        return true;
    }
    return false;
}

uint64_t ledger_pages(const struct ledger *ledger, uint32_t account) {
    uint64_t pages = 0;
    /*@ loop invariant 0 <= i <= ledger->count && pages == ledger_sum(ledger, i, account);
        loop invariant pages <= i * LEDGER_PAGES;
        loop invariant \forall integer j; 0 <= j < i && ledger->range[j].account == account ==>
          ledger->range[j].pages <= pages;
        loop assigns i, pages;
        loop variant ledger->count - i;
    */
    for (uint32_t i = 0; i < ledger->count; i++)
        pages += ledger->range[i].account == account ? ledger->range[i].pages : 0;
    return pages;
}

uint64_t ledger_largest_free(const struct ledger *ledger) {
    uint64_t largest = 0;
    /*@ loop invariant 0 <= i <= ledger->count;
        loop invariant \forall integer j; 0 <= j < i && ledger->range[j].account == LEDGER_FREE ==>
          ledger->range[j].pages <= largest;
        loop invariant largest == 0 || (\exists integer j; 0 <= j < i && ledger->range[j].account == LEDGER_FREE &&
          ledger->range[j].pages == largest);
        loop assigns i, largest;
        loop variant ledger->count - i;
    */
    for (uint32_t i = 0; i < ledger->count; i++)
        if (ledger->range[i].account == LEDGER_FREE && ledger->range[i].pages > largest)
            largest = ledger->range[i].pages;
    return largest;
}

// The range that a page is in, or the number of ranges.
/*@ requires ledger_valid(ledger);
    assigns \nothing;
    ensures \result <= ledger->count;
    ensures \result < ledger->count ==> ledger_in(ledger->range[\result], page);
    ensures \result == ledger->count ==>
      (\forall integer i; 0 <= i < ledger->count ==> !ledger_in(ledger->range[i], page));
*/
static uint32_t holder(const struct ledger *ledger, uint64_t page) {
    /*@ loop invariant 0 <= i <= ledger->count;
        loop invariant \forall integer j; 0 <= j < i ==> !ledger_in(ledger->range[j], page);
        loop assigns i;
        loop variant ledger->count - i;
    */
    for (uint32_t i = 0; i < ledger->count; i++)
        if (ledger->range[i].first <= page && page < ledger->range[i].first + ledger->range[i].pages)
            return i;
    return ledger->count;
}

// Where the hole that a page lies in ends, or `end`.
/*@ requires ledger_valid(ledger) && page < end <= LEDGER_PAGES;
    requires \forall integer i; 0 <= i < ledger->count ==> !ledger_in(ledger->range[i], page);
    assigns \nothing;
    ensures page < \result <= end;
    ensures \forall integer i; 0 <= i < ledger->count ==>
      \result <= ledger->range[i].first || ledger->range[i].first + ledger->range[i].pages <= page;
*/
static uint64_t hole_end(const struct ledger *ledger, uint64_t page, uint64_t end) {
    /*@ loop invariant 0 <= i <= ledger->count;
        loop invariant page < end <= \at(end, Pre);
        loop invariant \forall integer j; 0 <= j < i ==> end <= ledger->range[j].first ||
          ledger->range[j].first + ledger->range[j].pages <= page;
        loop assigns i, end;
        loop variant ledger->count - i;
    */
    for (uint32_t i = 0; i < ledger->count; i++)
        if (page < ledger->range[i].first && ledger->range[i].first < end)
            end = ledger->range[i].first;
    return end;
}

bool ledger_add(struct ledger *ledger, uint64_t first, uint64_t pages, uint32_t account, uint32_t node) {
    if (first >= LEDGER_PAGES)
        return true;
    uint64_t end = pages < LEDGER_PAGES - first ? first + pages : LEDGER_PAGES;
    /*@ loop invariant ledger_valid(ledger) && first <= at;
        loop invariant \forall integer page, a, n; ledger_booked{Pre}(ledger, page, a, n) ==>
          ledger_booked(ledger, page, a, n);
        loop invariant \forall integer page, a, n; ledger_booked(ledger, page, a, n) ==>
          ledger_booked{Pre}(ledger, page, a, n) || (first <= page < end && a == account && n == node);
        loop invariant \forall integer page; first <= page < at && page < end ==> ledger_known(ledger, page);
        loop invariant \forall integer a; a != account ==> ledger_total(ledger, a) == ledger_total{Pre}(ledger, a);
        loop assigns at, ledger->count, ledger->range[0 .. LEDGER_RANGES - 1];
        loop variant end - at;
    */
    for (uint64_t at = first; at < end;) {
        uint32_t in = holder(ledger, at);
        if (in < ledger->count) {
            struct ledger_range range = ledger->range[in];
            /*@ assert \forall integer page; ledger_in(range, page) ==>
                  ledger_books(ledger, in, page, range.account, range.node); */
            /*@ assert \forall integer page; ledger_in(range, page) ==>
                  ledger_booked(ledger, page, range.account, range.node); */
            //@ assert \forall integer page; ledger_in(range, page) ==> ledger_known(ledger, page);
            at = range.first + range.pages;
            continue;
        }
        uint64_t next = hole_end(ledger, at, end);
        if (ledger->count == LEDGER_RANGES)
            return false;
        book_joined(ledger, (struct ledger_range){at, next - at, account, node});
        at = next;
    }
    return true;
}
