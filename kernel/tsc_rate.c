// Which clock is believed.
#include "kernel/tsc_rate.h"

// How many readings, itself among them, agree with one.
/*@ requires \valid_read(hz + (0 .. TSC_SOURCES - 1));
    assigns \nothing;
    ensures \result == votes(hz, a);
*/
static unsigned count_votes(const uint64_t hz[TSC_SOURCES], uint64_t a) {
    return 0u + tsc_agree(a, hz[0]) + tsc_agree(a, hz[1]) + tsc_agree(a, hz[2]) + tsc_agree(a, hz[3]) +
           tsc_agree(a, hz[4]);
}

unsigned tsc_choose(const uint64_t hz[TSC_SOURCES]) {
    unsigned best = TSC_SOURCES, most = 0;
    /*@ loop invariant 0 <= i <= TSC_SOURCES;
        loop invariant best < i || best == TSC_SOURCES;
        loop invariant best == TSC_SOURCES ==> most == 0;
        loop invariant best < TSC_SOURCES ==> hz[best] != 0 && most == votes(hz, hz[best]) && most > 0;
        loop invariant \forall integer k; 0 <= k < i ==> votes(hz, hz[k]) <= most;
        loop invariant best < TSC_SOURCES ==> \forall integer k; 0 <= k < best ==> votes(hz, hz[k]) < most;
        loop assigns i, best, most;
        loop variant TSC_SOURCES - i;
    */
    for (unsigned i = 0; i < TSC_SOURCES; i++) {
        unsigned votes = count_votes(hz, hz[i]);
        //@ assert hz[i] != 0 ==> vote(hz[i], hz[i]) == 1;
        if (votes <= most)
            continue;
        most = votes;
        best = i;
    }
    return best;
}

_Static_assert(TSC_SOURCES == 5, "count_votes");
