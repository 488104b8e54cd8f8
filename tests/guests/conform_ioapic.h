// Pins of the I/O APIC, and two devices of every PC whose lines stay up for as long as wanted.
#pragma once
#include "tests/guests/conform.h"

#define PIN_UART        4u
#define PIN_CLOCK       8u
#define PIN_COPROCESSOR 13u
#define PIN_LEVEL       (1u << 15)
#define PIN_MASKED      (1u << 16)
#define PIN_LOW(pin)    (0x10u + 2 * (pin)) // register of the redirection entry's lower half

static inline uint32_t ioapic_read(uint32_t number) {
    *(volatile uint32_t *)0xfec00000ull = number;
    return *(volatile uint32_t *)0xfec00010ull;
}

static inline void ioapic_write(uint32_t number, uint32_t value) {
    *(volatile uint32_t *)0xfec00000ull = number;
    *(volatile uint32_t *)0xfec00010ull = value;
}

// `low`: vector and flags; fixed delivery to an APIC ID.
static inline void ioapic_pin(unsigned pin, uint32_t destination, uint32_t low) {
    ioapic_write(PIN_LOW(pin) + 1, destination << 24);
    ioapic_write(PIN_LOW(pin), low);
}

static inline bool ioapic_remote_irr(unsigned pin) {
    return ioapic_read(PIN_LOW(pin)) >> 14 & 1;
}

// COM1 asks for an interrupt while it may (IER.ETBEI), has nothing to send, and MCR.OUT2 lets it; nothing may be
// printed meanwhile.
static inline void uart_line(bool up) {
    outb(0x3f9, up ? 2 : 0);
}

static inline void uart_begin(void) {
    while (!(inb(0x3fd) & 0x40)) // LSR.TEMT
        ;
    outb(0x3fc, 0x0b);
    uart_line(false);
}

static inline void uart_end(void) {
    uart_line(false);
    outb(0x3fc, 3);
}

static inline uint8_t clock_register(uint8_t number) {
    outb(0x70, number);
    return inb(0x71);
}

// The RTC's line goes up within a millisecond and stays until register C is read.
static inline void clock_line(bool up) {
    uint8_t b = clock_register(0x0b);
    outb(0x70, 0x0a);
    outb(0x71, 0x26);
    (void)clock_register(0x0c);
    outb(0x70, 0x0b);
    outb(0x71, (uint8_t)(up ? b | 0x40 : b & ~0x40));
    if (!up)
        (void)clock_register(0x0c);
}
