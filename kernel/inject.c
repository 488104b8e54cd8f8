// The injection decision.
#include "kernel/inject.h"
#include "lib/apic_priority.h"

// A vector at the local APIC that its priorities let through; 0: none.
/*@ assigns \nothing;
    ensures inject_vector_deliverable(state) ==> \result == state.irr_highest;
    ensures !inject_vector_deliverable(state) ==> \result == 0;
*/
static uint8_t deliverable_vector(struct inject_state state) {
    uint8_t ppr = apic_ppr(state.tpr, state.isr_highest);
    if (state.irr_highest < 16 || state.irr_highest / 16 <= ppr / 16)
        return 0;
    return state.irr_highest;
}

// The same, if it is not the processor's to deliver.
/*@ assigns \nothing;
    ensures inject_vector_waits(state) ==> \result == state.irr_highest;
    ensures !inject_vector_waits(state) ==> \result == 0;
*/
static uint8_t waiting_vector(struct inject_state state) {
    return state.virtual_delivery ? 0 : deliverable_vector(state);
}

struct inject_decision inject_decide(struct inject_state state) {
    struct inject_decision decision = {INJECT_NOTHING, 0, false, false, 0};
    uint8_t vector = waiting_vector(state);
    bool interrupt = state.extint || vector != 0;
    bool nmi_open = !state.nmi_blocked && !state.shadow;
    bool interrupt_open = state.interrupt_flag && !state.shadow;

    if (state.event) {
        decision.action = INJECT_EVENT;
    } else if (state.nmi_pending && nmi_open) {
        decision.action = INJECT_NMI;
    } else if (interrupt && interrupt_open && state.extint) {
        decision.action = INJECT_EXTINT;
    } else if (interrupt && interrupt_open) {
        decision.action = INJECT_INTERRUPT;
        decision.vector = vector;
    }
    decision.nmi_window = state.nmi_pending && decision.action != INJECT_NMI;
    decision.interrupt_window =
        (state.extint && decision.action != INJECT_EXTINT) || (vector != 0 && decision.action != INJECT_INTERRUPT);
    if (state.irr_highest >= 16 && state.irr_highest / 16 <= state.tpr / 16 &&
        state.irr_highest / 16 > state.isr_highest / 16 && !state.virtual_delivery)
        decision.tpr_threshold = state.irr_highest / 16;
    return decision;
}

bool inject_wakes(struct inject_state state) {
    if (state.event || (state.nmi_pending && !state.nmi_blocked))
        return true;
    return state.interrupt_flag && (state.extint || deliverable_vector(state) != 0);
}
