// What kernel/ asks of hardware virtualization: one constant table per vendor, chosen at boot.
#pragma once
#include "kernel/vcpu.h"

#define EXIT_HANDLED (-1) // the core has dealt with the exit, enter again

struct vendor {
    const char *name;
    uint32_t id; // HOST_VENDOR_*

    // Is it there and usable on this CPU? If not, `reason` says what is missing, for people. It may also note what the
    // hardware lacks and is worked around.
    bool (*detect)(char *reason, size_t size);
    // Turns virtualization on, or off, on the CPU that runs this. False: no memory.
    bool (*cpu_start)(struct cpu *cpu);
    void (*cpu_stop)(void);

    // Hardware state of a vCPU: its pages, which are filled as after reset; and at its end no CPU caches it any more.
    unsigned control_pages;
    void (*vcpu_create)(struct vcpu *vcpu);
    void (*vcpu_forget)(struct vcpu *vcpu);

    // Moves groups from the page to the hardware's state, and back.
    void (*load)(struct vcpu *vcpu, uint32_t groups);
    void (*fetch)(struct vcpu *vcpu, uint32_t groups);

    // interrupt_flag and shadow of what will be entered.
    void (*interruptibility)(const struct vcpu *vcpu, struct inject_state *state);
    // The event of the next entry (EVENT_*; 0 none) and the windows of the decision to exit for.
    void (*prepare)(struct vcpu *vcpu, uint64_t event, struct inject_decision decision);

    // Enters the guest and comes back at the exit, interrupts off, kernel lock not held. True: a host interrupt is
    // waiting.
    bool (*enter)(struct vcpu *vcpu);
    // Decodes the exit into the page: enum vcpu_exit or EXIT_HANDLED.
    int (*exit)(struct vcpu *vcpu);

    // What the CPU that runs this caches of a vCPU goes back to memory.
    void (*release)(struct vcpu *vcpu);

    // Why a CPU has shut down for good when it came back from a guest, as far as it could say; 0: it has not.
    uint32_t (*aborted)(const struct cpu *cpu);
};

// Groups of the page that an exit brings: those that the ABI promises for its reason, and those that the VMM wants
// beside them. The page's qualification is that of the exit.
static inline uint32_t exit_groups(const struct vcpu_page *page, int reason) {
    bool string = reason == VCPU_EXIT_IO && (page->qualification & VCPU_IO_STRING);
    if (reason == VCPU_EXIT_MEMORY || string)
        return GROUP_HOT | (uint32_t)page->wanted_memory;
    return (VCPU_EXITS_SIMPLE >> reason & 1 ? GROUP_ALWAYS : GROUP_HOT) | (uint32_t)page->wanted_other;
}

extern const struct vendor svm_vendor, vmx_vendor;
extern const struct vendor *vendor; // null: none usable

// Calls a function of the one that this machine has, and takes its result: directly, for where an indirect branch goes
// speculatively a guest may steer. The core has none at all (tests/system/test_build.py); nomerge keeps the compiler
// from making one of the two calls.
#define VENDOR(function, ...) VENDOR_RESULT(, function, __VA_ARGS__)
#define VENDOR_RESULT(result, function, ...)                                                                           \
    do {                                                                                                               \
        if (vendor == &svm_vendor)                                                                                     \
            __attribute__((nomerge)) result svm_vendor.function(__VA_ARGS__);                                          \
        else                                                                                                           \
            __attribute__((nomerge)) result vmx_vendor.function(__VA_ARGS__);                                          \
    } while (0)

extern char vendor_reason[128];

// Chooses the vendor (vendor.c is the one place that knows all of them).
void vendor_detect(void);
// Turns virtualization on, where there is any, on the CPU that runs this.
void vendor_start(struct cpu *cpu);
