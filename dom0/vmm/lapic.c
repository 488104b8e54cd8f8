// Registers of the local APIC, EOI, errors, and the posting of interrupts.
#include "dom0/vmm/lapic.h"
#include "dom0/vmm/lapic_internal.h"
#include "lib/apic_priority.h"
#include "lib/string.h"

#define VERSION         0x00050014u // six LVT entries, no directed EOI
#define FIRST_VECTOR    16u
#define ESR_SEND_VECTOR 0x20u // illegal vector sent, received
#define ESR_RECV_VECTOR 0x40u
#define ESR_REGISTER    0x80u // access to an address without register
#define XAPIC_BROADCAST 0xffu
#define BROADCAST       0xffffffffu
#define VECTOR_WORDS    8u

static const struct lapic_rule rules[LAPIC_REGISTERS] = {
    [LAPIC_ID / 16] = {REGISTER_READ, 0},
    [LAPIC_VERSION / 16] = {REGISTER_READ, 0},
    [LAPIC_TPR / 16] = {REGISTER_READ | REGISTER_WRITE, 0xff},
    [LAPIC_APR / 16] = {REGISTER_READ | REGISTER_XAPIC, 0},
    [LAPIC_PPR / 16] = {REGISTER_READ, 0},
    [LAPIC_EOI / 16] = {REGISTER_WRITE, 0},
    [LAPIC_RRD / 16] = {REGISTER_READ | REGISTER_XAPIC, 0},
    [LAPIC_LDR / 16] = {REGISTER_READ | REGISTER_WRITE | REGISTER_FIXED, 0xff000000},
    [LAPIC_DFR / 16] = {REGISTER_READ | REGISTER_WRITE | REGISTER_XAPIC, 0xf0000000},
    [LAPIC_SVR / 16] = {REGISTER_READ | REGISTER_WRITE, 0x3ff},
    [LAPIC_ISR / 16 ... LAPIC_ISR / 16 + 23] = {REGISTER_READ, 0}, // ISR, TMR, IRR
    [LAPIC_ESR / 16] = {REGISTER_READ | REGISTER_WRITE, 0},
    [LAPIC_ICR / 16] = {REGISTER_READ | REGISTER_WRITE, 0x000ccfff},
    [LAPIC_ICR_HIGH / 16] = {REGISTER_READ | REGISTER_WRITE | REGISTER_XAPIC, 0xff000000},
    [LAPIC_LVT_TIMER / 16] = {REGISTER_READ | REGISTER_WRITE, 0x700ff},
    [LAPIC_LVT_THERMAL / 16] = {REGISTER_READ | REGISTER_WRITE, 0x107ff},
    [LAPIC_LVT_PERFORMANCE / 16] = {REGISTER_READ | REGISTER_WRITE, 0x107ff},
    [LAPIC_LVT_LINT0 / 16] = {REGISTER_READ | REGISTER_WRITE, 0x1a7ff},
    [LAPIC_LVT_LINT1 / 16] = {REGISTER_READ | REGISTER_WRITE, 0x1a7ff},
    [LAPIC_LVT_ERROR / 16] = {REGISTER_READ | REGISTER_WRITE, 0x100ff},
    [LAPIC_INITIAL_COUNT / 16] = {REGISTER_READ | REGISTER_WRITE, 0xffffffff},
    [LAPIC_CURRENT_COUNT / 16] = {REGISTER_READ, 0},
    [LAPIC_DIVIDE / 16] = {REGISTER_READ | REGISTER_WRITE, 0xb},
    [LAPIC_SELF_IPI / 16] = {REGISTER_WRITE | REGISTER_X2APIC, 0xff},
};

struct lapic_rule lapic_rule(const struct lapic *lapic, unsigned at) {
    struct lapic_rule none = {0, 0};
    if (at >= 0x400 || at % 16 != 0)
        return none;
    struct lapic_rule rule = rules[at / 16];
    if (rule.access & (lapic_x2apic(lapic) ? REGISTER_XAPIC : REGISTER_X2APIC))
        return none;
    if (rule.access & REGISTER_FIXED && lapic_x2apic(lapic))
        rule.access &= (uint8_t)~REGISTER_WRITE;
    return rule;
}

bool lapic_enabled(const struct lapic *lapic) {
    return lapic->s.base_msr & BASE_EN;
}

bool lapic_x2apic(const struct lapic *lapic) {
    return lapic->s.base_msr & BASE_X2;
}

static bool software_enabled(const struct lapic *lapic) {
    return lapic_enabled(lapic) && lapic_get(lapic, LAPIC_SVR) & SVR_ENABLE;
}

// --- Posting ---------------------------------------------------------------------------------------------------------

static void error(struct lapic *lapic, uint32_t bit) {
    uint32_t lvt = lapic_get(lapic, LAPIC_LVT_ERROR);
    lapic->s.errors |= bit;
    if (!(lvt & LVT_MASKED) && LVT_VECTOR(lvt) >= FIRST_VECTOR)
        lapic_post(lapic, LVT_VECTOR(lvt), false);
}

// TMR is set before the request can be seen, so that its EOI is told to the I/O APIC.
void lapic_post(struct lapic *lapic, uint8_t vector, bool level) {
    if (!software_enabled(lapic))
        return;
    if (vector < FIRST_VECTOR) {
        error(lapic, ESR_RECV_VECTOR);
        return;
    }
    unsigned at = LAPIC_TMR + vector / 32u * 16u;
    uint32_t bit = 1u << (vector % 32), tmr = lapic_get(lapic, at);
    if (level != ((tmr & bit) != 0))
        lapic_put(lapic, at, tmr ^ bit);
    lapic->pir[vector / 64] |= 1ull << (vector % 64);
    lapic->host->kick(lapic->host->machine, lapic->vcpu);
}

bool lapic_deliver(struct lapic *lapic, unsigned delivery_mode, uint8_t vector, bool level) {
    switch (delivery_mode) {
    case LAPIC_FIXED:
    case LAPIC_LOWEST:
        lapic_post(lapic, vector, level);
        return true;
    case LAPIC_NMI:
        lapic->host->nmi(lapic->host->machine, lapic->vcpu);
        return true;
    default:
        return false;
    }
}

void lapic_local_interrupt(struct lapic *lapic, unsigned lvt_register) {
    uint32_t lvt = lapic_get(lapic, lvt_register);
    if (!(lvt & LVT_MASKED))
        lapic_deliver(lapic, LVT_MODE(lvt), LVT_VECTOR(lvt), false);
}

void lapic_lint_set(struct lapic *lapic, unsigned pin, bool level) {
    if (pin > 1)
        return;
    bool was = lapic->s.lint >> pin & 1;
    lapic->s.lint = (uint8_t)((lapic->s.lint & ~(1u << pin)) | (unsigned)level << pin);
    if (level && !was && lapic_enabled(lapic))
        lapic_local_interrupt(lapic, pin ? LAPIC_LVT_LINT1 : LAPIC_LVT_LINT0);
}

// With the APIC globally disabled LINT0 is the processor's INTR pin, to which the 8259 of a PC is wired for the boot
// processor only.
bool lapic_accepts_extint(const struct lapic *lapic) {
    uint32_t lvt = lapic_get(lapic, LAPIC_LVT_LINT0);
    if (!lapic_enabled(lapic))
        return lapic->s.base_msr & BASE_BSP;
    return !(lvt & LVT_MASKED) && LVT_MODE(lvt) == LAPIC_EXTINT;
}

// --- Registers -------------------------------------------------------------------------------------------------------

// The highest vector of ISR; 0: none.
static unsigned highest_in_service(const struct lapic *lapic) {
    for (unsigned word = VECTOR_WORDS; word-- > 0;) {
        uint32_t bits = lapic_get(lapic, LAPIC_ISR + word * 16);
        if (bits)
            return word * 32 + 31 - (unsigned)__builtin_clz(bits);
    }
    return 0;
}

// A self-IPI that the processor serves leaves TMR alone (SDM 3C 30.1.5): it would find there that the vector was a
// level's once.
void lapic_ended(struct lapic *lapic, uint8_t vector) {
    unsigned at = LAPIC_TMR + vector / 32u * 16u;
    uint32_t bit = 1u << (vector % 32), tmr = lapic_get(lapic, at);
    if (!(tmr & bit))
        return;
    lapic_put(lapic, at, tmr & ~bit);
    lapic->host->eoi(lapic->host->machine, vector);
}

static void eoi_write(struct lapic *lapic) {
    unsigned vector = highest_in_service(lapic);
    if (vector == 0)
        return;
    unsigned at = vector / 32 * 16;
    uint32_t bit = 1u << (vector % 32);
    lapic_put(lapic, LAPIC_ISR + at, lapic_get(lapic, LAPIC_ISR + at) & ~bit);
    lapic->host->state_changed(lapic->host->machine, lapic->vcpu);
    lapic_ended(lapic, (uint8_t)vector);
}

static uint32_t processor_priority(const struct lapic *lapic) {
    return apic_ppr((uint8_t)lapic_get(lapic, LAPIC_TPR), (uint8_t)highest_in_service(lapic));
}

// INIT level de-assert does nothing since the Pentium 4 (10.6.1).
void lapic_icr_write(struct lapic *lapic, uint64_t icr) {
    if (ICR_MODE(icr) == LAPIC_INIT && (icr & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL)
        return;
    if (ICR_MODE(icr) <= LAPIC_LOWEST && ICR_VECTOR(icr) < FIRST_VECTOR)
        error(lapic, ESR_SEND_VECTOR);
    else
        lapic->host->ipi(lapic->host->machine, lapic->vcpu, icr);
}

// The xAPIC's destination of 8 bits in the form of the x2APIC's.
static void xapic_icr_write(struct lapic *lapic, uint32_t low) {
    uint32_t destination = lapic_get(lapic, LAPIC_ICR_HIGH) >> 24;
    if (destination == XAPIC_BROADCAST && !(low & ICR_LOGICAL))
        destination = BROADCAST;
    lapic_icr_write(lapic, (uint64_t)destination << 32 | low);
}

static void svr_write(struct lapic *lapic, uint32_t value) {
    lapic_put(lapic, LAPIC_SVR, value);
    if (!(value & SVR_ENABLE))
        for (unsigned at = LAPIC_LVT_TIMER; at <= LAPIC_LVT_ERROR; at += 16)
            lapic_put(lapic, at, lapic_get(lapic, at) | LVT_MASKED);
    lapic->host->timer_changed(lapic->host->machine, lapic->vcpu);
    lapic->host->extint_changed(lapic->host->machine, lapic->vcpu);
}

// While the APIC is disabled by software, the mask bits cannot be cleared (10.4.7.2).
static void lvt_write(struct lapic *lapic, unsigned at, uint32_t value) {
    if (!(lapic_get(lapic, LAPIC_SVR) & SVR_ENABLE))
        value |= LVT_MASKED;
    if (at == LAPIC_LVT_TIMER) {
        lapic_timer_lvt_write(lapic, value);
        return;
    }
    lapic_put(lapic, at, value);
    if (at == LAPIC_LVT_LINT0)
        lapic->host->extint_changed(lapic->host->machine, lapic->vcpu);
}

void lapic_register_write(struct lapic *lapic, unsigned at, uint32_t value) {
    switch (at) {
    case LAPIC_EOI:
        eoi_write(lapic);
        return;
    case LAPIC_DFR:
        lapic_put(lapic, at, value | 0x0fffffff);
        return;
    case LAPIC_SVR:
        svr_write(lapic, value);
        return;
    case LAPIC_ESR:
        lapic_put(lapic, at, lapic->s.errors);
        lapic->s.errors = 0;
        return;
    case LAPIC_ICR:
        lapic_put(lapic, at, value);
        xapic_icr_write(lapic, value);
        return;
    case LAPIC_INITIAL_COUNT:
        lapic_timer_start(lapic, value);
        return;
    case LAPIC_DIVIDE:
        lapic_timer_divide_write(lapic, value);
        return;
    case LAPIC_SELF_IPI:
        lapic_post(lapic, (uint8_t)value, false);
        return;
    default:
        if (at >= LAPIC_LVT_TIMER && at <= LAPIC_LVT_ERROR)
            lvt_write(lapic, at, value);
        else
            lapic_put(lapic, at, value);
    }
}

// What was there before counts for some registers, and what may be written of others: the write is made once more.
void lapic_written(struct lapic *lapic, unsigned at) {
    at &= ~15u;
    struct lapic_rule rule = lapic_rule(lapic, at);
    if (rule.access == 0) {
        error(lapic, ESR_REGISTER);
        return;
    }
    uint32_t value = lapic_get(lapic, at) & rule.writable;
    lapic_put(lapic, at, lapic->kept[at / 16]);
    if (rule.access & REGISTER_WRITE)
        lapic_register_write(lapic, at, value);
}

uint32_t lapic_register_read(struct lapic *lapic, unsigned at) {
    if (at >= LAPIC_IRR && at < LAPIC_IRR + VECTOR_WORDS * 16) { // what the core has not yet moved is requested, too
        unsigned word = (at - LAPIC_IRR) / 16;
        return lapic_get(lapic, at) | (uint32_t)(lapic->pir[word / 2] >> (word % 2 * 32));
    }
    switch (at) {
    case LAPIC_APR:
    case LAPIC_PPR:
        return processor_priority(lapic);
    case LAPIC_CURRENT_COUNT:
        return lapic_timer_current(lapic);
    default:
        return lapic_get(lapic, at);
    }
}

uint64_t lapic_memory_read(void *device, uint64_t offset, unsigned bytes) {
    struct lapic *lapic = device;
    if (!lapic_enabled(lapic) || lapic_x2apic(lapic) || offset >= LAPIC_BYTES)
        return UINT64_MAX;
    unsigned at = (unsigned)offset & ~15u;
    if (!(lapic_rule(lapic, at).access & REGISTER_READ)) {
        if (lapic_rule(lapic, at).access == 0)
            error(lapic, ESR_REGISTER);
        return 0;
    }
    // Bytes 4 to 15 of a register are reserved.
    return offset % 16 < 4 ? lapic_register_read(lapic, at) >> (offset % 16 * 8) : 0;
}

// Only aligned 32-bit accesses are architectural (10.4.1); others are ignored.
void lapic_memory_write(void *device, uint64_t offset, unsigned bytes, uint64_t value) {
    struct lapic *lapic = device;
    if (!lapic_enabled(lapic) || lapic_x2apic(lapic) || offset >= LAPIC_BYTES || offset % 16 != 0 || bytes < 4)
        return;
    struct lapic_rule rule = lapic_rule(lapic, (unsigned)offset);
    if (rule.access & REGISTER_WRITE)
        lapic_register_write(lapic, (unsigned)offset, (uint32_t)value & rule.writable);
    else if (rule.access == 0)
        error(lapic, ESR_REGISTER);
}

// --- Reset -----------------------------------------------------------------------------------------------------------

void lapic_registers_reset(struct lapic *lapic) {
    for (unsigned i = 0; i < LAPIC_PAGE_WORDS; i++)
        lapic->page[i] = 0;
    memset(lapic->kept, 0, sizeof lapic->kept);
    for (unsigned i = 0; i < 4; i++)
        lapic->pir[i] = 0;
    uint32_t cluster = lapic->vcpu >> 4 << 16 | 1u << (lapic->vcpu & 15);
    lapic_put(lapic, LAPIC_ID, lapic_x2apic(lapic) ? lapic->vcpu : lapic->vcpu << 24);
    lapic_put(lapic, LAPIC_LDR, lapic_x2apic(lapic) ? cluster : 0);
    lapic_put(lapic, LAPIC_VERSION, VERSION);
    lapic_put(lapic, LAPIC_DFR, 0xffffffff);
    lapic_put(lapic, LAPIC_SVR, 0xff);
    for (unsigned at = LAPIC_LVT_TIMER; at <= LAPIC_LVT_ERROR; at += 16)
        lapic_put(lapic, at, LVT_MASKED);
    lapic->s.errors = 0;
    lapic_timer_stop(lapic);
    lapic->host->extint_changed(lapic->host->machine, lapic->vcpu);
    lapic->host->state_changed(lapic->host->machine, lapic->vcpu);
}

void lapic_init_signal(struct lapic *lapic) {
    lapic_registers_reset(lapic);
}

void lapic_reset(struct lapic *lapic) {
    lapic->s.base_msr = LAPIC_BASE | BASE_EN | (lapic->vcpu == 0 ? BASE_BSP : 0);
    lapic_registers_reset(lapic);
}

void lapic_virtual_wire(struct lapic *lapic) {
    svr_write(lapic, SVR_ENABLE | 0xff);
    lvt_write(lapic, LAPIC_LVT_LINT0, LAPIC_EXTINT << 8);
    lvt_write(lapic, LAPIC_LVT_LINT1, LAPIC_NMI << 8);
}

void lapic_init(struct lapic *lapic, const struct lapic_host *host, unsigned vcpu, volatile uint32_t *page,
                _Atomic uint64_t *pir) {
    memset(lapic, 0, sizeof *lapic);
    lapic->host = host;
    lapic->vcpu = vcpu;
    lapic->page = page;
    lapic->pir = pir;
    lapic_reset(lapic);
}
