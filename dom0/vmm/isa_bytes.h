// Accesses wider than a byte at 8-bit devices: the ISA bus splits them into bytes at successive ports, lowest first.
#pragma once
#include <stdint.h>

static inline uint32_t isa_read_bytes(uint8_t (*read)(void *device, uint16_t port), void *device, uint16_t port,
                                      unsigned bytes) {
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes && i < 4; i++)
        value |= (uint32_t)read(device, (uint16_t)(port + i)) << (8 * i);
    return value;
}

static inline void isa_write_bytes(void (*write)(void *device, uint16_t port, uint8_t value), void *device,
                                   uint16_t port, unsigned bytes, uint32_t value) {
    for (unsigned i = 0; i < bytes && i < 4; i++)
        write(device, (uint16_t)(port + i), (uint8_t)(value >> (8 * i)));
}
