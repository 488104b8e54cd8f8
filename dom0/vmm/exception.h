// Exceptions by their vectors (SDM 3A 6.3.1; APM 2 8.1), and what becomes of one that another's delivery causes.
// Proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VECTOR_DE 0u
#define VECTOR_DB 1u
#define VECTOR_UD 6u
#define VECTOR_NM 7u
#define VECTOR_DF 8u
#define VECTOR_TS 10u
#define VECTOR_NP 11u
#define VECTOR_SS 12u
#define VECTOR_GP 13u
#define VECTOR_PF 14u
#define VECTOR_MF 16u

#define EXCEPTION_SHUTDOWN 256u // no exception: a triple fault

/*@ predicate exception_is_contributory(integer v) = v == VECTOR_DE || VECTOR_TS <= v <= VECTOR_GP;
    predicate exception_is_serious(integer v) = exception_is_contributory(v) || v == VECTOR_PF;
*/

/*@ assigns \nothing;
    ensures \result <==> exception_is_contributory(vector);
*/
static inline bool exception_contributory(unsigned vector) {
    return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

// The exception that is raised in the end if the delivery of `first` causes `second`, which is no #DF: a double fault,
// a triple fault, or `second`, one after the other (SDM 3A table 6-5; APM 2 table 8-4).
/*@ requires second < 32 && second != VECTOR_DF;
    assigns \nothing;
    ensures \result == EXCEPTION_SHUTDOWN <==> first == VECTOR_DF && exception_is_serious(second);
    ensures \result == VECTOR_DF <==>
      (exception_is_contributory(first) && exception_is_contributory(second)) ||
      (first == VECTOR_PF && exception_is_serious(second));
    ensures \result == second || \result == VECTOR_DF || \result == EXCEPTION_SHUTDOWN;
*/
static inline unsigned exception_in_delivery(unsigned first, unsigned second) {
    bool contributory = exception_contributory(second), serious = contributory || second == VECTOR_PF;
    if (first == VECTOR_DF && serious)
        return EXCEPTION_SHUTDOWN;
    bool doubled = exception_contributory(first) ? contributory : first == VECTOR_PF && serious;
    return doubled ? VECTOR_DF : second;
}
