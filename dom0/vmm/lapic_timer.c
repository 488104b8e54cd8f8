// The local APIC's timer: one-shot, periodic, TSC deadline (SDM 3A 10.5.4). It counts guest nanoseconds.
#include "dom0/vmm/lapic_internal.h"

// Periodic interrupts come no denser than this, however small the count.
#define MIN_PERIOD_NS 20000u

static uint32_t divisor(const struct lapic *lapic) {
    uint32_t divide = lapic_get(lapic, LAPIC_DIVIDE);
    unsigned code = (divide & 3) | (divide >> 1 & 4);
    return code == 7 ? 1 : 2u << code;
}

static uint64_t now_ns(const struct lapic *lapic) {
    return lapic->host->now_ns(lapic->host->machine);
}

static unsigned mode(const struct lapic *lapic) {
    return LVT_TIMER_MODE(lapic_get(lapic, LAPIC_LVT_TIMER));
}

static uint64_t period_ns(const struct lapic *lapic) {
    return (uint64_t)lapic_get(lapic, LAPIC_INITIAL_COUNT) * divisor(lapic);
}

static void timer_changed(struct lapic *lapic) {
    lapic->host->timer_changed(lapic->host->machine, lapic->vcpu);
}

static uint32_t current_at(const struct lapic *lapic, uint64_t now) {
    const struct lapic_state *s = &lapic->s;
    uint32_t initial = lapic_get(lapic, LAPIC_INITIAL_COUNT);
    if (mode(lapic) == TIMER_TSC_DEADLINE || initial == 0 || s->timer_next_ns == DEVICE_NO_DEADLINE)
        return 0;
    uint64_t passed = (now > s->timer_start_ns ? now - s->timer_start_ns : 0) / divisor(lapic);
    if (passed < s->timer_remaining)
        return s->timer_remaining - (uint32_t)passed;
    if (mode(lapic) != TIMER_PERIODIC)
        return 0;
    return initial - (uint32_t)((passed - s->timer_remaining) % initial);
}

uint32_t lapic_timer_current(const struct lapic *lapic) {
    return current_at(lapic, now_ns(lapic));
}

// Counts on from `remaining`, which is not 0.
static void count_from(struct lapic *lapic, uint64_t now, uint32_t remaining) {
    lapic->s.timer_start_ns = now;
    lapic->s.timer_remaining = remaining;
    lapic->s.timer_next_ns = now + (uint64_t)remaining * divisor(lapic);
}

void lapic_timer_stop(struct lapic *lapic) {
    lapic->s.tsc_deadline = 0;
    lapic->s.timer_remaining = 0;
    lapic->s.timer_next_ns = DEVICE_NO_DEADLINE;
    timer_changed(lapic);
}

void lapic_timer_start(struct lapic *lapic, uint32_t initial_count) {
    if (mode(lapic) == TIMER_TSC_DEADLINE)
        return;
    lapic_put(lapic, LAPIC_INITIAL_COUNT, initial_count);
    if (initial_count)
        count_from(lapic, now_ns(lapic), initial_count);
    else
        lapic->s.timer_next_ns = DEVICE_NO_DEADLINE;
    timer_changed(lapic);
}

static uint64_t tsc_deadline_ns(const struct lapic *lapic) {
    if (lapic->s.tsc_deadline == 0)
        return DEVICE_NO_DEADLINE;
    return lapic->host->tsc_ns(lapic->host->machine, lapic->vcpu, lapic->s.tsc_deadline);
}

static uint64_t zero_ns(const struct lapic *lapic) {
    return mode(lapic) == TIMER_TSC_DEADLINE ? tsc_deadline_ns(lapic) : lapic->s.timer_next_ns;
}

// A masked timer counts on without waking anybody; what has passed is settled when it is looked at.
uint64_t lapic_deadline_ns(const struct lapic *lapic) {
    return lapic_get(lapic, LAPIC_LVT_TIMER) & LVT_MASKED ? DEVICE_NO_DEADLINE : zero_ns(lapic);
}

// The periods that have passed are one interrupt, as in IRR.
static void next_period(struct lapic *lapic, uint64_t now) {
    struct lapic_state *s = &lapic->s;
    uint64_t period = period_ns(lapic);
    s->timer_next_ns += ((now - s->timer_next_ns) / period + 1) * period;
    if (s->timer_next_ns < now + MIN_PERIOD_NS)
        s->timer_next_ns = now + MIN_PERIOD_NS;
}

static bool settle(struct lapic *lapic, uint64_t now) {
    uint64_t zero = zero_ns(lapic);
    if (zero == DEVICE_NO_DEADLINE || zero > now)
        return false;
    if (mode(lapic) == TIMER_TSC_DEADLINE)
        lapic->s.tsc_deadline = 0;
    else if (mode(lapic) == TIMER_PERIODIC && period_ns(lapic))
        next_period(lapic, now);
    else
        lapic->s.timer_next_ns = DEVICE_NO_DEADLINE;
    return true;
}

void lapic_expire(struct lapic *lapic, uint64_t now) {
    if (settle(lapic, now))
        lapic_local_interrupt(lapic, LAPIC_LVT_TIMER);
}

// An expiry before the write belongs to the old entry. A change to or from TSC deadline disarms the timer (10.5.4.1).
void lapic_timer_lvt_write(struct lapic *lapic, uint32_t value) {
    lapic_expire(lapic, now_ns(lapic));
    bool was = mode(lapic) == TIMER_TSC_DEADLINE, is = LVT_TIMER_MODE(value) == TIMER_TSC_DEADLINE;
    lapic_put(lapic, LAPIC_LVT_TIMER, value);
    if (was != is) {
        lapic_put(lapic, LAPIC_INITIAL_COUNT, 0);
        lapic_timer_stop(lapic);
    }
    timer_changed(lapic);
}

void lapic_timer_divide_write(struct lapic *lapic, uint32_t value) {
    uint64_t now = now_ns(lapic);
    lapic_expire(lapic, now);
    uint32_t current = current_at(lapic, now);
    lapic_put(lapic, LAPIC_DIVIDE, value);
    if (current)
        count_from(lapic, now, current);
    timer_changed(lapic);
}

// Outside of TSC-deadline mode writes are ignored.
void lapic_timer_deadline_write(struct lapic *lapic, uint64_t tsc) {
    if (mode(lapic) != TIMER_TSC_DEADLINE)
        return;
    lapic->s.tsc_deadline = tsc;
    timer_changed(lapic);
}
