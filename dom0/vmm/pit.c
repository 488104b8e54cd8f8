// The 8254: channels counted in absolute ticks of 1193182 Hz since the start of guest time, so that nothing drifts.
#include "dom0/vmm/pit.h"
#include "dom0/vmm/isa_bytes.h"
#include "lib/string.h"

#define NS_PER_S 1000000000u

// Interrupts come no denser than this, however small the count: 50 kHz is more than any guest can serve.
#define MIN_SPACING_TICKS 24u
// Channel 1 requests a refresh each 18 ticks (15.1 us); guests count its toggles in port 61h as a delay.
#define REFRESH_TICKS 18u

#define CONTROL_GATE2   0x01
#define CONTROL_STORED  0x0f
#define CONTROL_REFRESH 0x10
#define CONTROL_OUT2    0x20

#define STATUS_OUT  0x80
#define STATUS_NULL 0x40

// --- Time ------------------------------------------------------------------------------------------------------------

// Exact, without overflow for 500 years: whole seconds are whole ticks.
static uint64_t ticks_of(uint64_t ns) {
    return ns / NS_PER_S * PIT_HZ + ns % NS_PER_S * PIT_HZ / NS_PER_S;
}

// The first nanosecond that lies in the tick or after it.
static uint64_t ns_of(uint64_t ticks) {
    return ticks / PIT_HZ * NS_PER_S + (ticks % PIT_HZ * NS_PER_S + PIT_HZ - 1) / PIT_HZ;
}

static uint64_t now_ticks(const struct pit *pit) {
    return ticks_of(pit->host->now_ns(pit->host->machine));
}

// --- A channel -------------------------------------------------------------------------------------------------------

static bool periodic(const struct pit_channel_state *c) {
    return c->mode == 2 || c->mode == 3;
}

static bool started_by_gate(const struct pit_channel_state *c) {
    return c->mode == 1 || c->mode == 5;
}

static bool counting(const struct pit_channel_state *c) {
    if (!c->loaded)
        return false;
    return started_by_gate(c) ? c->triggered : c->gate;
}

static uint64_t elapsed(const struct pit_channel_state *c, uint64_t now) {
    if (!counting(c))
        return c->stopped;
    return now > c->start ? now - c->start : 0;
}

// A count written to a running periodic channel is taken over when the current period ends.
static void take_next_count(struct pit_channel_state *c, uint64_t now) {
    if (!c->next_count || !c->count || !periodic(c) || !counting(c) || elapsed(c, now) < c->count)
        return;
    c->start += elapsed(c, now) / c->count * c->count;
    c->count = c->next_count;
    c->next_count = 0;
}

static uint16_t to_bcd(uint32_t value) {
    return (uint16_t)(value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10);
}

// Digits above 9 count as what they are, as in the counting element.
static uint32_t from_bcd(uint32_t value) {
    return (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15);
}

// The counting element as the guest reads it.
static uint16_t counter(const struct pit_channel_state *c, uint64_t now) {
    uint64_t modulus = c->bcd ? 10000 : 65536;
    uint64_t passed = elapsed(c, now), value;
    if (!c->loaded)
        return 0;
    if (c->mode == 2) {
        value = c->count - passed % c->count;
    } else if (c->mode == 3) { // counts by twos, twice a period
        uint64_t high = (c->count + 1) / 2, at = passed % c->count;
        value = (c->count & ~1u) - 2 * (at < high ? at : at - high);
    } else {
        value = c->count + modulus - passed % modulus; // goes on through zero
    }
    value %= modulus;
    return c->bcd ? to_bcd((uint32_t)value) : (uint16_t)value;
}

static bool out(const struct pit_channel_state *c, uint64_t now) {
    uint64_t passed = elapsed(c, now);
    bool running = counting(c);
    switch (c->mode) {
    case 0:
        return c->loaded && passed >= c->count;
    case 1:
        return !running || passed >= c->count;
    case 2:
        return !running || passed % c->count != c->count - 1 || c->count == 1;
    case 3:
        return !running || passed % c->count < (c->count + 1) / 2;
    default: // a strobe of one tick
        return !running || passed != c->count;
    }
}

static void gate_set(struct pit_channel_state *c, bool gate, uint64_t now) {
    bool rises = gate && !c->gate;
    if (!gate && c->gate && !started_by_gate(c))
        c->stopped = elapsed(c, now);
    c->gate = gate;
    if (!rises)
        return;
    if (c->mode == 0 || c->mode == 4) {
        c->start = now - (c->stopped < now ? c->stopped : now);
        return;
    }
    c->triggered = 1; // restarts with the count last written
    c->start = now + 1;
    if (c->next_count)
        c->count = c->next_count;
    c->next_count = 0;
}

// --- Channel 0's interrupt -------------------------------------------------------------------------------------------

static void line_set(struct pit *pit, bool level) {
    if (level == (pit->s.line != 0))
        return;
    pit->s.line = level;
    pit->host->irq_set(pit->host->machine, 0, level);
}

// Sets the tick of the next interrupt from the channel, after its mode or count changed.
static void arm(struct pit *pit) {
    const struct pit_channel_state *c = &pit->s.channels[0];
    pit->s.armed = counting(c);
    pit->s.owed = 0;
    pit->s.next = c->start + c->count + (c->mode == 4 || c->mode == 5);
    pit->host->timer_changed(pit->host->machine);
}

uint64_t pit_deadline_ns(const struct pit *pit) {
    const struct pit_state *s = &pit->s;
    if (!s->armed)
        return DEVICE_NO_DEADLINE;
    uint64_t next = s->next;
    if (s->owed && s->last + s->channels[0].count / 2 < next)
        next = s->last + s->channels[0].count / 2;
    if (periodic(&s->channels[0]) && next < s->last + MIN_SPACING_TICKS)
        next = s->last + MIN_SPACING_TICKS;
    return ns_of(next);
}

// Moves `next` behind now. All periods passed but the one that is delivered now are owed, up to those of a second.
static void count_periods(struct pit *pit, uint64_t now) {
    struct pit_state *s = &pit->s;
    struct pit_channel_state *c = &s->channels[0];
    uint64_t due = s->owed;
    uint32_t limit = PIT_HZ / (c->count < MIN_SPACING_TICKS ? MIN_SPACING_TICKS : c->count) + 1;
    while (s->next <= now) {
        uint64_t periods = c->next_count ? 1 : (now - s->next) / c->count + 1;
        take_next_count(c, s->next);
        due += periods;
        s->next += periods * c->count;
    }
    due = due > 0 ? due - 1 : 0;
    s->owed = due < limit ? (uint32_t)due : limit;
}

void pit_expire(struct pit *pit, uint64_t now_ns) {
    uint64_t now = ticks_of(now_ns);
    struct pit_channel_state *c = &pit->s.channels[0];
    if (pit_deadline_ns(pit) > now_ns)
        return;
    if (periodic(c))
        count_periods(pit, now);
    else
        pit->s.armed = 0;
    pit->s.last = now;
    line_set(pit, false); // the rising edge is the interrupt
    line_set(pit, true);
}

// --- Registers -------------------------------------------------------------------------------------------------------

static void count_write(struct pit *pit, unsigned index, uint16_t value, uint64_t now) {
    struct pit_channel_state *c = &pit->s.channels[index];
    uint32_t count = c->bcd ? from_bcd(value) : value;
    if (count == 0)
        count = c->bcd ? 10000 : 65536;
    if (counting(c) && (periodic(c) || started_by_gate(c))) { // the current period or pulse is not disturbed
        c->next_count = count;
        return;
    }
    c->count = count;
    c->next_count = 0;
    c->stopped = 0;
    c->start = now + 1; // loaded with the next clock
    c->loaded = 1;
    if (index != 0)
        return;
    if (c->mode == 0)
        line_set(pit, false);
    arm(pit);
}

static void channel_write(struct pit *pit, unsigned index, uint8_t value, uint64_t now) {
    struct pit_channel_state *c = &pit->s.channels[index];
    if (c->access == 1) {
        count_write(pit, index, value, now);
    } else if (c->access == 2) {
        count_write(pit, index, (uint16_t)(value << 8), now);
    } else if (!c->write_high) {
        c->write_low = value;
        c->write_high = 1;
    } else {
        c->write_high = 0;
        count_write(pit, index, (uint16_t)(value << 8 | c->write_low), now);
    }
}

static uint8_t channel_read(struct pit_channel_state *c, uint64_t now) {
    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    uint16_t value = c->latched ? c->latch : counter(c, now);
    bool high = c->access == 2 || (c->access == 3 && c->read_high);
    if (c->access == 3)
        c->read_high ^= 1;
    if (c->access != 3 || high)
        c->latched = 0;
    return (uint8_t)(high ? value >> 8 : value);
}

static void latch_count(struct pit_channel_state *c, uint64_t now) {
    if (c->latched)
        return;
    c->latch = counter(c, now);
    c->latched = 1;
    c->read_high = 0;
}

static void latch_status(struct pit_channel_state *c, uint64_t now) {
    if (c->status_latched)
        return;
    bool null = !c->loaded || c->next_count || (counting(c) && now < c->start);
    c->status =
        (uint8_t)((out(c, now) ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0) | c->access << 4 | c->mode << 1 | c->bcd);
    c->status_latched = 1;
}

static void read_back(struct pit *pit, uint8_t value, uint64_t now) {
    for (unsigned i = 0; i < 3; i++) {
        if (!(value >> (i + 1) & 1))
            continue;
        if (!(value & 0x20))
            latch_count(&pit->s.channels[i], now);
        if (!(value & 0x10))
            latch_status(&pit->s.channels[i], now);
    }
}

static void mode_write(struct pit *pit, unsigned index, uint8_t value) {
    struct pit_channel_state *c = &pit->s.channels[index];
    uint8_t gate = c->gate;
    memset(c, 0, sizeof *c);
    c->gate = gate;
    c->count = 65536;
    c->access = value >> 4 & 3;
    c->mode = value >> 1 & 7;
    if (c->mode > 5)
        c->mode &= 3; // 6 and 7 are 2 and 3
    c->bcd = value & 1;
    if (index != 0)
        return;
    line_set(pit, false);
    arm(pit);
}

static void command_write(struct pit *pit, uint8_t value, uint64_t now) {
    unsigned index = value >> 6;
    if (index == 3)
        read_back(pit, value, now);
    else if ((value & 0x30) == 0)
        latch_count(&pit->s.channels[index], now);
    else
        mode_write(pit, index, value);
}

static uint8_t control_read(struct pit *pit, uint64_t now) {
    bool refresh = now / REFRESH_TICKS & 1;
    return (uint8_t)(pit->s.control | (refresh ? CONTROL_REFRESH : 0) |
                     (out(&pit->s.channels[2], now) ? CONTROL_OUT2 : 0));
}

static void control_write(struct pit *pit, uint8_t value, uint64_t now) {
    pit->s.control = value & CONTROL_STORED;
    gate_set(&pit->s.channels[2], value & CONTROL_GATE2, now);
}

static uint64_t synchronise(struct pit *pit) {
    uint64_t now = now_ticks(pit);
    for (unsigned i = 1; i < 3; i++)
        take_next_count(&pit->s.channels[i], now);
    // Channel 0 takes its count over at the interrupt that begins the period, see count_periods().
    return now;
}

static uint8_t read_byte(void *device, uint16_t port) {
    struct pit *pit = device;
    uint64_t now = synchronise(pit);
    if (port == PIT_PORT_CONTROL)
        return control_read(pit, now);
    if (port < PIT_BASE || port >= PIT_BASE + 3)
        return 0xff;
    return channel_read(&pit->s.channels[port - PIT_BASE], now);
}

static void write_byte(void *device, uint16_t port, uint8_t value) {
    struct pit *pit = device;
    uint64_t now = synchronise(pit);
    if (port == PIT_PORT_CONTROL)
        control_write(pit, value, now);
    else if (port == PIT_BASE + 3)
        command_write(pit, value, now);
    else if (port >= PIT_BASE && port < PIT_BASE + 3)
        channel_write(pit, port - PIT_BASE, value, now);
}

uint32_t pit_port_read(void *device, uint16_t port, unsigned bytes) {
    return isa_read_bytes(read_byte, device, port, bytes);
}

void pit_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    isa_write_bytes(write_byte, device, port, bytes, value);
}

void pit_reset(struct pit *pit) {
    if (pit->s.line)
        line_set(pit, false);
    memset(&pit->s, 0, sizeof pit->s);
    for (unsigned i = 0; i < 3; i++) {
        pit->s.channels[i].count = 65536;
        pit->s.channels[i].access = 3;
        pit->s.channels[i].mode = 3;
        pit->s.channels[i].gate = i != 2;
    }
    pit->host->timer_changed(pit->host->machine);
}

void pit_init(struct pit *pit, const struct device_host *host) {
    memset(pit, 0, sizeof *pit);
    pit->host = host;
    pit_reset(pit);
}
