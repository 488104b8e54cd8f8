// The local APIC's MSRs: base and modes (SDM 3A 10.4.4, 10.12.5), x2APIC registers (10.12.1), TSC deadline.
#include "dom0/vmm/lapic_internal.h"

#define BASE_ADDRESS  0x000ffffffffff000ull
#define BASE_WRITABLE (BASE_ADDRESS | BASE_BSP | BASE_X2 | BASE_EN)
#define ICR_WRITABLE  0xffffffff000ccfffull

bool lapic_has_msr(uint32_t msr) {
    return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE || (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST);
}

uint64_t lapic_base(const struct lapic *lapic) {
    return lapic->s.base_msr & BASE_ADDRESS;
}

// disabled -> xAPIC -> x2APIC -> disabled, and xAPIC -> disabled, are the moves that there are (10.12.5).
static bool mode_change_legal(uint64_t from, uint64_t to) {
    bool from_x2 = from & BASE_X2, to_x2 = to & BASE_X2, to_enabled = to & BASE_EN;
    if (to_x2 && !to_enabled)
        return false;
    if (to_x2 && !from_x2 && !(from & BASE_EN))
        return false;
    return !(from_x2 && to_enabled && !to_x2);
}

// Entering x2APIC mode fixes ID and LDR, and clears the ICR's upper half; leaving or entering disabled mode resets.
static bool base_write(struct lapic *lapic, uint64_t value) {
    uint64_t old = lapic->s.base_msr;
    if (value & ~BASE_WRITABLE || !mode_change_legal(old, value))
        return false;
    lapic->s.base_msr = (value & ~BASE_BSP) | (old & BASE_BSP);
    if ((old ^ value) & BASE_EN) {
        lapic_registers_reset(lapic);
    } else if ((old ^ value) & BASE_X2) {
        lapic_put(lapic, LAPIC_ID, lapic->vcpu);
        lapic_put(lapic, LAPIC_LDR, lapic->vcpu >> 4 << 16 | 1u << (lapic->vcpu & 15));
        lapic_put(lapic, LAPIC_ICR_HIGH, 0);
    }
    lapic->host->extint_changed(lapic->host->machine, lapic->vcpu);
    lapic->host->state_changed(lapic->host->machine, lapic->vcpu);
    return true;
}

static unsigned offset_of(uint32_t msr) {
    return (msr - MSR_X2APIC_FIRST) * 16;
}

bool lapic_msr_read(struct lapic *lapic, uint32_t msr, uint64_t *value) {
    if (msr == MSR_APIC_BASE) {
        *value = lapic->s.base_msr;
        return true;
    }
    if (msr == MSR_TSC_DEADLINE) {
        *value = lapic->s.tsc_deadline;
        return true;
    }
    unsigned at = offset_of(msr);
    if (msr < MSR_X2APIC_FIRST || !lapic_x2apic(lapic) || !(lapic_rule(lapic, at).access & REGISTER_READ))
        return false;
    *value = lapic_register_read(lapic, at);
    if (at == LAPIC_ICR)
        *value |= (uint64_t)lapic_get(lapic, LAPIC_ICR_HIGH) << 32;
    return true;
}

bool lapic_msr_write(struct lapic *lapic, uint32_t msr, uint64_t value) {
    if (msr == MSR_APIC_BASE)
        return base_write(lapic, value);
    if (msr == MSR_TSC_DEADLINE) {
        lapic_timer_deadline_write(lapic, value);
        return true;
    }
    unsigned at = offset_of(msr);
    if (msr < MSR_X2APIC_FIRST || !lapic_x2apic(lapic))
        return false;
    struct lapic_rule rule = lapic_rule(lapic, at);
    uint64_t writable = at == LAPIC_ICR ? ICR_WRITABLE : rule.writable;
    // Delivery status and remote IRR of an LVT entry are read-only, not reserved: Linux writes back what it has read.
    uint64_t ignored = at >= LAPIC_LVT_TIMER && at <= LAPIC_LVT_ERROR ? 0x5000 : 0;
    if (!(rule.access & REGISTER_WRITE) || value & ~(writable | ignored))
        return false;
    value &= ~ignored;
    if (at != LAPIC_ICR) {
        lapic_register_write(lapic, at, (uint32_t)value);
        return true;
    }
    lapic_put(lapic, LAPIC_ICR, (uint32_t)value);
    lapic_put(lapic, LAPIC_ICR_HIGH, (uint32_t)(value >> 32));
    lapic_icr_write(lapic, value);
    return true;
}
