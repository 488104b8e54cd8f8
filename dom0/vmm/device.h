// What a device model may ask of the machine that it sits in, and the shapes of the functions by which the machine
// reaches a model. Models know nothing else of the VMM, so each can be tested and fuzzed alone on the host.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_NO_DEADLINE UINT64_MAX

// Implemented by machine.c, and by fakes in tests. All calls come with the machine's lock held, from any vCPU's thread.
struct device_host {
    void *machine;

    // Guest time in nanoseconds: monotonic, stands still while the domain is paused.
    uint64_t (*now_ns)(void *machine);

    // Sets the level of a board interrupt line: 0..15 the ISA IRQs, 16..23 the further I/O APIC pins. The machine wires
    // a line to the dual 8259 (0..15) and to the I/O APIC (with line 0, the PIT, on pin 2).
    void (*irq_set)(void *machine, unsigned line, bool level);

    // The model's next deadline (X_deadline_ns()) may have changed, other than by X_expire().
    void (*timer_changed)(void *machine);

    // Guest-physical memory, RAM only. False if any byte of the range is not RAM; then nothing was transferred.
    bool (*memory_read)(void *machine, uint64_t gpa, void *to, size_t bytes);
    bool (*memory_write)(void *machine, uint64_t gpa, const void *from, size_t bytes);

    // The guest asked for something that the whole machine has to do.
    void (*reset)(void *machine);     // CPU reset with the machine: ports 64h, 92h, CF9h, triple fault
    void (*power_off)(void *machine); // ACPI S5

    // One line for dom0's log, rate-limited by the machine; format is lib/format.h's.
    void (*log)(void *machine, const char *message, ...) __attribute__((format(printf, 2, 3)));
};

// Port and memory accesses are of 1, 2, 4 (memory: also 8) bytes. Where a model implements none of a width, reads give
// all ones and writes are ignored, as on an ISA bus.
typedef uint32_t device_port_read(void *device, uint16_t port, unsigned bytes);
typedef void device_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);
typedef uint64_t device_memory_read(void *device, uint64_t offset, unsigned bytes);
typedef void device_memory_write(void *device, uint64_t offset, unsigned bytes, uint64_t value);

// Timers: a model with time-outs offers
//     uint64_t X_deadline_ns(const struct X *);   absolute guest time, DEVICE_NO_DEADLINE for none
//     void X_expire(struct X *, uint64_t now_ns); called at or after the deadline
