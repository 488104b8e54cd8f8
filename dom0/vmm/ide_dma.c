// The bus master of the IDE function: its registers, and the walk through tables of physical region descriptors
// (Programming Interface for Bus Master IDE Controller 1.0; PIIX3 2.7). The tables are the guest's: each walk is
// bounded.
#include "dom0/vmm/ide_internal.h"
#include "lib/string.h"

// Bus master command register
#define BM_START 0x01
#define BM_READ  0x08 // the device is read, memory is written

// Bus master status register
#define BM_ACTIVE  0x01
#define BM_ERROR   0x02
#define BM_CAPABLE 0x60 // drive 0, 1 capable of DMA: for the BIOS to write

#define PRD_BYTES   8u
#define PRD_END     0x80000000u
#define PRD_ENTRIES 8192u // a table must not cross a 64 KiB boundary

void ide_dma_reset(struct ide_channel_state *s) {
    s->bm_command = 0;
    s->bm_status = 0;
    s->bm_table = 0;
    s->prd_next = s->prd_address = s->prd_left = s->prd_count = 0;
    s->prd_last = 0;
}

static void failed(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    s->bm_status = (uint8_t)((s->bm_status & ~BM_ACTIVE) | BM_ERROR);
    if (s->packet)
        atapi_error(channel, 4, 0x44, 0); // HARDWARE ERROR, INTERNAL TARGET FAILURE
    else
        ide_fail(channel, ATA_ABRT);
}

static bool fetch_prd(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    const struct device_host *host = channel->ide->host;
    uint32_t prd[2];
    if (s->prd_count++ >= PRD_ENTRIES || !host->memory_read(host->machine, s->prd_next, prd, PRD_BYTES))
        return false;
    // The address counter has 16 bits: a table wraps around within its 64 KiB.
    s->prd_next = (s->prd_next & 0xffff0000u) | ((s->prd_next + PRD_BYTES) & 0xffffu);
    s->prd_address = prd[0] & ~1u;
    s->prd_left = prd[1] & 0xfffeu ? prd[1] & 0xfffeu : 0x10000u;
    s->prd_last = (prd[1] & PRD_END) != 0;
    return true;
}

static bool move_region(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    const struct device_host *host = channel->ide->host;
    uint32_t wanted = s->drq_end - s->buffer_at;
    uint32_t bytes = s->prd_left < wanted ? s->prd_left : wanted;
    uint8_t *buffer = s->buffer + s->buffer_at;
    bool good = s->write ? host->memory_read(host->machine, s->prd_address, buffer, bytes)
                         : host->memory_write(host->machine, s->prd_address, buffer, bytes);
    if (!good)
        return false;
    s->buffer_at += bytes;
    s->prd_address += bytes;
    s->prd_left -= bytes;
    if (s->prd_left == 0 && s->prd_last)
        s->bm_status &= (uint8_t)~BM_ACTIVE;
    return true;
}

// A table that is too short leaves the bus master inactive without interrupt and the drive waiting (BMIDE 3.1); the
// guest's driver ends that by a reset, or starts the bus master with a further table.
bool ide_dma_move(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    if (!(s->bm_status & BM_ACTIVE))
        return false;
    bool good = !(s->bm_command & BM_READ) == (s->write != 0);
    while (good && s->buffer_at < s->drq_end) {
        if (!(s->bm_status & BM_ACTIVE))
            return false;
        good = (s->prd_left > 0 || fetch_prd(channel)) && move_region(channel);
    }
    if (!good)
        failed(channel);
    return good;
}

static void command_write(struct ide_channel *channel, uint8_t value) {
    struct ide_channel_state *s = ide_state_of(channel);
    uint8_t before = s->bm_command;
    s->bm_command = value & (BM_START | BM_READ);
    if (!(value & BM_START)) {
        s->bm_status &= (uint8_t)~BM_ACTIVE;
    } else if (!(before & BM_START)) {
        s->bm_status |= BM_ACTIVE;
        s->prd_next = s->bm_table;
        s->prd_left = s->prd_count = 0;
        s->prd_last = 0;
        ide_advance(channel);
    }
}

static void register_write(struct ide_channel *channel, unsigned offset, uint8_t value) {
    struct ide_channel_state *s = ide_state_of(channel);
    unsigned shift = (offset & 3) * 8;
    if (offset == 0) {
        command_write(channel, value);
    } else if (offset == 2) {
        uint8_t kept = s->bm_status & (uint8_t) ~(value & (BM_ERROR | BM_INTR)) & (uint8_t)~BM_CAPABLE;
        s->bm_status = (uint8_t)(kept | (value & BM_CAPABLE));
    } else if (offset >= 4) {
        s->bm_table = ((s->bm_table & ~(0xffu << shift)) | (uint32_t)value << shift) & ~3u;
    }
}

static uint8_t register_read(const struct ide_channel_state *s, unsigned offset) {
    if (offset == 0)
        return s->bm_command;
    if (offset == 2)
        return s->bm_status;
    return offset >= 4 ? (uint8_t)(s->bm_table >> (offset & 3) * 8) : 0;
}

uint32_t ide_bus_master_read(void *device, uint16_t port, unsigned bytes) {
    const struct ide *ide = (const struct ide *)device;
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        unsigned offset = (port + i) % IDE_BUS_MASTER_PORTS;
        value |= (uint32_t)register_read(&ide->s.channels[offset / 8], offset % 8) << i * 8;
    }
    return value;
}

void ide_bus_master_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    struct ide *ide = (struct ide *)device;
    for (unsigned i = 0; i < bytes; i++) {
        unsigned offset = (port + i) % IDE_BUS_MASTER_PORTS;
        register_write(&ide->channels[offset / 8], offset % 8, (uint8_t)(value >> i * 8));
    }
}
