// The guest's ACPI tables (ACPI 1.0b, with the MADT of ACPI 2.0): FACS, DSDT, FADT, SSDT, MADT, WAET, RSDT and RSDP.
#pragma once
#include "dom0/vmm/table_loader.h"
#include "dom0/vmm/table_writer.h"

#define ACPI_TABLES_FILE "etc/acpi/tables"
#define ACPI_RSDP_FILE   "etc/acpi/rsdp"
#define ACPI_TABLES_ROOM 8192u
#define ACPI_RSDP_BYTES  20u
#define ACPI_CPUS_MAX    64u

#define ACPI_LAPIC_GPA  0xfee00000u
#define ACPI_IOAPIC_GPA 0xfec00000u

// The DSDT, compiled from dsdt.asl (dsdt.c).
extern const uint8_t *const acpi_dsdt;
extern const size_t acpi_dsdt_bytes;

struct acpi_machine {
    unsigned cpus;            // 1..ACPI_CPUS_MAX; the APIC ids are 0, 1, ...
    uint32_t memory_below_4g; // end of RAM
    bool apic;                // there are local APICs and an I/O APIC
};

// Where the PCI memory window starts: where SeaBIOS puts BARs for this much memory. It ends before the I/O APIC.
uint32_t acpi_pci_window(uint32_t memory_below_4g);

// Appends the tables to `tables` (which is empty and has a room of ACPI_TABLES_ROOM), fills the RSDP and writes the
// script that places them. Pointers are offsets until the script has run. False: bad number of CPUs, or no room.
bool acpi_tables_build(const struct acpi_machine *machine, struct table_writer *tables, uint8_t rsdp[ACPI_RSDP_BYTES],
                       struct table_loader *loader);
