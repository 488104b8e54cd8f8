// Putting together what firmware is told, and doing the firmware's part of it for a direct boot.
#include "dom0/vmm/firmware_tables.h"
#include "lib/string.h"

#define BELOW_4G_MAX 0xe0000000ull
#define FOUR_GIB     0x100000000ull

#define E820_RAM 1u

#define LOADER_FILE "etc/table-loader"

// Places in segment F: both entry points are searched for at multiples of 16.
#define RSDP_OFFSET          0x0000u
#define SMBIOS_ANCHOR_OFFSET 0x0020u

static bool build_acpi(struct firmware_tables *tables, const struct firmware_machine *machine) {
    struct table_writer writer = {.bytes = tables->acpi, .room = sizeof tables->acpi};
    const struct acpi_machine acpi = {
        .cpus = machine->cpus, .memory_below_4g = (uint32_t)machine->memory_below_4g, .apic = machine->apic};
    if (!machine->acpi)
        return true;
    bool good = acpi_tables_build(&acpi, &writer, tables->rsdp, &tables->loader);
    tables->acpi_bytes = (uint32_t)writer.used;
    return good;
}

static bool build_smbios(struct firmware_tables *tables, const struct firmware_machine *machine) {
    struct table_writer writer = {.bytes = tables->smbios, .room = sizeof tables->smbios};
    struct smbios_machine smbios = {.cpus = machine->cpus,
                                    .memory_below_4g = machine->memory_below_4g,
                                    .memory_above_4g = machine->memory_above_4g};
    memcpy(smbios.uuid, machine->uuid, sizeof smbios.uuid);
    bool good = smbios_tables_build(&smbios, &writer, tables->smbios_anchor);
    tables->smbios_bytes = (uint32_t)writer.used;
    return good;
}

static void e820_add(struct table_writer *writer, uint64_t start, uint64_t bytes) {
    if (bytes == 0)
        return;
    table_number(writer, start, 8);
    table_number(writer, bytes, 8);
    table_u32(writer, E820_RAM);
}

static void build_e820(struct firmware_tables *tables, const struct firmware_machine *machine) {
    struct table_writer writer = {.bytes = tables->e820, .room = sizeof tables->e820};
    e820_add(&writer, 0, machine->memory_below_4g);
    e820_add(&writer, FOUR_GIB, machine->memory_above_4g);
    tables->e820_bytes = (uint32_t)writer.used;
}

bool firmware_tables_build(struct firmware_tables *tables, const struct firmware_machine *machine) {
    memset(tables, 0, sizeof *tables);
    if (machine->cpus < 1 || machine->cpus > ACPI_CPUS_MAX || machine->memory_below_4g > BELOW_4G_MAX)
        return false;
    tables->cpus = (uint16_t)machine->cpus;
    tables->memory = machine->memory_below_4g + machine->memory_above_4g;
    tables->irq0_override = 1;
    memcpy(tables->uuid, machine->uuid, sizeof tables->uuid);
    build_e820(tables, machine);
    return build_acpi(tables, machine) && build_smbios(tables, machine);
}

static bool publish_files(const struct firmware_tables *t, struct fw_cfg *fw_cfg) {
    const struct {
        const char *name;
        const void *bytes;
        uint32_t size;
    } files[] = {
        {"etc/e820", t->e820, t->e820_bytes},
        {"etc/smbios/smbios-anchor", t->smbios_anchor, sizeof t->smbios_anchor},
        {"etc/smbios/smbios-tables", t->smbios, t->smbios_bytes},
        {ACPI_RSDP_FILE, t->rsdp, t->acpi_bytes ? (uint32_t)sizeof t->rsdp : 0},
        {ACPI_TABLES_FILE, t->acpi, t->acpi_bytes},
        {LOADER_FILE, t->loader.commands, t->loader.count * (uint32_t)sizeof t->loader.commands[0]},
    };
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i].size && !fw_cfg_add_file(fw_cfg, files[i].name, files[i].bytes, files[i].size))
            return false;
    return true;
}

bool firmware_tables_publish(const struct firmware_tables *t, struct fw_cfg *fw_cfg) {
    const struct fw_cfg_item items[] = {
        {FW_CFG_UUID, sizeof t->uuid, t->uuid},
        {FW_CFG_RAM_SIZE, sizeof t->memory, &t->memory},
        {FW_CFG_NOGRAPHIC, sizeof t->zero16, &t->zero16},
        {FW_CFG_NB_CPUS, sizeof t->cpus, &t->cpus},
        {FW_CFG_NUMA, sizeof t->numa_nodes, &t->numa_nodes},
        {FW_CFG_BOOT_MENU, sizeof t->zero16, &t->zero16}, // no menu, no wait for its key
        {FW_CFG_MAX_CPUS, sizeof t->cpus, &t->cpus},
        {FW_CFG_IRQ0_OVERRIDE, sizeof t->irq0_override, &t->irq0_override},
    };
    for (unsigned i = 0; i < sizeof items / sizeof items[0]; i++)
        if (!fw_cfg_add(fw_cfg, items[i].key, items[i].bytes, items[i].size))
            return false;
    return publish_files(t, fw_cfg);
}

bool firmware_tables_place(const struct firmware_tables *t, uint8_t *segment_f, uint8_t *memory, uint32_t tables_gpa) {
    uint8_t *anchor = segment_f + SMBIOS_ANCHOR_OFFSET, *rsdp = segment_f + RSDP_OFFSET;
    const struct loader_file files[] = {
        {ACPI_TABLES_FILE, memory, t->acpi_bytes, tables_gpa},
        {ACPI_RSDP_FILE, rsdp, sizeof t->rsdp, FIRMWARE_SEGMENT_F + RSDP_OFFSET},
    };
    memcpy(memory + ACPI_TABLES_ROOM, t->smbios, t->smbios_bytes);
    memcpy(anchor, t->smbios_anchor, sizeof t->smbios_anchor);
    smbios_anchor_link(anchor, tables_gpa + ACPI_TABLES_ROOM);
    if (!t->acpi_bytes)
        return true;
    memcpy(memory, t->acpi, t->acpi_bytes);
    memcpy(rsdp, t->rsdp, sizeof t->rsdp);
    return loader_run(&t->loader, files, sizeof files / sizeof files[0]);
}
