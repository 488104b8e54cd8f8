// What a vCPU is given at its next entry: the decision on interrupts, NMIs and events that an exit interrupted (SDM 3A
// 6.9, 10.8; SDM 3C 26.6; APM 2 15.20, 15.21). Pure; proved; the same for both vendors.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct inject_state {
    bool event;          // an event to deliver (again) comes before all else
    bool nmi_pending;
    bool nmi_blocked;    // between NMI and IRET
    bool shadow;         // interrupt shadow of STI or MOV SS
    bool interrupt_flag; // RFLAGS.IF
    bool extint;         // the 8259 asks
    uint8_t irr_highest; // highest vector requested at the local APIC, 0: none
    uint8_t isr_highest; // highest vector in service, 0: none
    uint8_t tpr;
};

enum inject_action { INJECT_NOTHING, INJECT_EVENT, INJECT_NMI, INJECT_INTERRUPT, INJECT_EXTINT };

struct inject_decision {
    enum inject_action action;
    uint8_t vector;        // of INJECT_INTERRUPT
    bool interrupt_window; // exit as soon as an interrupt can be taken: one is waiting
    bool nmi_window;       // exit as soon as an NMI can be taken: one is waiting
};

// Processor priority: the greater of TPR and the class in service (SDM 3A 10.8.3.1).
uint8_t inject_ppr(uint8_t tpr, uint8_t isr_highest);

struct inject_decision inject_decide(struct inject_state state);

// Would a halted vCPU with this state wake?
bool inject_wakes(struct inject_state state);
