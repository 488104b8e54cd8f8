// The guest's SMBIOS structures (DMTF DSP0134, version 2.8): who made the machine, its UUID, processors and memory.
#pragma once
#include "dom0/vmm/table_writer.h"

#define SMBIOS_TABLES_ROOM  8192u
#define SMBIOS_ANCHOR_BYTES 31u

struct smbios_machine {
    unsigned cpus;
    uint64_t memory_below_4g, memory_above_4g;
    uint8_t uuid[16]; // in the order of its text form
};

// Appends the structures to `tables`, which is empty, and fills the entry point; its table address is 0. False: no
// room.
bool smbios_tables_build(const struct smbios_machine *machine, struct table_writer *tables,
                         uint8_t anchor[SMBIOS_ANCHOR_BYTES]);

// Sets the address of the structures in the entry point, and its checksums (DSP0134 5.2.1).
void smbios_anchor_link(uint8_t anchor[SMBIOS_ANCHOR_BYTES], uint32_t tables_gpa);
