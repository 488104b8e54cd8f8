// Guest time.
#include "dom0/vmm/guest_clock.h"

#define NS_PER_SECOND    1000000000ull
#define CLOCK_TSC_STABLE 1u

// Scale such that `from` units make `to` units: multiplier / 2^32 * 2^shift = to / from, the multiplier's top bit set.
static struct clock_scale scale_make(uint64_t from, uint64_t to) {
    int8_t shift = 0;
    while (to >= 1ull << 32 || from >= 1ull << 32) {
        to >>= 1;
        from >>= 1;
    }
    while (to >= from) {
        from <<= 1;
        shift++;
    }
    while (to < from / 2) {
        to <<= 1;
        shift--;
    }
    return (struct clock_scale){(uint32_t)((to << 32) / from), shift};
}

// As the KVM clock has it; to shift left by what is shifted right behind the multiplication is to shift less.
static uint64_t scale(struct clock_scale scale, uint64_t value) {
    unsigned right = scale.shift < 0 ? 32 : 32u - (unsigned)scale.shift;
    if (scale.shift < 0)
        value >>= -scale.shift;
    return (uint64_t)((unsigned __int128)value * scale.multiplier >> (right & 63));
}

void guest_clock_init(struct guest_clock *clock, uint64_t tsc_hz, uint64_t host_tsc, uint64_t wall_ns) {
    *clock = (struct guest_clock){
        .tsc_hz = tsc_hz,
        .to_ns = scale_make(tsc_hz, NS_PER_SECOND),
        .to_tsc = scale_make(NS_PER_SECOND, tsc_hz),
        .tsc_offset = -host_tsc,
        .stopped = true,
        .wall_start_ns = wall_ns,
    };
}

uint64_t guest_clock_tsc(const struct guest_clock *clock, uint64_t host_tsc) {
    return clock->stopped ? clock->stopped_tsc : host_tsc + clock->tsc_offset;
}

uint64_t guest_clock_tsc_to_ns(const struct guest_clock *clock, uint64_t guest_tsc) {
    return scale(clock->to_ns, guest_tsc);
}

uint64_t guest_clock_ns(const struct guest_clock *clock, uint64_t host_tsc) {
    return scale(clock->to_ns, guest_clock_tsc(clock, host_tsc));
}

uint64_t guest_clock_deadline(const struct guest_clock *clock, uint64_t host_tsc, uint64_t ns) {
    if (ns == UINT64_MAX || clock->stopped)
        return UINT64_MAX;
    uint64_t now = guest_clock_ns(clock, host_tsc);
    if (ns <= now)
        return host_tsc;
    uint64_t left = ns - now;
    if (left > 1ull << 60)
        return UINT64_MAX;
    uint64_t deadline = host_tsc + scale(clock->to_tsc, left) + 1;
    while (guest_clock_ns(clock, deadline) < ns)
        deadline += scale(clock->to_tsc, ns - guest_clock_ns(clock, deadline)) + 1;
    return deadline;
}

void guest_clock_stop(struct guest_clock *clock, uint64_t host_tsc) {
    if (clock->stopped)
        return;
    clock->stopped_tsc = host_tsc + clock->tsc_offset;
    clock->stopped = true;
}

void guest_clock_go(struct guest_clock *clock, uint64_t host_tsc) {
    if (!clock->stopped)
        return;
    clock->tsc_offset = clock->stopped_tsc - host_tsc;
    clock->stopped = false;
}

struct kvm_clock_page kvm_clock_page(const struct guest_clock *clock, uint64_t host_tsc, uint64_t adjust,
                                     uint32_t version) {
    uint64_t tsc = guest_clock_tsc(clock, host_tsc);
    return (struct kvm_clock_page){
        .version = version,
        .tsc_timestamp = tsc + adjust,
        .system_time = guest_clock_tsc_to_ns(clock, tsc),
        .multiplier = clock->to_ns.multiplier,
        .shift = clock->to_ns.shift,
        .flags = CLOCK_TSC_STABLE,
    };
}

struct kvm_wall_clock kvm_wall_clock(const struct guest_clock *clock, uint32_t version) {
    return (struct kvm_wall_clock){version, (uint32_t)(clock->wall_start_ns / NS_PER_SECOND),
                                   (uint32_t)(clock->wall_start_ns % NS_PER_SECOND)};
}
