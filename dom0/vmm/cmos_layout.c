// Filling CMOS RAM for the firmware.
#include "dom0/vmm/cmos_layout.h"

#define KIB 1024u
#define MIB (1024u * KIB)

#define BASE_MEMORY_KIB 640u

enum cmos_offset {
    CMOS_FLOPPIES = 0x10,
    CMOS_EQUIPMENT = 0x14,
    CMOS_BASE_MEMORY = 0x15,      // KiB
    CMOS_EXTENDED = 0x17,         // KiB above 1 MiB
    CMOS_CHECKSUM = 0x2e,         // of 10h..2Dh, high byte first
    CMOS_EXTENDED_FOUND = 0x30,   // as 17h
    CMOS_ABOVE_16M = 0x34,        // 64 KiB above 16 MiB
    CMOS_BOOT_FLAG_1 = 0x38,      // third boot device, bit 0: floppies boot without a signature
    CMOS_DISK_TRANSLATION = 0x39, // two bits a disk
    CMOS_BOOT_FLAG_2 = 0x3d,      // first and second boot device
    CMOS_ABOVE_4G = 0x5b,         // 64 KiB above 4 GiB, three bytes
    CMOS_CPUS = 0x5f,             // less one
};

#define EQUIPMENT_FPU   0x02u
#define EQUIPMENT_MOUSE 0x04u

#define TRANSLATION_NONE 0u
#define TRANSLATION_LBA  1u

// Cylinders beyond 1024 at 16 heads of 63 sectors cannot be named through INT 13h untranslated.
#define UNTRANSLATED_SECTORS (1024u * 16 * 63)

static void put(uint8_t *cmos, unsigned offset, unsigned bytes, uint64_t value) {
    uint64_t max = (1ull << 8 * bytes) - 1;
    value = value < max ? value : max;
    for (unsigned i = 0; i < bytes; i++)
        cmos[offset + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t above(uint64_t size, uint64_t start) {
    return size > start ? size - start : 0;
}

static void put_memory(uint8_t *cmos, const struct cmos_layout *layout) {
    uint64_t extended = above(layout->memory_below_4g, MIB) / KIB;
    put(cmos, CMOS_BASE_MEMORY, 2, BASE_MEMORY_KIB);
    put(cmos, CMOS_EXTENDED, 2, extended);
    put(cmos, CMOS_EXTENDED_FOUND, 2, extended);
    put(cmos, CMOS_ABOVE_16M, 2, above(layout->memory_below_4g, 16 * MIB) / (64 * KIB));
    put(cmos, CMOS_ABOVE_4G, 3, layout->memory_above_4g / (64 * KIB));
}

static uint8_t disk_translation(const uint64_t disk_sectors[4]) {
    unsigned value = 0;
    for (unsigned i = 0; i < 4; i++)
        value |= (disk_sectors[i] > UNTRANSLATED_SECTORS ? TRANSLATION_LBA : TRANSLATION_NONE) << 2 * i;
    return (uint8_t)value;
}

void cmos_fill(uint8_t cmos[CMOS_BYTES], const struct cmos_layout *layout) {
    unsigned sum = 0;
    put_memory(cmos, layout);
    cmos[CMOS_FLOPPIES] = 0;
    cmos[CMOS_EQUIPMENT] = EQUIPMENT_FPU | EQUIPMENT_MOUSE;
    cmos[CMOS_BOOT_FLAG_1] = (uint8_t)(layout->boot_order >> 8 << 4 | 1);
    cmos[CMOS_BOOT_FLAG_2] = (uint8_t)layout->boot_order;
    cmos[CMOS_DISK_TRANSLATION] = disk_translation(layout->disk_sectors);
    cmos[CMOS_CPUS] = (uint8_t)(layout->cpus - 1);
    for (unsigned i = CMOS_FLOPPIES; i < CMOS_CHECKSUM; i++)
        sum += cmos[i];
    cmos[CMOS_CHECKSUM] = (uint8_t)(sum >> 8);
    cmos[CMOS_CHECKSUM + 1] = (uint8_t)sum;
}
