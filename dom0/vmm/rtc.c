// The MC146818: time registers, update cycle, alarm, periodic interrupt. Time is an offset to guest time, never
// counted.
#include "dom0/vmm/rtc.h"
#include "dom0/vmm/isa_bytes.h"
#include "dom0/vmm/rtc_calendar.h"
#include "lib/string.h"

#define NS_PER_S   1000000000u
#define DAY_S      86400
#define DIVIDER_HZ 32768u
// The time registers change at the end of the update cycle; UIP announces it 244 us before it begins.
#define UPDATE_NS   2228000u
#define MAX_OWED_HZ 1u // periodic interrupts made up are those of a second at most

enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, WEEKDAY, DAY, MONTH, YEAR, A, B, C, D };

#define A_UIP  0x80
#define A_DV   0x70
#define A_RUN  0x20 // the divider counts from a 32768 Hz crystal
#define A_RS   0x0f
#define B_SET  0x80
#define B_PIE  0x40
#define B_AIE  0x20
#define B_UIE  0x10
#define B_DM   0x04 // binary
#define B_24   0x02
#define C_IRQF 0x80
#define C_PF   0x40
#define C_AF   0x20
#define C_UF   0x10
#define D_VRT  0x80
#define PM     0x80
#define ANY    0xc0 // alarm: don't care

// --- Interrupts ------------------------------------------------------------------------------------------------------

static void line_update(struct rtc *rtc) {
    uint8_t *r = rtc->s.cmos;
    bool level = r[B] & r[C] & (C_PF | C_AF | C_UF);
    r[C] = (uint8_t)((r[C] & ~C_IRQF) | (level ? C_IRQF : 0));
    if (level == (rtc->s.line != 0))
        return;
    rtc->s.line = level;
    rtc->host->irq_set(rtc->host->machine, RTC_IRQ, level);
}

// Ticks of 32768 Hz between two periodic interrupts; 0: none.
static uint32_t period_ticks(const struct rtc_state *s) {
    unsigned rate = s->cmos[A] & A_RS;
    if (rate == 0 || (s->cmos[A] & A_DV) != A_RUN)
        return 0;
    return 1u << (rate <= 2 ? rate + 6 : rate - 1);
}

static uint64_t divider_tick(const struct rtc_state *s, uint64_t now) {
    uint64_t ns = now > s->periodic_base ? now - s->periodic_base : 0;
    return ns / NS_PER_S * DIVIDER_HZ + ns % NS_PER_S * DIVIDER_HZ / NS_PER_S;
}

static uint64_t divider_ns(const struct rtc_state *s, uint64_t tick) {
    return s->periodic_base + tick / DIVIDER_HZ * NS_PER_S +
           (tick % DIVIDER_HZ * NS_PER_S + DIVIDER_HZ - 1) / DIVIDER_HZ;
}

static void periodic_update(struct rtc_state *s, uint64_t now) {
    uint32_t period = period_ticks(s);
    uint64_t tick = divider_tick(s, now);
    if (period == 0 || tick < s->periodic_next)
        return;
    uint64_t passed = (tick - s->periodic_next) / period + 1;
    s->periodic_next += passed * period;
    uint64_t missed = s->cmos[C] & C_PF ? passed : passed - 1;
    if (s->cmos[B] & B_PIE) {
        uint32_t limit = MAX_OWED_HZ * DIVIDER_HZ / period;
        s->owed = missed < limit - (s->owed < limit ? s->owed : limit) ? s->owed + (uint32_t)missed : limit;
    }
    s->cmos[C] |= C_PF;
}

static void periodic_restart(struct rtc_state *s, uint64_t now) {
    uint32_t period = period_ticks(s);
    s->owed = 0;
    if (period)
        s->periodic_next = (divider_tick(s, now) / period + 1) * period;
}

// --- The time registers ----------------------------------------------------------------------------------------------

static uint8_t encode(const struct rtc_state *s, unsigned value) {
    return (uint8_t)(s->cmos[B] & B_DM ? value : value / 10 % 10 << 4 | value % 10);
}

static unsigned decode(const struct rtc_state *s, uint8_t value) {
    return s->cmos[B] & B_DM ? value : (value >> 4) * 10u + (value & 15u);
}

static uint8_t encode_hour(const struct rtc_state *s, unsigned hour) {
    if (s->cmos[B] & B_24)
        return encode(s, hour);
    return (uint8_t)(encode(s, (hour + 11) % 12 + 1) | (hour >= 12 ? PM : 0));
}

static unsigned decode_hour(const struct rtc_state *s, uint8_t value) {
    if (s->cmos[B] & B_24)
        return decode(s, value);
    return decode(s, value & (uint8_t)~PM) % 12 + (value & PM ? 12 : 0);
}

static bool clock_runs(const struct rtc_state *s) {
    return !(s->cmos[B] & B_SET) && (s->cmos[A] & A_DV) == A_RUN;
}

static int64_t current_second(const struct rtc_state *s, uint64_t now) {
    uint64_t ns = now > s->base_ns ? now - s->base_ns : 0;
    return s->base_seconds + (int64_t)(ns / NS_PER_S);
}

static uint32_t phase_ns(const struct rtc_state *s, uint64_t now) {
    return now > s->base_ns ? (uint32_t)((now - s->base_ns) % NS_PER_S) : 0;
}

static void registers_from_clock(struct rtc_state *s, int64_t second) {
    struct calendar date = calendar_of(second);
    s->cmos[SECONDS] = encode(s, date.second);
    s->cmos[MINUTES] = encode(s, date.minute);
    s->cmos[HOURS] = encode_hour(s, date.hour);
    s->cmos[WEEKDAY] = encode(s, date.weekday);
    s->cmos[DAY] = encode(s, date.day);
    s->cmos[MONTH] = encode(s, date.month);
    s->cmos[YEAR] = encode(s, (unsigned)(date.year % 100));
    s->cmos[RTC_CENTURY] = encode(s, (unsigned)(date.year / 100 % 100));
}

static void clock_from_registers(struct rtc_state *s, uint64_t now) {
    unsigned century = decode(s, s->cmos[RTC_CENTURY]);
    if (century < 19 || century > 99)
        century = 20;
    struct calendar date = {
        .year = century * 100 + decode(s, s->cmos[YEAR]) % 100,
        .month = decode(s, s->cmos[MONTH]),
        .day = decode(s, s->cmos[DAY]),
        .hour = decode_hour(s, s->cmos[HOURS]),
        .minute = decode(s, s->cmos[MINUTES]),
        .second = decode(s, s->cmos[SECONDS]),
    };
    uint32_t phase = phase_ns(s, now);
    s->base_seconds = calendar_seconds(&date);
    s->base_ns = now - phase;
    s->updated = s->base_seconds;
}

static bool alarm_field(uint8_t alarm, uint8_t value) {
    return (alarm & ANY) == ANY || alarm == value;
}

static bool alarm_matches(const struct rtc_state *s, int64_t second) {
    unsigned in_day = (unsigned)((second % DAY_S + DAY_S) % DAY_S);
    return alarm_field(s->cmos[SECONDS_ALARM], encode(s, in_day % 60)) &&
           alarm_field(s->cmos[MINUTES_ALARM], encode(s, in_day / 60 % 60)) &&
           alarm_field(s->cmos[HOURS_ALARM], encode_hour(s, in_day / 3600));
}

// The update cycles since the last look. A day of them meets every alarm, so that a long pause costs no more.
static void clock_update(struct rtc_state *s, uint64_t now) {
    if (!clock_runs(s))
        return;
    int64_t second = current_second(s, now);
    if (second == s->updated)
        return;
    int64_t from = second - s->updated > DAY_S ? second - DAY_S : s->updated;
    for (int64_t i = from + 1; i <= second && !(s->cmos[C] & C_AF); i++)
        if (alarm_matches(s, i))
            s->cmos[C] |= C_AF;
    s->cmos[C] |= C_UF;
    s->updated = second;
    registers_from_clock(s, second);
}

static void update(struct rtc *rtc, uint64_t now) {
    clock_update(&rtc->s, now);
    periodic_update(&rtc->s, now);
    line_update(rtc);
}

uint64_t rtc_deadline_ns(const struct rtc *rtc) {
    const struct rtc_state *s = &rtc->s;
    uint64_t deadline = DEVICE_NO_DEADLINE;
    bool update_wanted = (s->cmos[B] & B_UIE && !(s->cmos[C] & C_UF)) || (s->cmos[B] & B_AIE && !(s->cmos[C] & C_AF));
    if (clock_runs(s) && update_wanted)
        deadline = s->base_ns + (uint64_t)(s->updated + 1 - s->base_seconds) * NS_PER_S;
    if (s->cmos[B] & B_PIE && !(s->cmos[C] & C_PF) && period_ticks(s)) { // unanswered, it needs nobody to look
        uint64_t periodic = divider_ns(s, s->periodic_next);
        deadline = periodic < deadline ? periodic : deadline;
    }
    return deadline;
}

void rtc_expire(struct rtc *rtc, uint64_t now_ns) {
    update(rtc, now_ns);
}

// --- Registers -------------------------------------------------------------------------------------------------------

static bool is_time(unsigned at) {
    return at == SECONDS || at == MINUTES || at == HOURS || (at >= WEEKDAY && at <= YEAR) || at == RTC_CENTURY;
}

// The divider is held, or started again: the first update is half a second after the start.
static void write_a(struct rtc_state *s, uint8_t value, uint64_t now) {
    bool ran = (s->cmos[A] & A_DV) == A_RUN, runs = (value & A_DV) == A_RUN;
    uint8_t changed = s->cmos[A] ^ value;
    s->cmos[A] = value & (A_DV | A_RS);
    if (!ran && runs) {
        clock_from_registers(s, now);
        s->base_ns = now >= NS_PER_S / 2 ? now - NS_PER_S / 2 : 0;
        s->periodic_base = now;
    }
    if (changed & (A_DV | A_RS))
        periodic_restart(s, now);
}

// The registers are not converted when DM or 24/12 change: the guest writes them again. SET stops them and clears UIE.
static void write_b(struct rtc_state *s, uint8_t value, uint64_t now) {
    uint8_t old = s->cmos[B];
    if (value & B_SET)
        value &= (uint8_t)~B_UIE;
    s->cmos[B] = value;
    if (old & B_SET && !(value & B_SET))
        clock_from_registers(s, now);
    else if (clock_runs(s) && (old ^ value) & (B_DM | B_24))
        registers_from_clock(s, s->updated);
    if (!(old & B_PIE) && value & B_PIE)
        periodic_restart(s, now);
    if (!(value & B_PIE))
        s->owed = 0;
}

static void cmos_write(struct rtc *rtc, unsigned at, uint8_t value) {
    uint64_t now = rtc->host->now_ns(rtc->host->machine);
    update(rtc, now);
    if (at == A) {
        write_a(&rtc->s, value, now);
    } else if (at == B) {
        write_b(&rtc->s, value, now);
    } else if (at != C && at != D) {
        rtc->s.cmos[at] = value;
        if (is_time(at) && clock_runs(&rtc->s))
            clock_from_registers(&rtc->s, now);
    }
    line_update(rtc);
    rtc->host->timer_changed(rtc->host->machine);
}

// Reading C acknowledges; a periodic interrupt that is owed follows at once.
static uint8_t read_c(struct rtc *rtc) {
    struct rtc_state *s = &rtc->s;
    uint8_t value = s->cmos[C];
    s->cmos[C] = 0;
    line_update(rtc);
    if (value & C_PF && s->owed) {
        s->owed--;
        s->cmos[C] = C_PF;
        line_update(rtc);
    }
    rtc->host->timer_changed(rtc->host->machine);
    return value;
}

static uint8_t cmos_read(struct rtc *rtc, unsigned at) {
    struct rtc_state *s = &rtc->s;
    uint64_t now = rtc->host->now_ns(rtc->host->machine);
    update(rtc, now);
    switch (at) {
    case A:
        return s->cmos[A] | (clock_runs(s) && phase_ns(s, now) >= NS_PER_S - UPDATE_NS ? A_UIP : 0);
    case C:
        return read_c(rtc);
    case D:
        return D_VRT;
    default:
        return s->cmos[at];
    }
}

static uint8_t read_byte(void *device, uint16_t port) {
    struct rtc *rtc = device;
    switch (port - RTC_BASE) {
    case 1:
        return cmos_read(rtc, rtc->s.index[0]);
    case 3:
        return cmos_read(rtc, 128u + rtc->s.index[1]);
    default: // the index registers are write-only
        return 0xff;
    }
}

static void write_byte(void *device, uint16_t port, uint8_t value) {
    struct rtc *rtc = device;
    switch (port - RTC_BASE) {
    case 0:
    case 2:
        rtc->s.index[(port - RTC_BASE) / 2] = value & 0x7f;
        return;
    case 1:
        cmos_write(rtc, rtc->s.index[0], value);
        return;
    case 3:
        cmos_write(rtc, 128u + rtc->s.index[1], value);
        return;
    default:
        return;
    }
}

uint32_t rtc_port_read(void *device, uint16_t port, unsigned bytes) {
    return isa_read_bytes(read_byte, device, port, bytes);
}

void rtc_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    isa_write_bytes(write_byte, device, port, bytes, value);
}

void rtc_reset(struct rtc *rtc) {
    rtc->s.cmos[B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE);
    rtc->s.cmos[C] = 0;
    rtc->s.owed = 0;
    line_update(rtc);
    rtc->host->timer_changed(rtc->host->machine);
}

void rtc_init(struct rtc *rtc, const struct device_host *host, int64_t seconds) {
    memset(rtc, 0, sizeof *rtc);
    rtc->host = host;
    struct rtc_state *s = &rtc->s;
    s->base_ns = s->periodic_base = host->now_ns(host->machine);
    s->base_seconds = s->updated = seconds;
    s->cmos[A] = A_RUN | 6; // 1024 Hz
    s->cmos[B] = B_24;
    s->cmos[D] = D_VRT;
    registers_from_clock(s, seconds);
    periodic_restart(s, s->base_ns);
}
