// What a CD-ROM drive tells of itself and its medium, which always is one data track (MMC-3 chapter 5 and 6).
#include "dom0/vmm/ide_internal.h"
#include "lib/string.h"

#define CD_SECTORS_MAX 405000u // 90 minutes: what is larger is a DVD
#define PROFILE_CDROM  0x08
#define PROFILE_DVDROM 0x10

static void put16(uint8_t *to, uint32_t value) {
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint64_t value) {
    put16(to, (uint32_t)(value >> 16 & 0xffff));
    put16(to + 2, (uint32_t)(value & 0xffff));
}

// --- Table of contents, MMC-3 6.25
// ------------------------------------------------------------------------------------

static void put_msf(uint8_t *to, uint64_t lba) {
    lba += 150;
    to[0] = (uint8_t)(lba / 75 / 60);
    to[1] = (uint8_t)(lba / 75 % 60);
    to[2] = (uint8_t)(lba % 75);
}

static void put_address(uint8_t *to, uint64_t lba, bool msf) {
    put32(to, msf ? 0 : lba);
    if (msf)
        put_msf(to + 1, lba);
}

#define DATA_TRACK 0x14 // ADR 1, control: data, uninterrupted
#define LEAD_OUT   0xaa

static uint32_t toc_tracks(uint64_t sectors, unsigned first, bool msf, uint8_t *to) {
    uint32_t at = 4;
    if (first > 1 && first != LEAD_OUT)
        return 0;
    memset(to, 0, 20);
    to[2] = to[3] = 1;
    if (first <= 1) {
        to[at + 1] = DATA_TRACK;
        to[at + 2] = 1;
        put_address(to + at + 4, 0, msf);
        at += 8;
    }
    to[at + 1] = DATA_TRACK;
    to[at + 2] = LEAD_OUT;
    put_address(to + at + 4, sectors, msf);
    put16(to, at + 8 - 2);
    return at + 8;
}

static uint32_t toc_sessions(bool msf, uint8_t *to) {
    memset(to, 0, 12);
    to[1] = 10;
    to[2] = to[3] = 1;
    to[5] = DATA_TRACK;
    to[6] = 1;
    put_address(to + 8, 0, msf);
    return 12;
}

// Points A0h, A1h, A2h (first and last track, lead-out) and track 1.
static uint32_t toc_raw(uint64_t sectors, uint8_t *to) {
    static const uint8_t points[] = {0xa0, 0xa1, 0xa2, 1};
    memset(to, 0, 4 + 11 * sizeof points);
    put16(to, 2 + 11 * sizeof points);
    to[2] = to[3] = 1;
    for (unsigned i = 0; i < sizeof points; i++) {
        uint8_t *entry = to + 4 + 11 * i;
        entry[0] = 1; // session
        entry[1] = DATA_TRACK;
        entry[3] = points[i];
        if (i < 2)
            entry[8] = 1; // the track's number
        else
            put_msf(entry + 8, i == 2 ? sectors : 0);
    }
    return 4 + 11 * sizeof points;
}

uint32_t atapi_read_toc(uint64_t sectors, const uint8_t packet[12], uint8_t *to) {
    bool msf = packet[1] & 2;
    unsigned format = packet[2] & 15 ? packet[2] & 15 : packet[9] >> 6; // SFF-8020 had it in byte 9
    switch (format) {
    case 0:
        return toc_tracks(sectors, packet[6], msf, to);
    case 1:
        return toc_sessions(msf, to);
    case 2:
        return toc_raw(sectors, to);
    default:
        return 0;
    }
}

// --- Mode pages, MMC-3 5.5
// --------------------------------------------------------------------------------------------

static const uint8_t error_recovery[] = {0x01, 6, 0, 5, 0, 0, 0, 0};
static const uint8_t cd_parameters[] = {0x0d, 6, 0, 0, 0, 60, 0, 75};
static const uint8_t audio_control[] = {0x0e, 14, 4, 0, 0, 0, 0, 75, 1, 255, 2, 255, 0, 0, 0, 0};
static const uint8_t power_condition[] = {0x1a, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
// Reads CD-R, CD-RW, DVD-ROM; mode 2; lock, eject, tray; 52 x 176 kB/s, buffer 512 KiB.
static const uint8_t capabilities[] = {0x2a, 20, 0x0b, 0,    0x70, 0, 0x29, 0, 0x23, 0xc0, 0,
                                       2,    2,  0,    0x23, 0xc0, 0, 0,    0, 0,    0,    0};

static const struct {
    const uint8_t *page;
    uint8_t bytes;
} pages[] = {
    {error_recovery, sizeof error_recovery}, {cd_parameters, sizeof cd_parameters},
    {audio_control, sizeof audio_control},   {power_condition, sizeof power_condition},
    {capabilities, sizeof capabilities},
};

// Page control: current and default values are the same, nothing is changeable, nothing saved.
uint32_t atapi_mode_sense(const struct ide_drive_state *s, const uint8_t packet[12], uint8_t *to) {
    unsigned code = packet[2] & 0x3f, control = packet[2] >> 6;
    uint32_t at = 8;
    if (control == 3)
        return 0;
    memset(to, 0, 8);
    for (unsigned i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (code != 0x3f && code != pages[i].page[0])
            continue;
        memcpy(to + at, pages[i].page, pages[i].bytes);
        if (control == 1)
            memset(to + at + 2, 0, pages[i].bytes - 2u);
        else if (pages[i].page == capabilities && s->locked)
            to[at + 6] |= 2;
        at += pages[i].bytes;
    }
    put16(to, at - 2);
    to[2] = s->ejected ? 0x71 : 0x01; // door open; data CD
    return at > 8 ? at : 0;
}

// --- GET CONFIGURATION, MMC-3 6.6
// -------------------------------------------------------------------------------------

struct feature {
    uint16_t code;
    uint8_t flags; // version, persistent, current
    uint8_t bytes; // of data
    uint8_t data[12];
    uint16_t profile; // current with this profile only
};

static const struct feature features[] = {
    {0x0000, 0x03, 8, {0, PROFILE_DVDROM, 0, 0, 0, PROFILE_CDROM, 0, 0}, 0}, // profile list
    {0x0001, 0x03, 4, {0, 0, 0, 2}, 0},                                      // core: ATAPI
    {0x0002, 0x03, 4, {0, 0, 0, 0}, 0},                                      // morphing: polled events
    {0x0003, 0x03, 4, {0x29, 0, 0, 0}, 0},                                   // removable medium: tray, eject, lock
    {0x0010, 0x00, 8, {0, 0, 8, 0, 0, 1, 0, 0}, 0xffff},                     // random readable: 2048 bytes
    {0x001e, 0x08, 4, {0, 0, 0, 0}, PROFILE_CDROM},                          // CD read
    {0x001f, 0x00, 0, {0}, PROFILE_DVDROM},                                  // DVD read
};

static uint32_t put_feature(const struct feature *feature, uint32_t profile, uint8_t *to) {
    bool current = profile && (feature->profile == 0xffff || feature->profile == profile);
    put16(to, feature->code);
    to[2] = (uint8_t)(feature->flags | (current ? 1 : 0));
    to[3] = feature->bytes;
    memcpy(to + 4, feature->data, feature->bytes);
    if (feature->code == 0) { // which of the two profiles is current
        to[6] = profile == PROFILE_DVDROM;
        to[10] = profile == PROFILE_CDROM;
    }
    return 4u + feature->bytes;
}

uint32_t atapi_configuration(uint64_t sectors, const uint8_t packet[12], uint8_t *to) {
    unsigned request = packet[1] & 3, first = (unsigned)(packet[2] << 8 | packet[3]);
    uint32_t profile = sectors == 0 ? 0 : sectors > CD_SECTORS_MAX ? PROFILE_DVDROM : PROFILE_CDROM;
    uint32_t at = 8;
    if (request == 3)
        return 0;
    memset(to, 0, 8);
    put16(to + 6, profile);
    for (unsigned i = 0; i < sizeof features / sizeof features[0]; i++) {
        if (request == 2 ? features[i].code != first : features[i].code < first)
            continue;
        uint32_t bytes = put_feature(&features[i], profile, to + at);
        if (request != 1 || to[at + 2] & 1) // 1: current features only
            at += bytes;
    }
    put32(to, at - 4);
    return at;
}

// --- READ DISC INFORMATION, MMC-3 6.22
// --------------------------------------------------------------------------------

uint32_t atapi_disc_information(uint8_t *to) {
    memset(to, 0, 34);
    to[1] = 32;
    to[2] = 0x0e;                      // complete, last session complete
    to[3] = to[4] = to[5] = to[6] = 1; // first track; sessions; first and last track of the last one
    to[7] = 0x20;                      // unrestricted use
    memset(to + 16, 0xff, 8);          // no further lead-in, lead-out
    return 34;
}
