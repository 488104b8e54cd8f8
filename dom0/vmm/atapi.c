// The packet commands of an ATAPI CD-ROM (MMC-3; SPC-2 for those that all SCSI devices have; ATA/ATAPI-6 9.8 for the
// protocol). What the answers say about the medium is made in atapi_answer.c.
#include "dom0/vmm/ide_internal.h"
#include "lib/string.h"

// Sense keys, SPC-2 7.20.2
#define NOT_READY       2
#define ILLEGAL_REQUEST 5
#define UNIT_ATTENTION  6

// Additional sense codes
#define INVALID_OPERATION_CODE   0x20
#define LBA_OUT_OF_RANGE         0x21
#define INVALID_FIELD_IN_CDB     0x24
#define MEDIUM_MAY_HAVE_CHANGED  0x28
#define MEDIUM_NOT_PRESENT       0x3a
#define MEDIUM_REMOVAL_PREVENTED 0x53 // ascq 2

static uint32_t get16(const uint8_t *from) {
    return (uint32_t)from[0] << 8 | from[1];
}

static uint32_t get32(const uint8_t *from) {
    return get16(from) << 16 | get16(from + 2);
}

static void put32(uint8_t *to, uint64_t value) {
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - i * 8));
}

static void set_sense(struct ide_drive_state *d, uint8_t key, uint8_t asc, uint8_t ascq) {
    d->sense_key = key;
    d->sense_asc = asc;
    d->sense_ascq = ascq;
}

void atapi_finish(struct ide_channel *channel) {
    ide_owner_state(channel)->count[0] = ATAPI_IO | ATAPI_COD;
    ide_owner_state(channel)->error = 0;
    ide_finish(channel);
}

void atapi_error(struct ide_channel *channel, uint8_t key, uint8_t asc, uint8_t ascq) {
    struct ide_drive_state *d = ide_owner_state(channel);
    set_sense(d, key, asc, ascq);
    d->count[0] = ATAPI_IO | ATAPI_COD;
    ide_fail(channel, (uint8_t)(key << 4 | ATA_ABRT));
}

static void invalid_field(struct ide_channel *channel) {
    atapi_error(channel, ILLEGAL_REQUEST, INVALID_FIELD_IN_CDB, 0);
}

// PIO needs a byte count limit to return data under.
static bool limit_good(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    if (s->dma || s->block_bytes >= 2)
        return true;
    invalid_field(channel);
    return false;
}

// Returns the first `bytes` of the buffer, as far as the guest has allocated room.
static void answer(struct ide_channel *channel, uint32_t bytes, uint32_t allocated) {
    struct ide_channel_state *s = ide_state_of(channel);
    bytes = bytes < allocated ? bytes : allocated;
    if (bytes == 0) {
        atapi_finish(channel);
        return;
    }
    if (!limit_good(channel))
        return;
    if (bytes > s->block_bytes)
        s->block_bytes &= ~1u; // only the last block of a transfer may be odd
    ide_start_answer(channel, bytes);
}

// --- Reading ---------------------------------------------------------------------------------------------------------

static void read_sectors(struct ide_channel *channel, uint32_t lba, uint32_t count) {
    struct ide_channel_state *s = ide_state_of(channel);
    uint64_t sectors = ide_sectors(ide_owner(channel), CDROM_SECTOR);
    if (lba > sectors || count > sectors - lba) {
        atapi_error(channel, ILLEGAL_REQUEST, LBA_OUT_OF_RANGE, 0);
    } else if (count == 0) {
        atapi_finish(channel);
    } else if (limit_good(channel)) {
        s->block_bytes &= ~1u;
        s->position = (uint64_t)lba * CDROM_SECTOR;
        s->left = (uint64_t)count * CDROM_SECTOR;
        ide_start_read(channel);
    }
}

static void read_10(struct ide_channel *channel, const uint8_t *packet) {
    read_sectors(channel, get32(packet + 2), get16(packet + 7));
}

static void read_12(struct ide_channel *channel, const uint8_t *packet) {
    read_sectors(channel, get32(packet + 2), get32(packet + 6));
}

// MMC-3 6.19: user data alone, or all fields of mode 1 sectors.
static void read_cd(struct ide_channel *channel, const uint8_t *packet) {
    struct ide_channel_state *s = ide_state_of(channel);
    unsigned type = packet[1] >> 2 & 7, fields = packet[9] & 0xf8;
    uint32_t count = (uint32_t)packet[6] << 16 | get16(packet + 7);
    bool good_fields = fields == 0 || fields == 0x10 || fields == 0xf8;
    if ((type != 0 && type != 2) || !good_fields || packet[9] & 6 || packet[10] & 7) {
        invalid_field(channel);
        return;
    }
    s->raw_sectors = fields == 0xf8;
    read_sectors(channel, get32(packet + 2), fields ? count : 0);
}

static void seek(struct ide_channel *channel, const uint8_t *packet) {
    if (get32(packet + 2) < ide_sectors(ide_owner(channel), CDROM_SECTOR))
        atapi_finish(channel);
    else
        atapi_error(channel, ILLEGAL_REQUEST, LBA_OUT_OF_RANGE, 0);
}

static void read_capacity(struct ide_channel *channel, const uint8_t *packet) {
    uint8_t *to = ide_state_of(channel)->buffer;
    (void)packet;
    put32(to, ide_sectors(ide_owner(channel), CDROM_SECTOR) - 1);
    put32(to + 4, CDROM_SECTOR);
    answer(channel, 8, 8);
}

// --- The drive -------------------------------------------------------------------------------------------------------

static void test_unit_ready(struct ide_channel *channel, const uint8_t *packet) {
    (void)packet;
    atapi_finish(channel);
}

// SPC-2 7.20: fixed format; reading the sense clears it.
static void request_sense(struct ide_channel *channel, const uint8_t *packet) {
    struct ide_drive_state *d = ide_owner_state(channel);
    uint8_t *to = ide_state_of(channel)->buffer;
    memset(to, 0, 18);
    if (d->medium_changed && d->sense_key == 0) {
        set_sense(d, UNIT_ATTENTION, MEDIUM_MAY_HAVE_CHANGED, 0);
        d->medium_changed = 0;
    }
    to[0] = 0x70;
    to[2] = d->sense_key;
    to[7] = 10;
    to[12] = d->sense_asc;
    to[13] = d->sense_ascq;
    set_sense(d, 0, 0, 0);
    answer(channel, 18, packet[4]);
}

static void inquiry(struct ide_channel *channel, const uint8_t *packet) {
    static const uint8_t data[36] = {5,   0x80, 0,   0x21, 31,  0,   0,   0,   'B', 'U', 'L', 'K',
                                     'H', 'E',  'A', 'D',  'D', 'V', 'D', '-', 'R', 'O', 'M', ' ',
                                     ' ', ' ',  ' ', ' ',  ' ', ' ', ' ', ' ', '1', '.', '0', ' '};
    if (packet[1] & 3 || packet[2]) { // vital product data, command support data
        invalid_field(channel);
        return;
    }
    memcpy(ide_state_of(channel)->buffer, data, sizeof data);
    answer(channel, sizeof data, get16(packet + 3));
}

// Ejecting takes effect for the guest only: the medium stays attached and comes back with a load.
static void start_stop_unit(struct ide_channel *channel, const uint8_t *packet) {
    struct ide_drive_state *d = ide_owner_state(channel);
    bool load_eject = packet[4] & 2, start = packet[4] & 1;
    if (load_eject && !start && d->locked) {
        atapi_error(channel, ILLEGAL_REQUEST, MEDIUM_REMOVAL_PREVENTED, 2);
        return;
    }
    if (load_eject && d->ejected == start) {
        d->ejected = !start;
        d->medium_changed = start && ide_owner(channel)->block;
        d->medium_event = start ? 2 : 3;
    }
    atapi_finish(channel);
}

static void prevent_allow(struct ide_channel *channel, const uint8_t *packet) {
    ide_owner_state(channel)->locked = packet[4] & 1;
    atapi_finish(channel);
}

static void mechanism_status(struct ide_channel *channel, const uint8_t *packet) {
    uint8_t *to = ide_state_of(channel)->buffer;
    memset(to, 0, 8);
    to[1] = ide_owner_state(channel)->ejected ? 0x10 : 0;
    answer(channel, 8, get16(packet + 8));
}

// MMC-3 6.7: polled, and only of the medium's class.
static void event_status(struct ide_channel *channel, const uint8_t *packet) {
    struct ide_drive_state *d = ide_owner_state(channel);
    uint8_t *to = ide_state_of(channel)->buffer;
    if (!(packet[1] & 1)) {
        invalid_field(channel);
        return;
    }
    bool media = packet[4] & 0x10;
    memset(to, 0, 8);
    to[1] = media ? 6 : 2;
    to[2] = media ? 4 : 0x80; // NEA: no event available of these classes
    to[3] = 0x10;
    if (media) {
        to[4] = d->medium_event;
        to[5] = (uint8_t)((d->ejected ? 1 : 0) | (ide_owner(channel)->block && !d->ejected ? 2 : 0));
        d->medium_event = 0;
    }
    answer(channel, media ? 8 : 4, get16(packet + 7));
}

// --- Answers about the medium ----------------------------------------------------------------------------------------

static void answer_or_invalid(struct ide_channel *channel, uint32_t bytes, uint32_t allocated) {
    if (bytes > 0)
        answer(channel, bytes, allocated);
    else
        invalid_field(channel);
}

static void read_toc(struct ide_channel *channel, const uint8_t *packet) {
    uint64_t sectors = ide_sectors(ide_owner(channel), CDROM_SECTOR);
    uint32_t bytes = atapi_read_toc(sectors, packet, ide_state_of(channel)->buffer);
    answer_or_invalid(channel, bytes, get16(packet + 7));
}

static void mode_sense(struct ide_channel *channel, const uint8_t *packet) {
    uint32_t bytes = atapi_mode_sense(ide_owner_state(channel), packet, ide_state_of(channel)->buffer);
    answer_or_invalid(channel, bytes, get16(packet + 7));
}

static void get_configuration(struct ide_channel *channel, const uint8_t *packet) {
    bool loaded = ide_owner(channel)->block && !ide_owner_state(channel)->ejected;
    uint64_t sectors = loaded ? ide_sectors(ide_owner(channel), CDROM_SECTOR) : 0;
    uint32_t bytes = atapi_configuration(sectors, packet, ide_state_of(channel)->buffer);
    answer_or_invalid(channel, bytes, get16(packet + 7));
}

static void disc_information(struct ide_channel *channel, const uint8_t *packet) {
    answer(channel, atapi_disc_information(ide_state_of(channel)->buffer), get16(packet + 7));
}

// --- Table -----------------------------------------------------------------------------------------------------------

enum packet_flags { MEDIUM = 1, ANY_TIME = 2 }; // needs a medium; is carried out with a unit attention pending

static const struct {
    void (*run)(struct ide_channel *channel, const uint8_t *packet);
    unsigned flags;
} operations[256] = {
    [0x00] = {test_unit_ready, MEDIUM}, [0x03] = {request_sense, ANY_TIME},
    [0x12] = {inquiry, ANY_TIME},       [0x1b] = {start_stop_unit, 0},
    [0x1e] = {prevent_allow, 0},        [0x25] = {read_capacity, MEDIUM},
    [0x28] = {read_10, MEDIUM},         [0x2b] = {seek, MEDIUM},
    [0x43] = {read_toc, MEDIUM},        [0x46] = {get_configuration, ANY_TIME},
    [0x4a] = {event_status, ANY_TIME},  [0x51] = {disc_information, MEDIUM},
    [0x5a] = {mode_sense, 0},           [0xa8] = {read_12, MEDIUM},
    [0xbd] = {mechanism_status, 0},     [0xbe] = {read_cd, MEDIUM},
};

void atapi_packet(struct ide_channel *channel, const uint8_t packet[12]) {
    struct ide_drive_state *d = ide_owner_state(channel);
    unsigned flags = operations[packet[0]].flags;
    if (packet[0] != 0x03)
        set_sense(d, 0, 0, 0);
    if (!operations[packet[0]].run) {
        atapi_error(channel, ILLEGAL_REQUEST, INVALID_OPERATION_CODE, 0);
    } else if (d->medium_changed && !(flags & ANY_TIME)) {
        d->medium_changed = 0;
        atapi_error(channel, UNIT_ATTENTION, MEDIUM_MAY_HAVE_CHANGED, 0);
    } else if (flags & MEDIUM && (!ide_owner(channel)->block || d->ejected)) {
        atapi_error(channel, NOT_READY, MEDIUM_NOT_PRESENT, 0);
    } else {
        operations[packet[0]].run(channel, packet);
    }
}
