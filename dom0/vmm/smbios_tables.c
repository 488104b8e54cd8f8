// Building the SMBIOS structures: types 0, 1, 3, 4 (one a vCPU), 16, 17, 19, 32, 127.
#include "dom0/vmm/smbios_tables.h"
#include "lib/format.h"

#define MAKER  "Bulkhead"
#define MODEL  "domU"
#define NUMBER "1.0"

#define MIB (1024u * 1024)
#define GIB (1024ull * MIB)

#define ANCHOR_CHECKSUM      4u // offsets in the entry point
#define ANCHOR_INTERMEDIATE  16u
#define ANCHOR_INTER_CHECK   21u
#define ANCHOR_TABLE_LENGTH  22u
#define ANCHOR_TABLE_ADDRESS 24u
#define ANCHOR_STRUCTURES    28u

#define HANDLE_BIOS      0x0000u
#define HANDLE_SYSTEM    0x0100u
#define HANDLE_CHASSIS   0x0300u
#define HANDLE_CPU       0x0400u // + number
#define HANDLE_ARRAY     0x1000u
#define HANDLE_MEMORY    0x1100u
#define HANDLE_MAPPED    0x1300u // + number
#define HANDLE_BOOT_INFO 0x2000u
#define HANDLE_END       0x7f00u
#define HANDLE_NONE      0xfffeu

struct build {
    struct table_writer *w;
    unsigned structures;
    size_t largest, start;
};

static void begin(struct build *b, uint8_t type, uint8_t length, unsigned handle) {
    b->start = b->w->used;
    table_u8(b->w, type);
    table_u8(b->w, length);
    table_u16(b->w, (uint16_t)handle);
}

// Ends a structure with its strings, which fields name by 1, 2, ...; one NUL after each, and one after all.
static void end(struct build *b, const char *const *strings, size_t count) {
    for (size_t i = 0; i < count; i++)
        table_bytes(b->w, strings[i], strlen(strings[i]) + 1);
    table_zeros(b->w, count ? 1 : 2);
    b->structures++;
    if (b->w->used - b->start > b->largest)
        b->largest = b->w->used - b->start;
}

// 7.1
static void bios(struct build *b) {
    static const char *const strings[] = {MAKER, NUMBER, "01/01/2025"};
    begin(b, 0, 24, HANDLE_BIOS);
    table_bytes(b->w, "\x01\x02", 2);
    table_u16(b->w, 0xe800);     // segment of the runtime code
    table_u8(b->w, 3);           // date
    table_u8(b->w, 0);           // 64 KiB
    table_number(b->w, 0x08, 8); // characteristics are not given
    table_u16(b->w, 0x1400);     // virtual machine, targeted content distribution
    table_u32(b->w, 0xffff0001); // release 1.0, no embedded controller
    end(b, strings, 3);
}

// A UUID's first three fields are little-endian (7.2.1).
static void put_uuid(struct table_writer *w, const uint8_t uuid[16]) {
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    for (unsigned i = 0; i < sizeof order; i++)
        table_u8(w, uuid[order[i]]);
}

// 7.2; the serial number is the UUID, as on Xen.
static void system_information(struct build *b, const uint8_t uuid[16]) {
    char serial[37];
    const char *const strings[] = {MAKER, MODEL, NUMBER, serial};
    size_t at = 0;
    for (unsigned i = 0; i < 16; i++)
        at += (size_t)format(serial + at, sizeof serial - at, "%s%02x",
                             i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
    begin(b, 1, 27, HANDLE_SYSTEM);
    table_bytes(b->w, "\x01\x02\x03\x04", 4);
    put_uuid(b->w, uuid);
    table_bytes(b->w, "\x06\x00\x00", 3); // wake-up by power switch; no SKU, no family
    end(b, strings, 4);
}

// 7.4
static void chassis(struct build *b) {
    static const char *const strings[] = {MAKER};
    begin(b, 3, 21, HANDLE_CHASSIS);
    table_bytes(b->w, "\x01\x01\x00\x00\x00", 5); // type: other
    table_bytes(b->w, "\x03\x03\x03\x02", 4);     // states safe, security unknown
    table_zeros(b->w, 8);
    end(b, strings, 1);
}

// 7.5
static void processor(struct build *b, unsigned number) {
    char socket[16];
    const char *const strings[] = {socket, MAKER, NUMBER};
    (void)format(socket, sizeof socket, "CPU %u", number);
    begin(b, 4, 42, HANDLE_CPU + number);
    table_bytes(b->w, "\x01\x03\x01\x02", 4); // socket; central processor; family: other; manufacturer
    table_zeros(b->w, 8);                     // ID
    table_bytes(b->w, "\x03\x00", 2);         // version; voltage
    table_zeros(b->w, 6);                     // clock, speeds: unknown
    table_bytes(b->w, "\x41\x01", 2);         // populated, enabled; upgrade: other
    for (unsigned cache = 0; cache < 3; cache++)
        table_u16(b->w, 0xffff);
    table_zeros(b->w, 3);                 // serial number, asset tag, part number
    table_bytes(b->w, "\x01\x01\x01", 3); // cores, enabled cores, threads
    table_u16(b->w, 0x0004);              // 64-bit capable
    table_u16(b->w, 0x0001);              // family
    end(b, strings, 3);
}

// 7.17. Capacities of 2 TiB and more have a field of their own.
static void memory_array(struct build *b, uint64_t bytes) {
    bool large = bytes >= 0x80000000ull * 1024;
    begin(b, 16, 23, HANDLE_ARRAY);
    table_bytes(b->w, "\x01\x03\x06", 3); // other; system memory; multi-bit ECC
    table_u32(b->w, large ? 0x80000000u : (uint32_t)(bytes / 1024));
    table_u16(b->w, HANDLE_NONE);
    table_u16(b->w, 1);
    table_number(b->w, large ? bytes : 0, 8);
    end(b, NULL, 0);
}

// 7.18. Sizes of 32 GiB - 1 MiB and more have a field of their own.
static void memory_device(struct build *b, uint64_t bytes) {
    static const char *const strings[] = {"DIMM 0", MAKER};
    uint64_t mib = bytes / MIB;
    bool large = mib >= 0x7fff;
    begin(b, 17, 40, HANDLE_MEMORY);
    table_u16(b->w, HANDLE_ARRAY);
    table_u16(b->w, HANDLE_NONE);
    table_u32(b->w, 0xffffffff); // widths unknown
    table_u16(b->w, large ? 0x7fff : (uint16_t)mib);
    table_bytes(b->w, "\x09\x00\x01\x00\x07", 5); // DIMM; no set; locator, no bank locator; RAM
    table_u16(b->w, 0x0002);                      // other
    table_u16(b->w, 0);                           // speed unknown
    table_bytes(b->w, "\x02\x00\x00\x00\x00", 5); // manufacturer; no serial number, asset tag, part number; rank
    table_u32(b->w, large ? (uint32_t)mib : 0);
    table_zeros(b->w, 2 + 6);
    end(b, strings, 2);
}

// 7.20
static void memory_mapped(struct build *b, unsigned number, uint64_t start, uint64_t bytes) {
    if (bytes == 0)
        return;
    bool large = (start + bytes) / 1024 > 0xffffffff;
    begin(b, 19, 31, HANDLE_MAPPED + number);
    table_u32(b->w, large ? 0xffffffff : (uint32_t)(start / 1024));
    table_u32(b->w, large ? 0xffffffff : (uint32_t)((start + bytes) / 1024 - 1));
    table_u16(b->w, HANDLE_ARRAY);
    table_u8(b->w, 1);
    table_number(b->w, large ? start : 0, 8);
    table_number(b->w, large ? start + bytes - 1 : 0, 8);
    end(b, NULL, 0);
}

static void boot_information(struct build *b) {
    begin(b, 32, 11, HANDLE_BOOT_INFO); // 7.33: no errors
    table_zeros(b->w, 7);
    end(b, NULL, 0);
    begin(b, 127, 4, HANDLE_END);
    end(b, NULL, 0);
}

static void put16(uint8_t *to, size_t value) {
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static void anchor_fill(const struct build *b, uint8_t anchor[SMBIOS_ANCHOR_BYTES]) {
    static const uint8_t start[] = {'_', 'S', 'M', '_', 0, SMBIOS_ANCHOR_BYTES, 2, 8};
    memset(anchor, 0, SMBIOS_ANCHOR_BYTES);
    memcpy(anchor, start, sizeof start);
    put16(anchor + 8, b->largest);
    memcpy(anchor + ANCHOR_INTERMEDIATE, "_DMI_", 5);
    put16(anchor + ANCHOR_TABLE_LENGTH, b->w->used);
    put16(anchor + ANCHOR_STRUCTURES, b->structures);
    anchor[30] = 0x28;
    smbios_anchor_link(anchor, 0);
}

void smbios_anchor_link(uint8_t anchor[SMBIOS_ANCHOR_BYTES], uint32_t tables_gpa) {
    memcpy(anchor + ANCHOR_TABLE_ADDRESS, &tables_gpa, sizeof tables_gpa);
    anchor[ANCHOR_CHECKSUM] = anchor[ANCHOR_INTER_CHECK] = 0;
    anchor[ANCHOR_INTER_CHECK] =
        table_checksum(anchor + ANCHOR_INTERMEDIATE, SMBIOS_ANCHOR_BYTES - ANCHOR_INTERMEDIATE);
    anchor[ANCHOR_CHECKSUM] = table_checksum(anchor, SMBIOS_ANCHOR_BYTES);
}

bool smbios_tables_build(const struct smbios_machine *machine, struct table_writer *tables,
                         uint8_t anchor[SMBIOS_ANCHOR_BYTES]) {
    struct build b = {.w = tables};
    uint64_t bytes = machine->memory_below_4g + machine->memory_above_4g;
    bios(&b);
    system_information(&b, machine->uuid);
    chassis(&b);
    for (unsigned i = 0; i < machine->cpus; i++)
        processor(&b, i);
    memory_array(&b, bytes);
    memory_device(&b, bytes);
    memory_mapped(&b, 0, 0, machine->memory_below_4g);
    memory_mapped(&b, 1, 4 * GIB, machine->memory_above_4g);
    boot_information(&b);
    anchor_fill(&b, anchor);
    return !tables->full;
}
