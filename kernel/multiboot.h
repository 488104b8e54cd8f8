// What the Multiboot 2 loader hands over (Multiboot2 3.6), turned into struct boot_info.
#pragma once
#include "kernel/acpi.h"

#define MULTIBOOT2_MAGIC 0x36d76289u

// Fills memory map, archive, command line, and what the loader's copies of the RSDP say. `info_hpa` is a multiple of 8
// below 4 GiB, mapped to itself. A tag that is cut off ends the reading, one that is too short is ignored. Stops the
// machine with a message if there is no archive, or no memory map, or one that cannot be kept.
void multiboot_read(uint64_t info_hpa, struct boot_info *info, struct acpi_root *root);
