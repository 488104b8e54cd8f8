// What firmware finds in CMOS RAM: memory sizes, boot order, equipment (RBIL CMOS.LST; the QEMU fields as SeaBIOS reads
// them).
#pragma once
#include <stdint.h>

#define CMOS_BYTES 128u

struct cmos_layout {
    uint64_t memory_below_4g, memory_above_4g; // bytes
    unsigned cpus;
    uint16_t boot_order;      // boot_order_nibbles()
    uint64_t disk_sectors[4]; // IDE disks: primary master, slave, secondary master, slave; 0: no disk
};

// Sets these bytes, and leaves the clock's and all others alone.
void cmos_fill(uint8_t cmos[CMOS_BYTES], const struct cmos_layout *layout);
