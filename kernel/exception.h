// Exceptions of guests: which of them exit, and whose each one is (SDM 3C 28.2, APM 2 15.12). Pure; proved.
#pragma once
#include "kernel/abi.h"

#define EXCEPTION_DB  1u
#define EXCEPTION_NMI 2u
#define EXCEPTION_DF  8u
#define EXCEPTION_GP  13u
#define EXCEPTION_MF  16u
#define EXCEPTION_AC  17u
#define EXCEPTION_MC  18u

// For contracts; a predicate would hide it from the prover's rules for bits.
#define EXCEPTION_BIT(word, bit) (((word) & (1 << (bit))) != 0)

// #MC is the host's. #DB and #AC exit whatever the VMM wants: their delivery can raise them again, without end and with
// no interrupt in between. So the processor delivers none of them but at an entry, and nothing lasts beyond one.
/*@ assigns \nothing;
    ensures EXCEPTION_BIT(\result, 1) && EXCEPTION_BIT(\result, 17) && EXCEPTION_BIT(\result, 18);
    ensures \result == (wanted | 0x60002);
*/
static inline uint32_t exception_intercepts(uint32_t wanted) {
    return wanted | 1u << EXCEPTION_DB | 1u << EXCEPTION_AC | 1u << EXCEPTION_MC;
}

enum exception_owner { EXCEPTION_OF_HOST, EXCEPTION_OF_VMM, EXCEPTION_OF_GUEST };

// Who deals with an exception, or NMI, that has exited. `by_instruction`: in the delivery of an event of the VMM's that
// only it can have raised again. What is the guest's is injected by the next entry.
/*@ requires vector < 32;
    assigns \nothing;
    ensures \result == EXCEPTION_OF_HOST <==> vector == 2 || vector == 18;
    ensures \result == EXCEPTION_OF_VMM <==>
      vector != 2 && vector != 18 && (EXCEPTION_BIT(wanted, vector) || by_instruction);
    ensures \result == EXCEPTION_OF_GUEST <==>
      vector != 2 && vector != 18 && !EXCEPTION_BIT(wanted, vector) && !by_instruction;
*/
static inline enum exception_owner exception_owner(uint32_t vector, uint32_t wanted, bool by_instruction) {
    if (vector == EXCEPTION_NMI || vector == EXCEPTION_MC)
        return EXCEPTION_OF_HOST;
    return (wanted & 1u << vector) || by_instruction ? EXCEPTION_OF_VMM : EXCEPTION_OF_GUEST;
}

// The guest's exception as the event of an entry.
static inline uint64_t exception_event(uint32_t vector, bool has_error, uint32_t error) {
    uint64_t event = EVENT_VALID | EVENT_EXCEPTION | vector;
    return has_error ? event | EVENT_ERROR_VALID | EVENT_ERROR(error) : event;
}
