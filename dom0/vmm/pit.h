// The 8254 interval timer and port 61h (8254 data sheet 231164; port 61h: PIIX3 2.5.7). Channel 0 is IRQ 0, channel 1
// the refresh request, channel 2 the speaker.
#pragma once
#include "dom0/vmm/device.h"

#define PIT_BASE         0x40u // 4 ports
#define PIT_PORT_CONTROL 0x61u // 1 port
#define PIT_HZ           1193182u

struct pit_channel_state {
    uint32_t count;      // initial count, 1..65536 (BCD: 10000)
    uint32_t next_count; // mode 2 and 3: count that the next period takes; 0: none
    uint64_t start;      // tick in which `count` was loaded into the counting element
    uint64_t stopped;    // ticks that had elapsed when the gate stopped the channel
    uint16_t latch;
    uint8_t mode, bcd, access; // access: 1 low byte, 2 high byte, 3 low byte then high byte
    uint8_t loaded;            // a count was written since the mode
    uint8_t triggered;         // mode 1 and 5: the gate has risen
    uint8_t gate;
    uint8_t write_high, write_low; // the low byte was written; it
    uint8_t read_high;             // the next read gives the high byte
    uint8_t latched, status_latched, status;
};

struct pit_state {
    struct pit_channel_state channels[3];
    uint8_t control; // port 61h, bits 0 to 3
    uint8_t armed;   // channel 0 has an interrupt to come
    uint64_t next;   // tick of that interrupt
    uint64_t last;   // tick of the last one delivered
    uint32_t owed;   // periods that passed without their interrupt
    uint8_t line;    // level of IRQ 0
};

struct pit {
    const struct device_host *host;
    struct pit_state s;
};

void pit_init(struct pit *pit, const struct device_host *host);

// State after power-on: no channel counts.
void pit_reset(struct pit *pit);

// Ports 40h..43h and 61h.
uint32_t pit_port_read(void *device, uint16_t port, unsigned bytes);
void pit_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// The next interrupt of channel 0, and its delivery: call after the deadline, also when it is long past. Interrupts of
// periods that passed unnoticed are made up at twice the rate, those of one second at most.
uint64_t pit_deadline_ns(const struct pit *pit);
void pit_expire(struct pit *pit, uint64_t now_ns);
