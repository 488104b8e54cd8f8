// Access to I/O ports; init takes those that it uses from the root of all ports.
#pragma once
#include "lib/syscall.h"

static inline bool ports_take(uint64_t base, unsigned order) {
    return sys_delegate(SELECTOR_PORTS, base, SELECTOR_SELF, base,
                        DELEGATE_READ | DELEGATE_WRITE | DELEGATE_ORDER(order) | DELEGATE_PORT) == OK;
}

static inline void port_out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void port_out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t port_in16(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
