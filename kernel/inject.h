// What a vCPU is given at its next entry: the decision on interrupts, NMIs and events that an exit interrupted (SDM 3A
// 6.9, 10.8; SDM 3C 28.2, 29.6; APM 2 15.20, 15.21). Pure; proved; the same for both vendors.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct inject_state {
    bool event; // an event to deliver (again) comes before all else
    bool nmi_pending;
    bool nmi_blocked;    // between NMI and IRET
    bool shadow;         // interrupt shadow of STI or MOV SS
    bool interrupt_flag; // RFLAGS.IF
    bool extint;         // the 8259 asks
    uint8_t irr_highest; // highest vector requested at the local APIC, 0: none
    uint8_t isr_highest; // highest vector in service, 0: none
    uint8_t tpr;
    bool virtual_delivery; // the processor delivers the local APIC's vectors itself
};

enum inject_action { INJECT_NOTHING, INJECT_EVENT, INJECT_NMI, INJECT_INTERRUPT, INJECT_EXTINT };

struct inject_decision {
    enum inject_action action;
    uint8_t vector;        // of INJECT_INTERRUPT
    bool interrupt_window; // exit as soon as an interrupt can be taken: one is waiting
    bool nmi_window;       // exit as soon as an NMI can be taken: one is waiting
    uint8_t tpr_threshold; // exit as soon as the class of TPR is below: a vector waits for it. 0: none does
};

/*@ // Requested at the local APIC, and of a class above that of TPR and of what is in service; 0 to 15 are no vectors.
    predicate inject_vector_deliverable(struct inject_state s) =
      s.irr_highest >= 16 && s.irr_highest / 16 > s.tpr / 16 && s.irr_highest / 16 > s.isr_highest / 16;

    // Requested, and held up by nothing but TPR, which the guest may lower without an exit.
    predicate inject_vector_waits_for_tpr(struct inject_state s) =
      s.irr_highest >= 16 && s.irr_highest / 16 <= s.tpr / 16 && s.irr_highest / 16 > s.isr_highest / 16 &&
      !s.virtual_delivery;

    // Here, not by the processor: what that delivers is not injected, and no exit is asked for it.
    predicate inject_vector_waits(struct inject_state s) = inject_vector_deliverable(s) && !s.virtual_delivery;

    predicate inject_interrupt_waits(struct inject_state s) = s.extint || inject_vector_waits(s);

    predicate inject_interrupt_open(struct inject_state s) = s.interrupt_flag && !s.shadow;

    predicate inject_nmi_open(struct inject_state s) = !s.nmi_blocked && !s.shadow;

    predicate inject_something(struct inject_state s) =
      s.event || (s.nmi_pending && inject_nmi_open(s)) || (inject_interrupt_waits(s) && inject_interrupt_open(s));
*/

/*@ assigns \nothing;
    // Highest priority first: event, NMI, 8259, local APIC; never when blocked.
    ensures \result.action == INJECT_EVENT <==> state.event;
    ensures \result.action == INJECT_NMI <==> !state.event && state.nmi_pending && inject_nmi_open(state);
    ensures \result.action == INJECT_EXTINT <==>
      !state.event && !(state.nmi_pending && inject_nmi_open(state)) && inject_interrupt_open(state) && state.extint;
    ensures \result.action == INJECT_INTERRUPT <==>
      !state.event && !(state.nmi_pending && inject_nmi_open(state)) && inject_interrupt_open(state) && !state.extint &&
      inject_vector_waits(state);
    ensures \result.action == INJECT_NOTHING <==> !inject_something(state);
    ensures \result.vector == (\result.action == INJECT_INTERRUPT ? state.irr_highest : 0);
    // Nothing is lost: what waits is injected, or a window is opened for it.
    ensures \result.nmi_window <==> state.nmi_pending && \result.action != INJECT_NMI;
    ensures \result.interrupt_window <==>
      (state.extint && \result.action != INJECT_EXTINT) ||
      (inject_vector_waits(state) && \result.action != INJECT_INTERRUPT);
    ensures inject_vector_waits_for_tpr(state) ==> \result.tpr_threshold == state.irr_highest / 16;
    ensures !inject_vector_waits_for_tpr(state) ==> \result.tpr_threshold == 0;
*/
struct inject_decision inject_decide(struct inject_state state);

// Would a halted vCPU with this state wake, whoever delivers? HLT ends the interrupt shadow that it is executed in.
/*@ assigns \nothing;
    ensures \result <==> inject_something({state \with .shadow = (_Bool)0, .virtual_delivery = (_Bool)0});
*/
bool inject_wakes(struct inject_state state);
