// What the core itself needs of ACPI: which CPUs and which I/O APICs there are (ACPI 6.4, 5.2.12), and clocks.
#pragma once
#include "kernel/abi.h"

// Where the RSDP says that the tables' root is (5.2.5.3), 0: it does not.
struct acpi_root {
    uint32_t rsdt;
    uint64_t xsdt;
};

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

// Reads the MADT, if need be by the RSDT; the boot tables are still loaded: all below 4 GiB is mapped to itself.
// Without a MADT the machine has the CPU it runs on and no I/O APIC. Returns the address of the XSDT or RSDT, 0: none
// is there.
uint64_t acpi_read(struct acpi_root root, struct acpi_machine *machine);
