// The MC146818 real-time clock with 256 bytes of CMOS RAM (Motorola MC146818A data sheet; second bank: PIIX3 2.5.6).
#pragma once
#include "dom0/vmm/device.h"

#define RTC_BASE 0x70u // 4 ports: index and data, index and data of the second bank
#define RTC_IRQ  8u

#define RTC_CENTURY 0x32u // where the firmware and ACPI's FADT expect the century

struct rtc_state {
    uint8_t cmos[256]; // the registers, and what firmware and the machine keep there; filled by the machine at start
    uint8_t index[2];
    uint8_t line;           // level of IRQ 8
    int64_t base_seconds;   // the clock showed this (seconds since 1970) ...
    uint64_t base_ns;       // ... at this guest time
    int64_t updated;        // second of the last update cycle
    uint64_t periodic_base; // guest time of tick 0 of the divider
    uint64_t periodic_next; // tick of 32768 Hz of the next periodic interrupt
    uint32_t owed;          // periodic interrupts that passed while one was not acknowledged
};

struct rtc {
    const struct device_host *host;
    struct rtc_state s;
};

// The clock begins at `seconds` since 1970 (UTC, or local time as the guest wants) at guest time now.
void rtc_init(struct rtc *rtc, const struct device_host *host, int64_t seconds);

// RESET input: interrupts are disabled; time, alarm and RAM stay.
void rtc_reset(struct rtc *rtc);

// Ports 70h..73h. Bit 7 of port 70h, the NMI mask, is ignored.
uint32_t rtc_port_read(void *device, uint16_t port, unsigned bytes);
void rtc_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

uint64_t rtc_deadline_ns(const struct rtc *rtc);
void rtc_expire(struct rtc *rtc, uint64_t now_ns);
