// Building the guest's ACPI tables as QEMU's i440FX machine has them, which is what old and new systems are tested
// with: FADT of revision 1, 32-bit pointers only.
#include "dom0/vmm/acpi_tables.h"
#include "dom0/vmm/piix4_pm.h"

#define HEADER_LENGTH   4u // offsets in a header
#define HEADER_CHECKSUM 9u

#define FADT_FACS 36u
#define FADT_DSDT 40u

#define RSDP_CHECKSUM 8u
#define RSDP_RSDT     16u

// FADT flags, ACPI 1.0b 5.2.5: WBINVD works, C1 works, no sleep button in fixed registers, no RTC wake status there
#define FADT_FLAGS (1u << 0 | 1u << 2 | 1u << 5 | 1u << 6)

#define MADT_PCAT_COMPAT 1u

enum madt_type { MADT_LOCAL_APIC = 0, MADT_IO_APIC = 1, MADT_OVERRIDE = 2 };

#define OVERRIDE_AS_BUS     0x0u
#define OVERRIDE_LEVEL_HIGH 0xdu

// The tables that the RSDT names.
enum { ROOT_ENTRIES_MAX = 8 };

struct build {
    const struct acpi_machine *machine;
    struct table_writer *w;
    struct table_loader *loader;
    uint32_t facs, dsdt, rsdt; // offsets
    uint32_t roots[ROOT_ENTRIES_MAX];
    unsigned root_count;
};

static uint32_t table_begin(struct build *b, const char signature[4]) {
    struct table_writer *w = b->w;
    table_align(w, 8);
    uint32_t start = (uint32_t)w->used;
    table_bytes(w, signature, 4);
    table_u32(w, 0); // length
    table_u8(w, 1);  // revision
    table_u8(w, 0);  // checksum
    table_bytes(w, "BLKHD BLKHDPC ", 14);
    table_u32(w, 1);
    table_bytes(w, "BLKH", 4);
    table_u32(w, 1);
    return start;
}

static void table_end(struct build *b, uint32_t start) {
    struct table_writer *w = b->w;
    if (w->full)
        return;
    uint32_t length = (uint32_t)w->used - start;
    memcpy(w->bytes + start + HEADER_LENGTH, &length, sizeof length);
    w->bytes[start + HEADER_CHECKSUM] = table_checksum(w->bytes + start, length);
}

// Ends a table whose pointers the loader will change: it has to set the checksum again.
static void table_end_linked(struct build *b, uint32_t start) {
    table_end(b, start);
    loader_checksum(b->loader, ACPI_TABLES_FILE, start + HEADER_CHECKSUM, start, (uint32_t)b->w->used - start);
}

static void root_add(struct build *b, uint32_t start) {
    if (b->root_count < ROOT_ENTRIES_MAX)
        b->roots[b->root_count++] = start;
}

// ACPI 1.0b 5.2.6. The loader puts the file on a boundary of 64 bytes, and the FACS is the first in it.
static void facs(struct build *b) {
    b->facs = (uint32_t)b->w->used;
    table_bytes(b->w, "FACS", 4);
    table_u32(b->w, 64);
    table_zeros(b->w, 56);
}

static void dsdt(struct build *b) {
    table_align(b->w, 8);
    b->dsdt = (uint32_t)b->w->used;
    table_bytes(b->w, acpi_dsdt, acpi_dsdt_bytes);
}

static void fadt(struct build *b) {
    static const struct {
        uint8_t bytes;
        uint32_t value;
    } fields[] = {
        {1, 1},                                // INT_MODEL: APIC
        {1, 0},                                // reserved
        {2, PIIX4_PM_IRQ},                     // SCI_INT
        {4, PIIX4_PM_PORT_COMMAND},            // SMI_CMD
        {1, PIIX4_PM_ACPI_ENABLE},             // ACPI_ENABLE
        {1, PIIX4_PM_ACPI_DISABLE},            // ACPI_DISABLE
        {2, 0},                                // S4BIOS_REQ, reserved
        {4, PIIX4_PM_BASE + PIIX4_PM_EVENT},   // PM1a_EVT_BLK
        {4, 0},                                // PM1b_EVT_BLK
        {4, PIIX4_PM_BASE + PIIX4_PM_CONTROL}, // PM1a_CNT_BLK
        {4, 0},                                // PM1b_CNT_BLK
        {4, 0},                                // PM2_CNT_BLK
        {4, PIIX4_PM_BASE + PIIX4_PM_TIMER},   // PM_TMR_BLK
        {4, PIIX4_PM_BASE + PIIX4_PM_GPE0},    // GPE0_BLK
        {4, 0},                                // GPE1_BLK
        {1, 4},                                // PM1_EVT_LEN
        {1, 2},                                // PM1_CNT_LEN
        {1, 0},                                // PM2_CNT_LEN
        {1, 4},                                // PM_TM_LEN
        {1, 4},                                // GPE0_BLK_LEN
        {1, 0},                                // GPE1_BLK_LEN
        {1, 0},                                // GPE1_BASE
        {1, 0},                                // reserved
        {2, 0xfff},                            // P_LVL2_LAT: no C2
        {2, 0xfff},                            // P_LVL3_LAT: no C3
        {4, 0},                                // FLUSH_SIZE, FLUSH_STRIDE
        {2, 0},                                // DUTY_OFFSET, DUTY_WIDTH
        {2, 0},                                // DAY_ALRM, MON_ALRM
        {1, 0x32},                             // CENTURY
        {3, 0},                                // reserved
        {4, FADT_FLAGS},
    };
    uint32_t start = table_begin(b, "FACP");
    table_u32(b->w, b->facs);
    table_u32(b->w, b->dsdt);
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
        table_number(b->w, fields[i].value, fields[i].bytes);
    loader_pointer(b->loader, ACPI_TABLES_FILE, start + FADT_FACS, 4, ACPI_TABLES_FILE);
    loader_pointer(b->loader, ACPI_TABLES_FILE, start + FADT_DSDT, 4, ACPI_TABLES_FILE);
    table_end_linked(b, start);
    root_add(b, start);
}

// Processor (CPnn, id, 0, 0) {}
static void processor(struct table_writer *w, unsigned id) {
    static const char digits[] = "0123456789ABCDEF";
    const char name[4] = {'C', 'P', digits[id >> 4 & 15], digits[id & 15]};
    table_bytes(w, "\x5b\x83\x0b", 3); // ProcessorOp, length
    table_bytes(w, name, sizeof name);
    table_u8(w, (uint8_t)id);
    table_zeros(w, 5);
}

// What differs from machine to machine: Name (\P0S, start of the PCI memory window), Scope (\_PR) { processors }
static void ssdt(struct build *b) {
    struct table_writer *w = b->w;
    uint32_t start = table_begin(b, "SSDT");
    table_bytes(w, "\x08\\P0S_\x0c", 7); // NameOp, DWordPrefix
    table_u32(w, acpi_pci_window(b->machine->memory_below_4g));
    unsigned length = 2 + 5 + 13 * b->machine->cpus;
    table_u8(w, 0x10); // ScopeOp, a length of two bytes
    table_u8(w, (uint8_t)(0x40 | (length & 15)));
    table_u8(w, (uint8_t)(length >> 4));
    table_bytes(w, "\\_PR_", 5);
    for (unsigned i = 0; i < b->machine->cpus; i++)
        processor(w, i);
    table_end(b, start);
    root_add(b, start);
}

// Interrupt source override, ACPI 2.0 5.2.10.8
static void madt_override(struct table_writer *w, uint8_t irq, uint32_t gsi, uint16_t flags) {
    table_u8(w, MADT_OVERRIDE);
    table_u8(w, 10);
    table_u8(w, 0);
    table_u8(w, irq);
    table_u32(w, gsi);
    table_u16(w, flags);
}

// IRQs that the PIRQs' links and SCI may use are level-triggered and, unlike PCI's, active high.
static void madt_interrupts(struct table_writer *w) {
    static const uint8_t level[] = {5, 9, 10, 11};
    madt_override(w, 0, 2, OVERRIDE_AS_BUS);
    for (unsigned i = 0; i < sizeof level; i++)
        madt_override(w, level[i], level[i], OVERRIDE_LEVEL_HIGH);
    table_bytes(w, "\x04\x06\xff\x00\x00\x01", 6); // NMI: LINT1 of all
}

static void madt(struct build *b) {
    struct table_writer *w = b->w;
    uint32_t start = table_begin(b, "APIC");
    table_u32(w, ACPI_LAPIC_GPA);
    table_u32(w, MADT_PCAT_COMPAT);
    for (unsigned i = 0; i < b->machine->cpus; i++) {
        table_u8(w, MADT_LOCAL_APIC);
        table_u8(w, 8);
        table_u8(w, (uint8_t)i);
        table_u8(w, (uint8_t)i);
        table_u32(w, 1); // enabled
    }
    table_u8(w, MADT_IO_APIC);
    table_u8(w, 12);
    table_u16(w, 0); // id
    table_u32(w, ACPI_IOAPIC_GPA);
    table_u32(w, 0);
    madt_interrupts(w);
    table_end(b, start);
    root_add(b, start);
}

// Windows ACPI Emulated Devices Table: the PM timer needs to be read only once.
static void waet(struct build *b) {
    uint32_t start = table_begin(b, "WAET");
    table_u32(b->w, 2);
    table_end(b, start);
    root_add(b, start);
}

static void rsdt(struct build *b) {
    b->rsdt = table_begin(b, "RSDT");
    for (unsigned i = 0; i < b->root_count; i++) {
        uint32_t at = (uint32_t)b->w->used;
        table_u32(b->w, b->roots[i]);
        loader_pointer(b->loader, ACPI_TABLES_FILE, at, 4, ACPI_TABLES_FILE);
    }
    table_end_linked(b, b->rsdt);
}

static void rsdp(struct build *b, uint8_t to[ACPI_RSDP_BYTES]) {
    memset(to, 0, ACPI_RSDP_BYTES);
    memcpy(to, "RSD PTR ", 8);
    memcpy(to + 9, "BLKHD ", 6);
    memcpy(to + RSDP_RSDT, &b->rsdt, sizeof b->rsdt);
    loader_pointer(b->loader, ACPI_RSDP_FILE, RSDP_RSDT, 4, ACPI_TABLES_FILE);
    loader_checksum(b->loader, ACPI_RSDP_FILE, RSDP_CHECKSUM, 0, ACPI_RSDP_BYTES);
}

uint32_t acpi_pci_window(uint32_t memory_below_4g) {
    return memory_below_4g <= 0x80000000u ? 0x80000000u : memory_below_4g <= 0xc0000000u ? 0xc0000000u : 0xe0000000u;
}

bool acpi_tables_build(const struct acpi_machine *machine, struct table_writer *tables, uint8_t to[ACPI_RSDP_BYTES],
                       struct table_loader *loader) {
    struct build b = {.machine = machine, .w = tables, .loader = loader};
    if (machine->cpus < 1 || machine->cpus > ACPI_CPUS_MAX)
        return false;
    loader_allocate(loader, ACPI_RSDP_FILE, 16, LOADER_SEGMENT_F);
    loader_allocate(loader, ACPI_TABLES_FILE, 64, LOADER_HIGH);
    facs(&b);
    dsdt(&b);
    fadt(&b);
    ssdt(&b);
    if (machine->apic)
        madt(&b);
    waet(&b);
    rsdt(&b);
    rsdp(&b, to);
    return !tables->full && !loader->full;
}
