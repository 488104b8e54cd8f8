// What the scheduler decides: who is before whom, how a cap's window follows another. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define TURN_DEBT_MAX 20u // windows of a cap

/*@ // Priorities first; those of the fair class, 0, by virtual time.
    predicate turn_is_before(integer a, integer a_vtime, integer b, integer b_vtime) =
      a > b || (a == 0 && b == 0 && a_vtime < b_vtime);

    // So who is put before the first that is not before it leaves a queue in order.
    lemma turn_before_nobody_twice: \forall integer a, s, b, t;
      turn_is_before(a, s, b, t) ==> !turn_is_before(b, t, a, s);
    lemma turn_before_follows: \forall integer a, s, b, t, c, u; a >= 0 && b >= 0 && c >= 0 ==>
      turn_is_before(a, s, b, t) ==> turn_is_before(b, t, c, u) ==> turn_is_before(a, s, c, u);
    lemma turn_not_before_follows: \forall integer a, s, b, t, c, u; a >= 0 && b >= 0 && c >= 0 ==>
      !turn_is_before(a, s, b, t) ==> !turn_is_before(b, t, c, u) ==> !turn_is_before(a, s, c, u);
*/

/*@ assigns \nothing;
    ensures \result <==> turn_is_before(a, a_vtime, b, b_vtime);
*/
static inline bool turn_before(uint8_t a, uint64_t a_vtime, uint8_t b, uint64_t b_vtime) {
    if (a != b)
        return a > b;
    return a == 0 && a_vtime < b_vtime;
}

// A time-out stands behind those that end no later.
/*@ assigns \nothing;
    ensures \result <==> standing <= added;
*/
static inline bool timeout_stays_before(uint64_t standing, uint64_t added) {
    return standing <= added;
}

// What is used up of a cap after `windows` more windows of `budget` each: what was used beyond the budget, as when this
// CPU is itself virtual and was held up, is paid in later ones, but for more than TURN_DEBT_MAX of them.
/*@ requires budget <= UINT64_MAX / TURN_DEBT_MAX;
    assigns \nothing;
    ensures \result <= used;
    ensures \result <= TURN_DEBT_MAX * budget;
    ensures windows > 0 && used <= budget ==> \result == 0;
    ensures windows > TURN_DEBT_MAX ==> \result == 0;
    ensures 0 < windows <= TURN_DEBT_MAX && budget < used <= TURN_DEBT_MAX * budget ==>
      \result == \max(0, used - windows * budget);
*/
static inline uint64_t turn_debt(uint64_t used, uint64_t budget, uint64_t windows) {
    uint64_t most = TURN_DEBT_MAX * budget, debt = used < most ? used : most;
    /*@ loop invariant 0 <= i <= windows && i <= TURN_DEBT_MAX;
        loop invariant debt == \max(0, \min(used, most) - i * budget);
        loop assigns i, debt;
        loop variant TURN_DEBT_MAX - i;
    */
    for (uint64_t i = 0; i < windows && i < TURN_DEBT_MAX; i++)
        debt = debt > budget ? debt - budget : 0;
    return debt;
}
