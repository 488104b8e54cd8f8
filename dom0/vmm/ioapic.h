// The 82093AA I/O APIC with the EOI register of version 20h (82093AA data sheet 290566; ICH9 13.5).
#pragma once
#include "dom0/vmm/device.h"

#define IOAPIC_BASE  0xfec00000ull
#define IOAPIC_BYTES 0x1000u
#define IOAPIC_PINS  24u

struct ioapic_state {
    uint64_t redirection[IOAPIC_PINS];
    uint32_t lines; // levels of the pins, asserted is 1 whatever the polarity bit says
    uint8_t id, select;
};

struct ioapic {
    void *machine;
    // An interrupt message. Never of delivery mode ExtINT: see ioapic_accepts_extint().
    void (*deliver)(void *machine, uint8_t vector, uint8_t destination, bool logical, unsigned delivery_mode,
                    bool level);
    struct ioapic_state s;
};

void ioapic_init(struct ioapic *ioapic, void *machine,
                 void (*deliver)(void *machine, uint8_t vector, uint8_t destination, bool logical,
                                 unsigned delivery_mode, bool level));
void ioapic_reset(struct ioapic *ioapic);

// Level of a pin, 0..23. The machine wires the PIT to pin 2 and nothing to pin 0 (the 8259 is there, as ExtINT).
void ioapic_line_set(struct ioapic *ioapic, unsigned pin, bool level);

// A local APIC has ended the level-triggered interrupt of that vector; pins that are still asserted deliver again.
void ioapic_eoi(struct ioapic *ioapic, uint8_t vector);

// Pin 0 passes the 8259's output on as ExtINT: together with pic_output(), an external interrupt for the processor that
// `*destination` and `*logical` name.
bool ioapic_accepts_extint(const struct ioapic *ioapic, uint8_t *destination, bool *logical);

// The page at IOAPIC_BASE.
uint64_t ioapic_memory_read(void *device, uint64_t offset, unsigned bytes);
void ioapic_memory_write(void *device, uint64_t offset, unsigned bytes, uint64_t value);
