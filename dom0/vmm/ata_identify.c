// What drives say of themselves: IDENTIFY DEVICE (ATA/ATAPI-6 8.15) and IDENTIFY PACKET DEVICE (8.16).
#include "dom0/vmm/ide_internal.h"
#include "lib/string.h"

#define HEADS         16u
#define TRACK_SECTORS 63u
#define CYLINDERS_MAX 16383u
#define LBA28_MAX     0x0fffffffu

struct word {
    uint8_t index;
    uint16_t value;
};

static void set(uint8_t *to, unsigned word, uint64_t value) {
    to[word * 2] = (uint8_t)value;
    to[word * 2 + 1] = (uint8_t)(value >> 8);
}

static void set32(uint8_t *to, unsigned word, uint64_t value) {
    set(to, word, value);
    set(to, word + 1, value >> 16);
}

// Strings are padded with blanks, two characters a word, the first one in the upper byte.
static void set_string(uint8_t *to, unsigned word, unsigned words, const char *text) {
    size_t length = strlen(text);
    for (unsigned i = 0; i < words * 2; i++)
        to[word * 2 + (i ^ 1)] = i < length ? (uint8_t)text[i] : ' ';
}

static void set_words(uint8_t *to, const struct word *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        set(to, words[i].index, words[i].value);
}

// Words 62, 63, 88: which modes there are, and in the upper byte which one is selected.
static void set_modes(uint8_t *to, uint8_t mode) {
    unsigned selected = 0x100u << (mode & 7);
    set(to, 63, 0x07 | ((mode & 0xf8) == 0x20 ? selected : 0));
    set(to, 88, 0x3f | ((mode & 0xf8) == 0x40 ? selected : 0));
}

static void identify_common(const struct ide_drive *drive, const struct ide_drive_state *s, uint8_t *to) {
    static const struct word words[] = {
        {48, 0x0001},                                        // 32-bit accesses to the data port
        {53, 0x0007},                                        // words 54..58, 64..70, 88 are valid
        {64, 0x0003},                                        // PIO 3, 4
        {65, 120},    {66, 120},    {67, 120},    {68, 120}, // cycle times of these, ns
        {80, 0x00f0},                                        // ATA/ATAPI-4 to 7
        {84, 0x4000}, {87, 0x4000}, {93, 0x600b},            // 80-conductor cable, both drives pass
    };
    memset(to, 0, ATA_SECTOR);
    set_words(to, words, sizeof words / sizeof words[0]);
    set_string(to, 10, 10, drive->serial);
    set_string(to, 23, 4, "1.0");
    set_modes(to, s->transfer_mode);
}

static void set_geometry(uint8_t *to, const struct ide_drive_state *s, uint64_t sectors) {
    uint64_t cylinders = sectors / (HEADS * TRACK_SECTORS);
    uint64_t current = sectors / ((uint64_t)s->translation_heads * s->translation_sectors);
    cylinders = cylinders > CYLINDERS_MAX ? CYLINDERS_MAX : cylinders < 1 ? 1 : cylinders;
    current = current > 65535 ? 65535 : current;
    set(to, 1, cylinders);
    set(to, 3, HEADS);
    set(to, 6, TRACK_SECTORS);
    set(to, 54, current);
    set(to, 55, s->translation_heads);
    set(to, 56, s->translation_sectors);
    set32(to, 57, current * s->translation_heads * s->translation_sectors);
}

void ata_identify_disk(const struct ide_drive *drive, const struct ide_drive_state *s, uint8_t *to) {
    static const struct word words[] = {
        {0, 0x0040},                               // not removable
        {20, 3},      {21, 512},     {22, 4},      // obsolete: buffer type, size; ECC bytes
        {47, 0x8010},                              // at most 16 sectors a block
        {49, 0x0f00},                              // IORDY, LBA, DMA
        {50, 0x4000}, {51, 0x0200},  {52, 0x0200}, // PIO and DMA timing, obsolete
        {82, 0x0068},                              // look-ahead, write cache, power management
        {83, 0x7400},                              // FLUSH CACHE (EXT), 48-bit addresses
        {86, 0x3400}, {106, 0x4000},               // one logical sector a physical one
    };
    uint64_t sectors = ide_sectors(drive, ATA_SECTOR);
    identify_common(drive, s, to);
    set_words(to, words, sizeof words / sizeof words[0]);
    set_string(to, 27, 20, "BULKHEAD HARDDISK");
    set_geometry(to, s, sectors);
    set(to, 59, s->multiple ? 0x100u | s->multiple : 0);
    set32(to, 60, sectors < LBA28_MAX ? sectors : LBA28_MAX);
    set(to, 85, 0x0008 | (s->write_cache ? 0x20u : 0) | (s->look_ahead ? 0x40u : 0));
    set32(to, 100, sectors);
    set32(to, 102, sectors >> 32);
}

void ata_identify_cdrom(const struct ide_drive *drive, const struct ide_drive_state *s, uint8_t *to) {
    static const struct word words[] = {
        {0, 0x85c0},            // ATAPI, CD-ROM, removable, DRQ within 50 us, packets of 12 bytes
        {49, 0x0f00},           // IORDY, LBA, DMA
        {71, 30},     {72, 30}, // bus release: not used
        {82, 0x0218},           // DEVICE RESET, PACKET, power management
        {83, 0x4000}, {85, 0x0218},
    };
    identify_common(drive, s, to);
    set_words(to, words, sizeof words / sizeof words[0]);
    set_string(to, 27, 20, "BULKHEAD DVD-ROM");
}
