// All that a guest's firmware is told of its machine, through fw_cfg: ACPI and SMBIOS tables, memory map, number of
// CPUs. For a guest that boots without firmware the same tables are put into its memory.
#pragma once
#include "dom0/vmm/acpi_tables.h"
#include "dom0/vmm/fw_cfg.h"
#include "dom0/vmm/smbios_tables.h"

#define FIRMWARE_PLACE_BYTES (ACPI_TABLES_ROOM + SMBIOS_TABLES_ROOM) // of guest memory, for firmware_tables_place()
#define FIRMWARE_SEGMENT_F   0xf0000u

struct firmware_machine {
    unsigned cpus;                             // 1..ACPI_CPUS_MAX
    uint64_t memory_below_4g, memory_above_4g; // bytes of RAM from 0, and from 4 GiB; the first at most E0000000h
    uint8_t uuid[16];                          // in the order of its text form
    bool acpi, apic;
};

struct firmware_tables {
    uint8_t acpi[ACPI_TABLES_ROOM];
    uint32_t acpi_bytes; // 0: the guest has no ACPI
    uint8_t rsdp[ACPI_RSDP_BYTES];
    struct table_loader loader;
    uint8_t smbios[SMBIOS_TABLES_ROOM];
    uint32_t smbios_bytes;
    uint8_t smbios_anchor[SMBIOS_ANCHOR_BYTES];
    uint8_t e820[2 * 20];
    uint32_t e820_bytes;
    uint8_t uuid[16];
    uint64_t memory;
    uint16_t cpus, zero16;
    uint8_t irq0_override;
    uint64_t numa_nodes;
};

// Builds everything in `tables`. False: the machine is none that tables can say, or they do not fit.
bool firmware_tables_build(struct firmware_tables *tables, const struct firmware_machine *machine);

// Offers everything through fw_cfg, which refers to `tables` from then on. False: fw_cfg has no room.
bool firmware_tables_publish(const struct firmware_tables *tables, struct fw_cfg *fw_cfg);

// Direct boot: RSDP and SMBIOS entry point go to the start of segment F (64 KiB of guest memory at F0000h), the tables
// to FIRMWARE_PLACE_BYTES of guest memory at tables_gpa, a multiple of 64. The caller reserves both in the guest's
// memory map (the latter as ACPI data). False: the tables are inconsistent.
bool firmware_tables_place(const struct firmware_tables *tables, uint8_t *segment_f, uint8_t *memory,
                           uint32_t tables_gpa);
