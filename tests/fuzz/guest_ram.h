// Memory that a device reaches by DMA, GUEST_RAM_BYTES of it: what lies beyond is refused.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint8_t guest_ram[GUEST_RAM_BYTES];

static inline bool guest_ram_read(void *machine, uint64_t gpa, void *to, size_t bytes) {
    (void)machine;
    if (gpa > sizeof guest_ram || bytes > sizeof guest_ram - gpa)
        return false;
    memcpy(to, guest_ram + gpa, bytes);
    return true;
}

static inline bool guest_ram_write(void *machine, uint64_t gpa, const void *from, size_t bytes) {
    (void)machine;
    if (gpa > sizeof guest_ram || bytes > sizeof guest_ram - gpa)
        return false;
    memcpy(guest_ram + gpa, from, bytes);
    return true;
}
