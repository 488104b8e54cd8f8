// What the small test guests have in common: serial output, interrupts, the local APIC.
#pragma once
#include <stdbool.h>
#include <stdint.h>

void guest_main(void);
void guest_exception(uint64_t vector, uint64_t error, uint64_t rip);
extern struct guest_exception { uint64_t vector, error, rip; } last_exception;
extern volatile uint64_t interrupt_counts[256];

void serial_init(void);
// What came by the serial line, a byte; false if there is none.
bool serial_read(char *byte);
void print(const char *message, ...) __attribute__((format(printf, 1, 2)));

void interrupts_init(void); // IDT; masks the 8259s
// Runs an action that may cause an exception. False: it did, and went no further. Actions may do the same.
bool survives(void (*action)(uint64_t), uint64_t argument);
void lapic_init(void);       // software-enabled, timer one-shot
extern uint8_t guest_x2apic; // it is on
bool x2apic_enable(void);    // from now on through MSRs; false: CPUID does not offer it
uint32_t lapic_get(uint32_t offset);
void lapic_set(uint32_t offset, uint32_t value);

static inline uint64_t rdtsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline uint64_t rdmsr(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr) : "memory");
}

static inline void outb(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint16_t inw(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void outl(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t inl(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

// The function at `devfn` (device * 8 + function) of bus 0.
static inline uint32_t pci_read(unsigned devfn, unsigned offset) {
    outl(0xcf8, 0x80000000u | devfn << 8 | offset);
    return inl(0xcfc);
}

static inline void pci_write(unsigned devfn, unsigned offset, uint32_t value) {
    outl(0xcf8, 0x80000000u | devfn << 8 | offset);
    outl(0xcfc, value);
}
