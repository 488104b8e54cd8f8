// Random accesses to the board's interrupt controllers, timers and legacy ports, wired as in a machine, with time
// passing.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "dom0/vmm/i8042.h"
#include "dom0/vmm/ioapic.h"
#include "dom0/vmm/lapic.h"
#include "dom0/vmm/pic.h"
#include "dom0/vmm/pit.h"
#include "dom0/vmm/rtc.h"
#include "dom0/vmm/uart.h"
#include "lib/keyboard_text.h"
#include "lib/string.h"

static struct {
    uint64_t now;
    struct pic pic;
    struct pit pit;
    struct rtc rtc;
    struct i8042 i8042;
    struct uart uart;
    struct ioapic ioapic;
    struct lapic lapic;
    uint32_t page[LAPIC_PAGE_WORDS];
    _Atomic uint64_t pir[4];
    bool output;
    unsigned room;
} m;

static void require(bool condition) {
    if (!condition)
        abort();
}

static uint64_t now_ns(void *machine) {
    (void)machine;
    return m.now;
}

static void irq_set(void *machine, unsigned line, bool level) {
    (void)machine;
    require(line < 16);
    pic_line_set(&m.pic, line, level);
    ioapic_line_set(&m.ioapic, line == 0 ? 2 : line, level);
}

static void nothing(void *machine) {
    (void)machine;
}

static void nothing_of(void *machine, unsigned vcpu) {
    (void)machine;
    require(vcpu == 0);
}

static void output_changed(void *machine, bool level) {
    (void)machine;
    require(level != m.output);
    m.output = level;
    lapic_lint_set(&m.lapic, 0, level);
}

static void deliver(void *machine, uint8_t vector, uint8_t destination, bool logical, unsigned mode, bool level) {
    (void)machine;
    struct lapic *lapics[] = {&m.lapic};
    require(mode != LAPIC_EXTINT);
    if (lapic_message_targets(lapics, 1, destination, logical, mode))
        lapic_deliver(&m.lapic, mode, vector, level);
}

static void eoi(void *machine, uint8_t vector) {
    (void)machine;
    ioapic_eoi(&m.ioapic, vector);
}

static void ipi(void *machine, unsigned from, uint64_t icr) {
    (void)machine;
    struct lapic *lapics[] = {&m.lapic};
    if (lapic_ipi_targets(lapics, 1, from, icr) && !lapic_deliver(&m.lapic, ICR_MODE(icr), ICR_VECTOR(icr), false) &&
        ICR_MODE(icr) == LAPIC_INIT)
        lapic_init_signal(&m.lapic);
}

static uint64_t tsc_ns(void *machine, unsigned vcpu, uint64_t tsc) {
    (void)machine;
    (void)vcpu;
    return tsc / 3;
}

static void transmit(void *backend, uint8_t byte) {
    (void)backend;
    (void)byte;
    require(m.room > 0);
    m.room--;
}

static bool writable(void *backend) {
    (void)backend;
    return m.room > 0;
}

static const struct device_host host = {
    .now_ns = now_ns, .irq_set = irq_set, .timer_changed = nothing, .reset = nothing, .power_off = nothing};
static const struct lapic_host lapic_host = {NULL, now_ns, tsc_ns,     nothing_of, nothing_of,
                                             eoi,  ipi,    nothing_of, nothing_of, nothing_of};
static const struct uart_backend backend = {NULL, transmit, writable, NULL};

static const struct {
    uint16_t base, count;
    void *device;
    device_port_read *read;
    device_port_write *write;
} ports[] = {
    {0x20, 2, &m.pic, pic_port_read, pic_port_write},       {0xa0, 2, &m.pic, pic_port_read, pic_port_write},
    {0x40, 4, &m.pit, pit_port_read, pit_port_write},       {0x61, 1, &m.pit, pit_port_read, pit_port_write},
    {0x60, 1, &m.i8042, i8042_port_read, i8042_port_write}, {0x64, 1, &m.i8042, i8042_port_read, i8042_port_write},
    {0x70, 4, &m.rtc, rtc_port_read, rtc_port_write},       {0x3f8, 8, &m.uart, uart_port_read, uart_port_write},
};

static void port_access(uint8_t which, uint8_t width, uint32_t value, bool write) {
    unsigned model = which % 8u, bytes = 1u << width % 3;
    uint16_t port = (uint16_t)(ports[model].base + (which >> 3) % ports[model].count);
    if (write)
        ports[model].write(ports[model].device, port, bytes, value);
    else
        ports[model].read(ports[model].device, port, bytes);
}

// After its expiry a model has its next deadline ahead, or catches up in a bounded number of steps.
static void expire_all(void) {
    unsigned steps = 0;
    while (pit_deadline_ns(&m.pit) <= m.now || rtc_deadline_ns(&m.rtc) <= m.now ||
           lapic_deadline_ns(&m.lapic) <= m.now) {
        pit_expire(&m.pit, m.now);
        rtc_expire(&m.rtc, m.now);
        lapic_expire(&m.lapic, m.now);
        require(++steps < 4);
    }
}

// What the core does: PIR to IRR, and the highest to ISR.
static void inject(void) {
    for (unsigned vector = 255; vector >= 16; vector--) {
        if (!(m.pir[vector / 64] >> (vector % 64) & 1))
            continue;
        m.pir[vector / 64] &= ~(1ull << (vector % 64));
        m.page[(LAPIC_ISR + vector / 32 * 16) / 4] |= 1u << (vector % 32);
        return;
    }
}

static void outside(uint8_t what, uint32_t value) {
    static const uint8_t bytes[32];
    struct key_event events[64];
    switch (what % 8) {
    case 0:
        m.now += value;
        expire_all();
        return;
    case 1:
        m.now += (uint64_t)value << 16;
        expire_all();
        return;
    case 2: {
        int vector = pic_acknowledge(&m.pic);
        require(vector >= 0 && vector <= 255);
        return;
    }
    case 3:
        i8042_key(&m.i8042, (uint16_t)value, value >> 16 & 1);
        return;
    case 4:
        i8042_mouse(&m.i8042, (int16_t)value, (int16_t)(value >> 16), (int8_t)value, value >> 24);
        return;
    case 5:
        m.room = value % 40;
        uart_drained(&m.uart);
        require(uart_receive(&m.uart, bytes, value % 32) <= 16);
        return;
    case 6:
        inject();
        pic_elcr_set(&m.pic, (uint16_t)value);
        return;
    default: {
        struct keyboard_text_result parsed = keyboard_text_parse((const char *)&value, 4, what >> 3, events, 64);
        require(parsed.consumed <= 4 && parsed.events <= 64);
    }
    }
}

static void step(const uint8_t *bytes) {
    uint32_t value = (uint32_t)bytes[2] | (uint32_t)bytes[3] << 8 | (uint32_t)bytes[4] << 16 | (uint32_t)bytes[5] << 24;
    uint64_t result;
    switch (bytes[0] % 8) {
    case 0:
    case 1:
    case 2:
        port_access(bytes[1], bytes[0] >> 4, value, bytes[0] & 8);
        return;
    case 3:
        ioapic_memory_write(&m.ioapic, bytes[1] & 0x50, 1u << (bytes[0] >> 6), value);
        ioapic_memory_read(&m.ioapic, bytes[1], 4);
        return;
    case 4:
        lapic_memory_write(&m.lapic, bytes[1] * 16u, 4, value);
        lapic_memory_read(&m.lapic, bytes[1] * 16u + (bytes[0] >> 4), 4);
        return;
    case 5:
        lapic_msr_write(&m.lapic, MSR_X2APIC_FIRST + bytes[1], value);
        lapic_msr_read(&m.lapic, MSR_X2APIC_FIRST + bytes[1], &result);
        return;
    case 6:
        if (bytes[1] & 1)
            lapic_msr_write(&m.lapic, MSR_APIC_BASE, LAPIC_BASE | (value & 0xfff));
        else
            lapic_msr_write(&m.lapic, MSR_TSC_DEADLINE, (uint64_t)value << bytes[1] % 32);
        return;
    default:
        outside(bytes[1], value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    memset(&m, 0, sizeof m);
    lapic_init(&m.lapic, &lapic_host, 0, m.page, m.pir);
    ioapic_init(&m.ioapic, NULL, deliver);
    pic_init(&m.pic, NULL, output_changed);
    pit_init(&m.pit, &host);
    rtc_init(&m.rtc, &host, 1700000000);
    i8042_init(&m.i8042, &host);
    uart_init(&m.uart, &host, 0x3f8, 4, &backend);
    for (; size >= 6; data += 6, size -= 6) {
        step(data);
        require(pic_output(&m.pic) == m.output);
        require(m.uart.s.receive.used <= 16 && m.uart.s.transmit.used <= 16);
    }
    return 0;
}
