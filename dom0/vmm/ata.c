// The commands of ATA disks (ATA/ATAPI-6 chapter 8), and the few that CD-ROMs have in common with them.
#include "dom0/vmm/ide_internal.h"
#include "lib/string.h"

enum command_flags {
    DISK = 1,
    CDROM = 2,
    EXTENDED = 4, // 48-bit addresses
    DMA = 8,
    MULTIPLE = 16,
    WRITE = 32,
};

#define MULTIPLE_MAX 16

static unsigned flags_of(uint8_t command);

// --- Addresses -------------------------------------------------------------------------------------------------------

static uint32_t sector_count(const struct ide_drive_state *d, bool extended) {
    uint32_t count = extended ? (uint32_t)(d->count[1] << 8 | d->count[0]) : d->count[0];
    return count ? count : extended ? 65536 : 256;
}

static uint64_t address_48(const struct ide_drive_state *d) {
    return (uint64_t)d->lba_high[1] << 40 | (uint64_t)d->lba_mid[1] << 32 | (uint64_t)d->lba_low[1] << 24 |
           (uint64_t)d->lba_high[0] << 16 | (uint64_t)d->lba_mid[0] << 8 | d->lba_low[0];
}

// The sector that the task file names; UINT64_MAX for a CHS address that cannot be.
static uint64_t address(const struct ide_drive_state *d, bool extended) {
    if (extended)
        return address_48(d);
    if (d->device & ATA_LBA)
        return (uint64_t)(d->device & 15) << 24 | (uint64_t)d->lba_high[0] << 16 | (uint64_t)d->lba_mid[0] << 8 |
               d->lba_low[0];
    uint64_t cylinder = (uint64_t)(d->lba_high[0] << 8 | d->lba_mid[0]);
    uint32_t head = d->device & 15, sector = d->lba_low[0];
    if (sector == 0 || sector > d->translation_sectors || head >= d->translation_heads)
        return UINT64_MAX;
    return (cylinder * d->translation_heads + head) * d->translation_sectors + sector - 1;
}

static void set_chs(struct ide_drive_state *d, uint64_t lba) {
    uint64_t track = lba / d->translation_sectors, cylinder = track / d->translation_heads;
    d->lba_low[0] = (uint8_t)(lba % d->translation_sectors + 1);
    d->lba_mid[0] = (uint8_t)cylinder;
    d->lba_high[0] = (uint8_t)(cylinder >> 8);
    d->device = (uint8_t)((d->device & 0xf0) | track % d->translation_heads);
}

void ata_set_address(struct ide_channel *channel, uint64_t lba) {
    struct ide_drive_state *d = ide_owner_state(channel);
    bool extended = ide_state_of(channel)->extended;
    if (!extended && !(d->device & ATA_LBA)) {
        set_chs(d, lba);
        return;
    }
    d->lba_low[0] = (uint8_t)lba;
    d->lba_mid[0] = (uint8_t)(lba >> 8);
    d->lba_high[0] = (uint8_t)(lba >> 16);
    if (extended) {
        d->lba_low[1] = (uint8_t)(lba >> 24);
        d->lba_mid[1] = (uint8_t)(lba >> 32);
        d->lba_high[1] = (uint8_t)(lba >> 40);
    } else {
        d->device = (uint8_t)((d->device & 0xf0) | (lba >> 24 & 15));
    }
}

// --- Data ------------------------------------------------------------------------------------------------------------

static bool range_good(struct ide_channel *channel, bool extended) {
    const struct ide_drive_state *d = ide_owner_state(channel);
    uint64_t sectors = ide_sectors(ide_owner(channel), ATA_SECTOR);
    uint64_t lba = address(d, extended);
    if (lba < sectors && sector_count(d, extended) <= sectors - lba)
        return true;
    ide_fail(channel, ATA_IDNF);
    return false;
}

static void transfer(struct ide_channel *channel, uint8_t command) {
    struct ide_channel_state *s = ide_state_of(channel);
    const struct ide_drive_state *d = ide_owner_state(channel);
    unsigned flags = flags_of(command);
    bool extended = (flags & EXTENDED) != 0;
    bool read_only = ide_owner(channel)->block->read_only;
    if ((flags & MULTIPLE && d->multiple == 0) || (flags & WRITE && read_only)) {
        ide_fail(channel, ATA_ABRT);
        return;
    }
    if (!range_good(channel, extended))
        return;
    s->dma = (flags & DMA) != 0;
    s->extended = extended;
    s->block_bytes = ATA_SECTOR * (flags & MULTIPLE ? d->multiple : 1u);
    s->position = address(d, extended) * ATA_SECTOR;
    s->left = (uint64_t)sector_count(d, extended) * ATA_SECTOR;
    if (flags & WRITE)
        ide_start_write(channel);
    else
        ide_start_read(channel);
}

static void verify(struct ide_channel *channel, uint8_t command) {
    if (range_good(channel, (flags_of(command) & EXTENDED) != 0))
        ide_finish(channel);
}

static void flush(struct ide_channel *channel, uint8_t command) {
    (void)command;
    if (ide_owner(channel)->kind == IDE_DISK)
        ide_start_flush(channel);
    else
        ide_finish(channel);
}

static void seek(struct ide_channel *channel, uint8_t command) {
    (void)command;
    if (address(ide_owner_state(channel), false) < ide_sectors(ide_owner(channel), ATA_SECTOR))
        ide_finish(channel);
    else
        ide_fail(channel, ATA_IDNF);
}

// --- Identity and settings -------------------------------------------------------------------------------------------

static void identify(struct ide_channel *channel, uint8_t command) {
    struct ide_channel_state *s = ide_state_of(channel);
    const struct ide_drive_state *d = ide_owner_state(channel);
    (void)command;
    s->block_bytes = ATA_SECTOR;
    if (ide_owner(channel)->kind == IDE_DISK)
        ata_identify_disk(ide_owner(channel), d, s->buffer);
    else
        ata_identify_cdrom(ide_owner(channel), d, s->buffer);
    ide_start_answer(channel, ATA_SECTOR);
}

static void set_features(struct ide_channel *channel, uint8_t command) {
    struct ide_drive_state *d = ide_owner_state(channel);
    (void)command;
    switch (d->feature[0]) {
    case 0x02: // enable, disable write cache
    case 0x82:
        d->write_cache = d->feature[0] == 0x02;
        break;
    case 0xaa: // enable, disable look-ahead
    case 0x55:
        d->look_ahead = d->feature[0] == 0xaa;
        break;
    case 0x03: // transfer mode: PIO default, PIO 0..4, multiword DMA 0..2, Ultra DMA 0..5
        if (d->count[0] > 1 && (d->count[0] < 0x08 || d->count[0] > 0x0c) &&
            (d->count[0] < 0x20 || d->count[0] > 0x22) && (d->count[0] < 0x40 || d->count[0] > 0x45)) {
            ide_fail(channel, ATA_ABRT);
            return;
        }
        d->transfer_mode = d->count[0];
        break;
    case 0x66: // keep, or revert to, power-on defaults at a software reset
    case 0xcc:
        break;
    default:
        ide_fail(channel, ATA_ABRT);
        return;
    }
    ide_finish(channel);
}

static void set_multiple(struct ide_channel *channel, uint8_t command) {
    struct ide_drive_state *d = ide_owner_state(channel);
    (void)command;
    if (d->count[0] > MULTIPLE_MAX || (d->count[0] & (d->count[0] - 1)) != 0) {
        ide_fail(channel, ATA_ABRT);
        return;
    }
    d->multiple = d->count[0];
    ide_finish(channel);
}

static void initialize_parameters(struct ide_channel *channel, uint8_t command) {
    struct ide_drive_state *d = ide_owner_state(channel);
    (void)command;
    if (d->count[0] == 0) {
        ide_fail(channel, ATA_ABRT);
        return;
    }
    d->translation_heads = (uint8_t)((d->device & 15) + 1);
    d->translation_sectors = d->count[0];
    ide_finish(channel);
}

static void read_native_max(struct ide_channel *channel, uint8_t command) {
    struct ide_channel_state *s = ide_state_of(channel);
    struct ide_drive_state *d = ide_owner_state(channel);
    uint64_t last = ide_sectors(ide_owner(channel), ATA_SECTOR) - 1;
    s->extended = (flags_of(command) & EXTENDED) != 0;
    d->device |= ATA_LBA;
    ata_set_address(channel, s->extended || last < 0x0fffffff ? last : 0x0fffffff);
    ide_finish(channel);
}

// --- Power, reset, and what only ends --------------------------------------------------------------------------------

static void power(struct ide_channel *channel, uint8_t command) {
    struct ide_drive_state *d = ide_owner_state(channel);
    static const uint8_t commands[][2] = {{0xe0, 0x94}, {0xe1, 0x95}, {0xe2, 0x96},
                                          {0xe3, 0x97}, {0xe5, 0x98}, {0xe6, 0x99}};
    static const uint8_t standby[] = {1, 0, 0, 0, 0, 1};
    for (unsigned i = 0; i < sizeof standby; i++) {
        if (command != commands[i][0] && command != commands[i][1])
            continue;
        if (command == 0xe5 || command == 0x98)
            d->count[0] = d->standby ? 0 : 0xff;
        else
            d->standby = standby[i];
    }
    ide_finish(channel);
}

static void good(struct ide_channel *channel, uint8_t command) {
    (void)command;
    ide_finish(channel);
}

static void device_reset(struct ide_channel *channel, uint8_t command) {
    (void)command;
    ide_begin_reset(channel, IDE_RESET_DRIVE);
    ide_end_reset(channel);
}

// Both drives run it, drive 0 (if there is one) answers for both, and is selected then.
static void diagnostic(struct ide_channel *channel, uint8_t command) {
    struct ide_channel_state *s = ide_state_of(channel);
    (void)command;
    s->control &= (uint8_t)~ATA_SRST;
    ide_begin_reset(channel, IDE_RESET_CHANNEL);
    ide_end_reset(channel);
    s->owner = channel->ide->drives[channel->index][0].kind == IDE_NONE;
    ide_interrupt(channel);
}

static void packet(struct ide_channel *channel, uint8_t command) {
    struct ide_channel_state *s = ide_state_of(channel);
    struct ide_drive_state *d = ide_owner_state(channel);
    (void)command;
    uint32_t limit = (uint32_t)(d->lba_high[0] << 8 | d->lba_mid[0]);
    if (d->feature[0] & 2) { // overlapped
        ide_fail(channel, ATA_ABRT);
        return;
    }
    s->packet = 1;
    s->dma = d->feature[0] & 1;
    s->block_bytes = limit == 0xffff ? 0xfffe : limit;
    ide_start_packet(channel);
}

// --- Table -----------------------------------------------------------------------------------------------------------

static const struct operation {
    void (*run)(struct ide_channel *channel, uint8_t command);
    unsigned flags;
} operations[256] = {
    [0x08] = {device_reset, CDROM},
    [0x10 ... 0x1f] = {good, DISK}, // RECALIBRATE
    [0x20 ... 0x21] = {transfer, DISK},
    [0x24] = {transfer, DISK | EXTENDED},
    [0x25] = {transfer, DISK | EXTENDED | DMA},
    [0x27] = {read_native_max, DISK | EXTENDED},
    [0x29] = {transfer, DISK | EXTENDED | MULTIPLE},
    [0x30 ... 0x31] = {transfer, DISK | WRITE},
    [0x34] = {transfer, DISK | EXTENDED | WRITE},
    [0x35] = {transfer, DISK | EXTENDED | WRITE | DMA},
    [0x39] = {transfer, DISK | EXTENDED | WRITE | MULTIPLE},
    [0x40 ... 0x41] = {verify, DISK},
    [0x42] = {verify, DISK | EXTENDED},
    [0x70 ... 0x7f] = {seek, DISK},
    [0x90] = {diagnostic, DISK | CDROM},
    [0x91] = {initialize_parameters, DISK},
    [0x94 ... 0x99] = {power, DISK | CDROM},
    [0xa0] = {packet, CDROM},
    [0xa1] = {identify, CDROM},
    [0xc4] = {transfer, DISK | MULTIPLE},
    [0xc5] = {transfer, DISK | WRITE | MULTIPLE},
    [0xc6] = {set_multiple, DISK},
    [0xc8 ... 0xc9] = {transfer, DISK | DMA},
    [0xca ... 0xcb] = {transfer, DISK | WRITE | DMA},
    [0xe0 ... 0xe3] = {power, DISK | CDROM},
    [0xe5 ... 0xe6] = {power, DISK | CDROM},
    [0xe7] = {flush, DISK | CDROM},
    [0xea] = {flush, DISK | EXTENDED},
    [0xec] = {identify, DISK},
    [0xef] = {set_features, DISK | CDROM},
    [0xf8] = {read_native_max, DISK},
};

static unsigned flags_of(uint8_t command) {
    return operations[command].flags;
}

// The others abort, NOP among them. A CD-ROM shows its signature after IDENTIFY DEVICE and READ SECTORS (9.12).
void ata_command(struct ide_channel *channel, uint8_t command) {
    struct ide_channel_state *s = ide_state_of(channel);
    const struct operation *operation = &operations[command];
    bool cdrom = ide_owner(channel)->kind == IDE_CDROM;
    if (!(operation->flags & (cdrom ? CDROM : DISK))) {
        if (cdrom && (command == 0xec || command == 0x20 || command == 0x21))
            ide_set_signature(channel->ide, channel->index, s->owner);
        ide_fail(channel, ATA_ABRT);
        return;
    }
    s->write = s->dma = s->packet = s->raw_sectors = s->extended = 0;
    s->left = 0;
    ide_owner_state(channel)->error = 0;
    operation->run(channel, command);
}
