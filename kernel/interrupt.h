// Device interrupts: I/O APIC lines and messages, each ending in semaphores. A level-triggered line, perhaps shared, is
// masked until all its sharers have acknowledged.
#pragma once
#include "kernel/cpu.h"

struct semaphore;

#define VECTOR_DEVICE_FIRST 0x30u
#define VECTOR_DEVICE_LAST  0xdfu
#define VECTOR_TIMER        0xf0u
#define VECTOR_NOTIFY       0xf1u
#define VECTOR_SPURIOUS     0xffu

#define INTERRUPT_SHARERS 4u

struct interrupt {
    uint8_t vector;
    bool in_use, line, level;
    uint32_t gsi;
    struct cpu *cpu;
    struct semaphore *sharers[INTERRUPT_SHARERS];
    uint32_t unacknowledged; // bit per sharer
};

// Binds a line or message to a semaphore. INTERRUPT_* of the ABI. *data: the MSI data (vector).
NODISCARD int interrupt_assign(struct semaphore *semaphore, uint64_t what, struct cpu *cpu, uint64_t *data);
void interrupt_acknowledge(struct semaphore *semaphore);
void interrupt_unbind(struct semaphore *semaphore);

// A vector of the device range arrived at this CPU. Needs the kernel lock.
void interrupt_deliver(unsigned vector);
