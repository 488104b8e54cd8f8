// What the Multiboot 2 loader hands over (Multiboot2 3.6), turned into struct boot_info.
#pragma once
#include "kernel/abi.h"

#define MULTIBOOT2_MAGIC 0x36d76289u

// Fills memory map, archive, RSDP and command line. `info_hpa` lies below 4 GiB, mapped to itself. *rsdp_copy gets the
// loader's copy of the RSDP. Stops the machine with a message if there is no memory map or no archive.
void multiboot_read(uint64_t info_hpa, struct boot_info *info);
