// Model-specific registers of a guest, as a table. An MSR that is not in it gives #GP.
#pragma once
#include "kernel/abi.h"
#include <stdbool.h>
#include <stdint.h>

#define MSR_STORED_MAX 40u

struct msr_state {
    uint64_t stored[MSR_STORED_MAX]; // those that are memory only
    uint64_t tsc_adjust;             // what this vCPU's TSC is ahead of the domain's
    uint64_t clock_page, wall_clock; // of the KVM clock, as written
};

// What the registers reach outside of the vCPU.
struct msr_host {
    void *context;
    bool (*need)(void *context, uint32_t groups); // makes groups of the vCPU page valid; false: they cannot be
    uint64_t (*guest_tsc)(void *context);         // of the domain, without the adjustment
    void (*adjust_changed)(void *context);        // tsc_adjust has changed
    void (*clock_page_changed)(void *context);    // clock_page has changed
    void (*wall_clock_changed)(void *context);
    // APIC base, TSC deadline and x2APIC
    bool (*apic_has)(uint32_t number);
    bool (*apic_read)(void *context, uint32_t number, uint64_t *value);
    bool (*apic_write)(void *context, uint32_t number, uint64_t value);
};

struct msr {
    const struct msr_host *host;
    struct vcpu_page *cpu;
    bool intel;
    uint8_t physical_bits; // MAXPHYADDR of the guest
    struct msr_state s;
};

// State after power-on.
void msr_reset(struct msr *msr);

// False: #GP. Requires: GROUP_CONTROL of the page is valid.
bool msr_read(struct msr *msr, uint32_t number, uint64_t *value);
bool msr_write(struct msr *msr, uint32_t number, uint64_t value);
