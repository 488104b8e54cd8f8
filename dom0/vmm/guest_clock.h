// The one owner of a domain's time: its TSC and, derived from it, guest time in nanoseconds. Both stand still while the
// domain is paused. Also the clock pages that KVM-aware guests read (Linux, Documentation/virt/kvm/x86/msr.rst).
#pragma once
#include <stdbool.h>
#include <stdint.h>

// ns = ((tsc << shift) * multiplier) >> 32, as the guest computes it too; shift may be negative.
struct clock_scale {
    uint32_t multiplier;
    int8_t shift;
};

struct guest_clock {
    uint64_t tsc_hz;
    struct clock_scale to_ns, to_tsc;
    uint64_t tsc_offset;  // guest TSC = host TSC + tsc_offset, but for what a vCPU has adjusted
    uint64_t stopped_tsc; // guest TSC at which it stands still
    bool stopped;
    uint64_t wall_start_ns; // nanoseconds since 1970 at guest time 0
};

// Guest time 0 is `host_tsc`; the clock stands still.
void guest_clock_init(struct guest_clock *clock, uint64_t tsc_hz, uint64_t host_tsc, uint64_t wall_ns);

uint64_t guest_clock_tsc(const struct guest_clock *clock, uint64_t host_tsc); // guest TSC
uint64_t guest_clock_ns(const struct guest_clock *clock, uint64_t host_tsc);
uint64_t guest_clock_tsc_to_ns(const struct guest_clock *clock, uint64_t guest_tsc);

// The host TSC at which guest time will have reached `ns`; UINT64_MAX if that is never, or the clock stands still.
uint64_t guest_clock_deadline(const struct guest_clock *clock, uint64_t host_tsc, uint64_t ns);

void guest_clock_stop(struct guest_clock *clock, uint64_t host_tsc);
void guest_clock_go(struct guest_clock *clock, uint64_t host_tsc);

// struct pvclock_vcpu_time_info and pvclock_wall_clock
struct kvm_clock_page {
    uint32_t version, pad0;
    uint64_t tsc_timestamp, system_time;
    uint32_t multiplier;
    int8_t shift;
    uint8_t flags;
    uint8_t pad[2];
};
_Static_assert(sizeof(struct kvm_clock_page) == 32, "pvclock_vcpu_time_info");

struct kvm_wall_clock {
    uint32_t version, seconds, nanoseconds;
};

// `adjust`: what the vCPU's TSC is ahead of the domain's.
struct kvm_clock_page kvm_clock_page(const struct guest_clock *clock, uint64_t host_tsc, uint64_t adjust,
                                     uint32_t version);
struct kvm_wall_clock kvm_wall_clock(const struct guest_clock *clock, uint32_t version);
