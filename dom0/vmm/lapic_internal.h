// What the parts of the local APIC model share.
#pragma once
#include "dom0/vmm/lapic.h"

#define BASE_BSP   (1ull << 8)
#define BASE_X2    (1ull << 10)
#define BASE_EN    (1ull << 11)
#define SVR_ENABLE 0x100u

#define LVT_VECTOR(lvt)     ((uint8_t)(lvt))
#define LVT_MODE(lvt)       ((lvt) >> 8 & 7)
#define LVT_MASKED          (1u << 16)
#define LVT_TIMER_MODE(lvt) ((lvt) >> 17 & 3)
#define TIMER_PERIODIC      1u
#define TIMER_TSC_DEADLINE  2u

static inline uint32_t lapic_get(const struct lapic *lapic, unsigned at) {
    return lapic->page[at / 4];
}

static inline void lapic_put(struct lapic *lapic, unsigned at, uint32_t value) {
    lapic->page[at / 4] = lapic->kept[at / 16] = value;
}

// A local interrupt: the LVT entry at that offset fires, unless it is masked.
void lapic_local_interrupt(struct lapic *lapic, unsigned lvt_register);

// lapic_timer.c: changes of the timer's registers.
void lapic_timer_stop(struct lapic *lapic);
void lapic_timer_start(struct lapic *lapic, uint32_t initial_count);
void lapic_timer_lvt_write(struct lapic *lapic, uint32_t value);
void lapic_timer_divide_write(struct lapic *lapic, uint32_t value);
uint32_t lapic_timer_current(const struct lapic *lapic);
void lapic_timer_deadline_write(struct lapic *lapic, uint64_t tsc);

// lapic.c: registers by their offset, for both ways of access. The caller has checked that there is such a register.
uint32_t lapic_register_read(struct lapic *lapic, unsigned at);
void lapic_register_write(struct lapic *lapic, unsigned at, uint32_t value);
void lapic_icr_write(struct lapic *lapic, uint64_t icr);
void lapic_registers_reset(struct lapic *lapic);

// What may be done with a register.
#define REGISTER_READ   1u
#define REGISTER_WRITE  2u
#define REGISTER_XAPIC  4u  // in xAPIC mode only
#define REGISTER_X2APIC 8u  // in x2APIC mode only
#define REGISTER_FIXED  16u // not writable in x2APIC mode

struct lapic_rule {
    uint8_t access;
    uint32_t writable; // bits
};

// The rule of the register at an offset; access 0: there is none.
struct lapic_rule lapic_rule(const struct lapic *lapic, unsigned at);
