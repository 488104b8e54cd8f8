// Virtual CPUs: passive state that a thread runs. Common to both vendors; what is a vendor's goes through vendor.h.
#pragma once
#include "kernel/inject.h"
#include "kernel/portal.h"
#include "kernel/space.h"
#include "kernel/thread.h"

struct vcpu {
    struct object object;
    struct space *guest;
    uint64_t guest_generation;
    struct cpu *cpu; // where it last ran
    struct kernel_page *state_page, *apic_page;
    struct vcpu_page *page;
    volatile uint32_t *apic;       // virtual-APIC page
    uint32_t apic_mode;            // VCPU_APIC_*, as the VMM has said it last
    bool virtual_delivery;         // of the vendor: the processor delivers what the page requests
    bool apic_changed;             // what the page requests has to be looked at: something waits, or it may
    uint8_t requested, in_service; // the highest of IRR and ISR, for a processor that delivers
    struct thread *last_runner;    // whose extended state is the guest's, null before the first run
    uint64_t last_runner_generation;
    struct thread *runner; // the thread whose run it is in, else null
    bool poked;
    bool nmi_pending, nmi_blocked;
    uint64_t event; // to deliver at the next entry, EVENT_* format, 0: none
    bool from_apic; // the last interrupt injected was the local APIC's
    uint64_t held;  // the 8259's, acknowledged, whose delivery an exception took the place of; 0: none
    uint32_t exception_intercepts;
    // Of the vendor
    void *control; // VMCB
    unsigned control_pages;
    uint64_t asid_generation;
    uint64_t space_generation_seen;
    uint64_t guest_cr4;            // svm: as the guest reads it
    uint64_t soft_event, soft_rip; // svm: the VMM's INTn, INT3 or INTO that the entry injects, and where it returns to
    bool iret_next;                // svm: the instruction at iret_rip ends the blocking of NMIs
    uint64_t iret_rip;
    bool stepping;         // svm: the entry set TF, for what waits for one instruction
    bool shadowed;         // svm: the entry was to the instruction at shadow_rip in an interrupt shadow
    bool shadow_forgotten; // svm: and its interrupt window opened there nevertheless
    uint64_t shadow_rip;
};

NODISCARD int vcpu_create(struct pd *pd, struct space *guest, struct kernel_page *state, struct kernel_page *apic,
                          struct cpu *cpu, struct vcpu **out);
void vcpu_destroy(struct vcpu *vcpu);

// The current thread runs the vCPU from now on; scheduler_dispatch goes on with it. ERROR_BUSY: another one does.
NODISCARD int vcpu_run(struct thread *thread, struct vcpu *vcpu, uint64_t event_mask);

// Runs the thread's vCPU until something else has to happen on this CPU. True: the thread goes back to user level.
NODISCARD bool vcpu_continue(struct thread *thread);

// The thread stops running its vCPU.
void vcpu_leave(struct thread *thread);

// Do INTn, INT3 or INTO make such an event? What it pushes is then the address behind.
static inline bool vcpu_by_instruction(uint64_t event) {
    uint64_t type = event & EVENT_TYPE;
    return type == EVENT_SOFTWARE ||
           (type == EVENT_EXCEPTION && (EVENT_VECTOR(event) == 3 || EVENT_VECTOR(event) == 4));
}

// An exception takes the place of what was being delivered: an interrupt goes back to where it came from, an NMI is
// pending again.
void vcpu_take_back_event(struct vcpu *vcpu);

void vcpu_poke(struct vcpu *vcpu);
void vcpu_kick(struct vcpu *vcpu);
NODISCARD int vcpu_fetch(struct vcpu *vcpu, uint32_t groups);
