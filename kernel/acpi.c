// RSDP, RSDT or XSDT, MADT; clocks of FADT and HPET table.
#include "kernel/acpi.h"
#include "kernel/log.h"
#include "lib/string.h"

#define LOW_LIMIT   (4ull << 30)
#define TABLE_BYTES (1u << 20) // more has none that is read here

struct __attribute__((packed)) table { // firmware need not align it
    char signature[4];
    uint32_t length;
    char rest[28];
};

#define MADT_LOCAL_APIC   0u
#define MADT_IO_APIC      1u
#define MADT_LOCAL_X2APIC 9u
#define MADT_ENABLED      1u
#define MADT_ENTRIES      44u

// FADT (ACPI 6.4, 5.2.9), HPET table (IA-PC HPET 1.0a, 3.2.4)
#define FADT_PM_TIMER      76u
#define FADT_PM_TIMER_SIZE 91u
#define HPET_SPACE         40u // 0: memory
#define HPET_ADDRESS       44u

static const struct table *table_at(uint64_t hpa) {
    if (!hpa || hpa > LOW_LIMIT - sizeof(struct table))
        return NULL;
    const struct table *table = (const struct table *)hpa;
    bool whole = hpa + table->length <= LOW_LIMIT && table->length <= TABLE_BYTES;
    return table->length >= sizeof(struct table) && whole ? table : NULL;
}

static const struct table *find(const struct table *root, const char *signature) {
    bool wide = memcmp(root->signature, "XSDT", 4) == 0;
    uint32_t size = wide ? 8 : 4;
    for (uint32_t at = sizeof(*root); at + size <= root->length; at += size) {
        uint64_t hpa = 0;
        memcpy(&hpa, (const char *)root + at, size);
        const struct table *table = table_at(hpa);
        if (table && memcmp(table->signature, signature, 4) == 0)
            return table;
    }
    return NULL;
}

static void add_cpu(struct acpi_machine *machine, uint32_t apic_id, uint32_t flags) {
    if ((flags & MADT_ENABLED) && machine->cpus < BOOT_CPUS)
        machine->apic_id[machine->cpus++] = apic_id;
}

static void read_entry(const uint8_t *entry, struct acpi_machine *machine) {
    static const uint8_t bytes[] = {[MADT_LOCAL_APIC] = 8, [MADT_IO_APIC] = 12, [MADT_LOCAL_X2APIC] = 16};
    uint32_t a, b = 0;
    if (entry[0] >= sizeof(bytes) || !bytes[entry[0]] || entry[1] < bytes[entry[0]])
        return;
    memcpy(&a, entry + 4, 4);
    if (entry[1] >= 12)
        memcpy(&b, entry + 8, 4);
    switch (entry[0]) {
    case MADT_LOCAL_APIC:
        add_cpu(machine, entry[3], a);
        break;
    case MADT_LOCAL_X2APIC:
        add_cpu(machine, a, b);
        break;
    case MADT_IO_APIC:
        if (machine->ioapics < 8) {
            machine->ioapic[machine->ioapics].hpa = a;
            machine->ioapic[machine->ioapics++].gsi_base = b;
        }
        break;
    default:
        break;
    }
}

static void read_clocks(const struct table *root, struct acpi_machine *machine) {
    const struct table *fadt = find(root, "FACP"), *hpet = find(root, "HPET");
    uint32_t port = 0;
    if (fadt && fadt->length > FADT_PM_TIMER_SIZE && ((const uint8_t *)fadt)[FADT_PM_TIMER_SIZE] == 4)
        memcpy(&port, (const char *)fadt + FADT_PM_TIMER, sizeof(port));
    machine->pm_timer_port = (uint16_t)port;
    if (hpet && hpet->length >= HPET_ADDRESS + 8 && ((const uint8_t *)hpet)[HPET_SPACE] == 0)
        memcpy(&machine->hpet, (const char *)hpet + HPET_ADDRESS, sizeof(machine->hpet));
}

static void read_madt(const struct table *madt, struct acpi_machine *machine) {
    const uint8_t *entries = (const uint8_t *)madt;
    for (uint64_t at = MADT_ENTRIES; at + 2 <= madt->length; at += entries[at + 1]) {
        if (entries[at + 1] < 2 || entries[at + 1] > madt->length - at)
            return;
        read_entry(entries + at, machine);
    }
}

uint64_t acpi_read(struct acpi_root root, struct acpi_machine *machine) {
    const struct table *tables = table_at(root.xsdt);
    if (!tables)
        tables = table_at(root.rsdt);
    const struct table *madt = tables ? find(tables, "APIC") : NULL;
    if (tables)
        read_clocks(tables, machine);
    if (madt)
        read_madt(madt, machine);
    else
        log_print("ACPI: no MADT; one CPU, no device interrupts");
    return (uint64_t)(uintptr_t)tables;
}
