// What the core itself needs of ACPI: which CPUs and which I/O APICs there are (ACPI 6.4, 5.2.12), and clocks.
#pragma once
#include "kernel/abi.h"

struct acpi_machine {
    uint32_t cpus;
    uint32_t apic_id[BOOT_CPUS];
    uint32_t ioapics;
    struct {
        uint64_t hpa;
        uint32_t gsi_base;
    } ioapic[8];
    uint64_t hpet;          // host-physical, 0: none
    uint16_t pm_timer_port; // 0: none
};

// Reads the MADT through the RSDP at info->rsdp; the boot tables are still loaded: all below 4 GiB is mapped to itself.
// Without a MADT the machine has the CPU it runs on and no I/O APIC. Sets info->rsdp to the RSDT's or XSDT's address.
void acpi_read(struct boot_info *info, struct acpi_machine *machine);
