// Local APIC and I/O APIC registers.
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/interrupt.h"
#include "kernel/memory.h"
#include "kernel/panic.h"

// SDM 3A 10.4.1
#define LAPIC_BASE          0xfee00000ull
#define LAPIC_ID            0x20u
#define LAPIC_TPR           0x80u
#define LAPIC_EOI           0xb0u
#define LAPIC_SVR           0xf0u
#define LAPIC_IRR           0x200u
#define LAPIC_ICR           0x300u
#define LAPIC_ICR_HIGH      0x310u
#define LAPIC_LVT_TIMER     0x320u
#define LAPIC_TIMER_INITIAL 0x380u
#define LAPIC_TIMER_CURRENT 0x390u
#define LAPIC_TIMER_DIVIDE  0x3e0u
#define LAPIC_SVR_ENABLE    (1u << 8)
#define LAPIC_DIVIDE_BY_1   0xbu
#define LAPIC_TSC_DEADLINE  (2u << 17)
#define ICR_INIT            (5u << 8)
#define ICR_STARTUP         (6u << 8)
#define ICR_NMI             (4u << 8)
#define ICR_PENDING         (1u << 12)
#define ICR_ASSERT          (1u << 14)
#define ICR_ALL_BUT_SELF    (3u << 18)
#define MSR_X2APIC          0x800u
#define APIC_BASE_X2APIC    (1u << 10)
#define APIC_BASE_ENABLE    (1u << 11)

static volatile uint32_t *registers;

static uint32_t lapic_read(uint32_t offset) {
    return host.x2apic ? (uint32_t)rdmsr(MSR_X2APIC + offset / 16) : registers[offset / 4];
}

static void lapic_write(uint32_t offset, uint32_t value) {
    if (host.x2apic)
        wrmsr(MSR_X2APIC + offset / 16, value);
    else
        registers[offset / 4] = value;
}

void lapic_init_self(void) {
    uint64_t base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;
    wrmsr(MSR_APIC_BASE, base); // off to x2APIC mode at once is #GP (SDM 3A, x2APIC state transitions)
    if (host.x2apic)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    if (!registers && !host.x2apic)
        registers = memory_map_device(LAPIC_BASE);
    lapic_write(LAPIC_SVR, LAPIC_SVR_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_TPR, 0); // whatever the firmware held up
    lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER | (host.tsc_deadline ? LAPIC_TSC_DEADLINE : 0));
    __asm__ volatile("mfence" : : : "memory"); // before any write of the deadline (SDM 3A 11.5.4.1)
}

bool lapic_is_x2apic(void) {
    return (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0;
}

uint32_t lapic_id(void) {
    uint32_t id = lapic_read(LAPIC_ID);
    return host.x2apic ? id : id >> 24;
}

void lapic_eoi(void) {
    lapic_write(LAPIC_EOI, 0);
}

static void send(uint32_t apic_id, uint32_t command) {
    if (host.x2apic) { // this WRMSR does not wait for the stores before it (SDM 3A 11.12.3)
        __asm__ volatile("mfence; lfence" : : : "memory");
        wrmsr(MSR_X2APIC + LAPIC_ICR / 16, (uint64_t)apic_id << 32 | command);
        return;
    }
    registers[LAPIC_ICR_HIGH / 4] = apic_id << 24;
    registers[LAPIC_ICR / 4] = command;
    while (registers[LAPIC_ICR / 4] & ICR_PENDING)
        cpu_relax();
}

void lapic_send(uint32_t apic_id, uint32_t vector) {
    send(apic_id, vector | ICR_ASSERT);
}

void lapic_send_nmi_all(void) {
    if (registers || host.x2apic)
        send(0, ICR_NMI | ICR_ASSERT | ICR_ALL_BUT_SELF);
}

static void wait_tsc(uint64_t ticks) {
    uint64_t start = rdtsc();
    while (rdtsc() - start < ticks)
        cpu_relax();
}

void lapic_send_init(uint32_t apic_id) {
    send(apic_id, ICR_INIT | ICR_ASSERT);
}

void lapic_send_sipi(uint32_t apic_id, uint8_t page) {
    send(apic_id, ICR_STARTUP | ICR_ASSERT | page);
}

void lapic_send_init_sipi(uint32_t apic_id, uint8_t page) {
    lapic_send_init(apic_id);
    wait_tsc(50000000);
    lapic_send_sipi(apic_id, page);
}

void lapic_timer_start(uint32_t ticks) {
    lapic_write(LAPIC_TIMER_INITIAL, ticks);
}

uint32_t lapic_timer_now(void) {
    return lapic_read(LAPIC_TIMER_CURRENT);
}

void lapic_timer_deadline(uint64_t tsc) {
    wrmsr(MSR_TSC_DEADLINE, tsc);
}

bool lapic_timer_pending(void) {
    return lapic_read(LAPIC_IRR + VECTOR_TIMER / 32 * 16) >> VECTOR_TIMER % 32 & 1;
}

// 82093AA 3.0
#define IOAPIC_VERSION     1u
#define IOAPIC_REDIRECTION 0x10u
#define REDIRECTION_LOW    (1u << 13)
#define REDIRECTION_LEVEL  (1u << 15)
#define REDIRECTION_MASKED (1u << 16)

static struct ioapic {
    volatile uint32_t *select, *window;
    uint32_t gsi_base, pins;
} ioapics[8];
static unsigned ioapic_count;

static uint32_t ioapic_read(const struct ioapic *ioapic, uint32_t index) {
    *ioapic->select = index;
    return *ioapic->window;
}

static void ioapic_write(const struct ioapic *ioapic, uint32_t index, uint32_t value) {
    *ioapic->select = index;
    *ioapic->window = value;
}

void ioapic_add(uint64_t hpa, uint32_t gsi_base) {
    if (ioapic_count == sizeof(ioapics) / sizeof(ioapics[0]))
        return;
    struct ioapic *ioapic = &ioapics[ioapic_count++];
    ioapic->select = (volatile uint32_t *)((char *)memory_map_device(hpa & ~0xfffull) + (hpa & 0xfff));
    ioapic->window = ioapic->select + 4;
    ioapic->gsi_base = gsi_base;
    ioapic->pins = (ioapic_read(ioapic, IOAPIC_VERSION) >> 16 & 0xff) + 1;
    for (uint32_t pin = 0; pin < ioapic->pins; pin++)
        ioapic_write(ioapic, IOAPIC_REDIRECTION + 2 * pin, REDIRECTION_MASKED);
}

static const struct ioapic *ioapic_of(uint32_t gsi) {
    for (unsigned i = 0; i < ioapic_count; i++)
        if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].pins)
            return &ioapics[i];
    return NULL;
}

bool ioapic_has(uint32_t gsi) {
    return ioapic_of(gsi) != NULL;
}

void ioapic_route(uint32_t gsi, uint8_t vector, uint32_t apic_id, bool level, bool active_low) {
    const struct ioapic *ioapic = ioapic_of(gsi);
    ASSERT(ioapic);
    uint32_t index = IOAPIC_REDIRECTION + 2 * (gsi - ioapic->gsi_base);
    ioapic_write(ioapic, index + 1, apic_id << 24);
    ioapic_write(ioapic, index, vector | (level ? REDIRECTION_LEVEL : 0) | (active_low ? REDIRECTION_LOW : 0));
}

void ioapic_mask(uint32_t gsi, bool masked) {
    const struct ioapic *ioapic = ioapic_of(gsi);
    ASSERT(ioapic);
    uint32_t index = IOAPIC_REDIRECTION + 2 * (gsi - ioapic->gsi_base);
    uint32_t entry = ioapic_read(ioapic, index);
    ioapic_write(ioapic, index, masked ? entry | REDIRECTION_MASKED : entry & ~REDIRECTION_MASKED);
}
