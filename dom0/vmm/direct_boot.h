// Booting a Linux kernel without firmware: a bzImage by the 32-bit boot protocol (Linux,
// Documentation/arch/x86/boot.rst). Kernel and ramdisk are files that anybody may have made: every field of their
// headers is checked.
#pragma once
#include "dom0/vmm/guest_memory.h"
#include "kernel/abi.h"

// Where things lie in the guest's memory.
#define DIRECT_BOOT_ZERO_PAGE    0x10000ull
#define DIRECT_BOOT_GDT          0x11000ull
#define DIRECT_BOOT_COMMAND_LINE 0x20000ull
#define DIRECT_BOOT_STACK        0x9f000ull
#define DIRECT_BOOT_EBDA         0x9fc00ull
#define DIRECT_BOOT_KERNEL       0x100000ull

#define DIRECT_BOOT_CODE 0x10u // selectors
#define DIRECT_BOOT_DATA 0x18u

struct direct_boot_reserved { // memory that something lies in already: ACPI tables
    uint64_t start, bytes;
};

struct direct_boot {
    const void *kernel, *ramdisk; // ramdisk may be null
    uint64_t kernel_bytes, ramdisk_bytes;
    const char *command_line;
    uint64_t rsdp; // gpa of ACPI's root pointer, 0: none
    struct direct_boot_reserved reserved[2];
    unsigned reserved_count;
    uint64_t entry; // out: gpa
};

// Are kernel, ramdisk and command line such that a machine with `below_4g_bytes` of RAM can boot them? Null, or what is
// wrong with them, as one line.
const char *direct_boot_check(const struct direct_boot *boot, uint64_t below_4g_bytes);

// Puts everything into the guest's memory. Null or what is wrong. The low MiB is RAM for the guest then.
const char *direct_boot_load(struct direct_boot *boot, struct guest_memory *memory);

// Registers at the kernel's entry, all groups but tsc_offset.
void direct_boot_registers(const struct direct_boot *boot, struct vcpu_page *page);
