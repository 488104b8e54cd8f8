// The order of boot devices, from the letters of a domain's configuration to what SeaBIOS reads: nibbles in CMOS by
// kind of device, or a list of devices in fw_cfg's file "bootorder".
#pragma once
#include <stddef.h>
#include <stdint.h>

// An IDE drive that can be booted. kind: 'c' for a disk, 'd' for a CD-ROM, as in xl.cfg's `boot`.
struct boot_device {
    char kind;
    uint8_t channel, drive;
};

// Up to three letters of "acdn" as nibbles, the first in bits 3:0; other letters are skipped.
uint16_t boot_order_nibbles(const char *letters);

// Writes the text of "bootorder": for each letter the devices of its kind, in their order. It always ends with NUL, and
// has no half lines. Returns its bytes with the NUL, which belong to the file.
size_t boot_order_file(char *to, size_t size, const char *letters, const struct boot_device *devices, size_t count);
