// The phases of an IDE command that moves data: between backend and buffer in chunks, and between buffer and host
// through the data port. No phase calls the next one: ide_advance() loops, so that a backend which answers at once
// can't nest.
#include "dom0/vmm/ide_internal.h"
#include "lib/string.h"

static uint32_t smaller(uint64_t left, uint32_t right) {
    return left < right ? (uint32_t)left : right;
}

static void request_done(struct block_request *request, enum block_status status) {
    struct ide_channel *channel = (struct ide_channel *)request->context;
    channel->pending = false;
    channel->result = status;
    if (ide_state_of(channel)->reset != IDE_RESET_NONE)
        ide_end_reset(channel);
    else if (!channel->submitting)
        ide_advance(channel);
}

static void submit(struct ide_channel *channel, enum block_operation operation, uint8_t *buffer, uint32_t bytes) {
    struct ide_channel_state *s = ide_state_of(channel);
    struct block *block = ide_owner(channel)->block;
    s->phase = IDE_BLOCK;
    ide_owner_state(channel)->status = ATA_BSY;
    channel->request = (struct block_request){
        .operation = operation,
        .offset = operation == BLOCK_FLUSH ? 0 : s->position,
        .bytes = bytes,
        .buffer = buffer,
        .done = request_done,
        .context = channel,
    };
    channel->pending = true;
    channel->submitting = true;
    block->submit(block, &channel->request);
    channel->submitting = false;
}

// --- Reading ---------------------------------------------------------------------------------------------------------

// Sectors of READ CD with all fields grow in the buffer, so they are read to its end and moved to their places in
// order.
static uint32_t raw_chunk(const struct ide_channel_state *s) {
    return smaller(s->left / CDROM_SECTOR, IDE_BUFFER_BYTES / CDROM_RAW);
}

static void refill(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    uint32_t bytes = smaller(s->left, IDE_BUFFER_BYTES);
    uint8_t *to = s->buffer;
    if (s->raw_sectors) {
        bytes = raw_chunk(s) * CDROM_SECTOR;
        to += raw_chunk(s) * (CDROM_RAW - CDROM_SECTOR);
    }
    s->buffer_end = bytes;
    submit(channel, BLOCK_READ, to, bytes);
}

static uint8_t bcd(uint64_t value) {
    return (uint8_t)((value / 10 % 10) << 4 | value % 10);
}

// ECMA-130 14.1: sync, address, mode 1; the error correction bytes are left zero.
static void make_raw(struct ide_channel_state *s) {
    uint32_t sectors = s->buffer_end / CDROM_SECTOR;
    uint64_t lba = s->position / CDROM_SECTOR + 150;
    for (uint32_t i = 0; i < sectors; i++, lba++) {
        uint8_t *to = s->buffer + i * CDROM_RAW;
        memmove(to + 16, s->buffer + sectors * (CDROM_RAW - CDROM_SECTOR) + i * CDROM_SECTOR, CDROM_SECTOR);
        memset(to, 0xff, 12);
        to[0] = to[11] = 0;
        to[12] = bcd(lba / 75 / 60), to[13] = bcd(lba / 75 % 60), to[14] = bcd(lba % 75), to[15] = 1;
        memset(to + 16 + CDROM_SECTOR, 0, CDROM_RAW - CDROM_SECTOR - 16);
    }
    s->buffer_end = sectors * CDROM_RAW;
}

// How much of the buffer the next DRQ block is. Whole sectors where the byte count limit admits them, as drives do.
static uint32_t next_block(const struct ide_channel_state *s) {
    uint32_t bytes = s->buffer_end - s->buffer_at;
    if (bytes <= s->block_bytes)
        return bytes;
    if (s->packet && s->block_bytes >= CDROM_SECTOR)
        return s->block_bytes / CDROM_SECTOR * CDROM_SECTOR;
    return s->block_bytes;
}

static void present(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    struct ide_drive_state *drive = ide_owner_state(channel);
    if (s->dma) {
        s->drq_end = s->buffer_end;
        s->phase = IDE_DMA_READY;
        drive->status = ATA_BSY;
        return;
    }
    uint32_t bytes = next_block(s);
    s->drq_end = s->buffer_at + bytes;
    s->phase = IDE_DATA_IN;
    drive->status = ATA_DRDY | ATA_DRQ | (s->packet ? 0 : ATA_DSC);
    if (s->packet) {
        drive->count[0] = ATAPI_IO;
        drive->lba_mid[0] = (uint8_t)bytes;
        drive->lba_high[0] = (uint8_t)(bytes >> 8);
    }
    ide_interrupt(channel);
}

// PIO reads of a disk end without an interrupt: the last one came with the last block.
static void end_read(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    if (s->packet)
        atapi_finish(channel);
    else if (s->dma)
        ide_finish(channel);
    else {
        s->phase = IDE_IDLE;
        ide_owner_state(channel)->status = ATA_DRDY | ATA_DSC;
    }
}

static void drained(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    if (s->buffer_at < s->buffer_end)
        present(channel);
    else if (s->left > 0)
        refill(channel);
    else
        end_read(channel);
}

static void read_completed(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    uint32_t bytes = s->buffer_end;
    if (s->raw_sectors)
        make_raw(s);
    s->position += bytes;
    s->left -= bytes;
    s->buffer_at = 0;
    present(channel);
}

// --- Writing ---------------------------------------------------------------------------------------------------------

static void ask_for_data(struct ide_channel *channel, bool first) {
    struct ide_channel_state *s = ide_state_of(channel);
    s->buffer_at = 0;
    s->buffer_end = s->drq_end = smaller(s->left, s->dma ? IDE_BUFFER_BYTES : s->block_bytes);
    s->phase = s->dma ? IDE_DMA_READY : IDE_DATA_OUT;
    ide_owner_state(channel)->status = s->dma ? ATA_BSY : ATA_DRDY | ATA_DSC | ATA_DRQ;
    if (!s->dma && !first)
        ide_interrupt(channel);
}

static void write_completed(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    s->position += s->buffer_end;
    s->left -= s->buffer_end;
    if (s->left > 0)
        ask_for_data(channel, false);
    else
        ide_finish(channel);
}

// --- Phases ----------------------------------------------------------------------------------------------------------

static void block_failed(struct ide_channel *channel) {
    static const uint8_t errors[] = {
        [BLOCK_RANGE] = ATA_IDNF, [BLOCK_READ_ONLY] = ATA_ABRT, [BLOCK_MEDIUM_ERROR] = ATA_UNC};
    struct ide_channel_state *s = ide_state_of(channel);
    if (s->packet) {
        atapi_error(channel, 3, 0x11, 0); // MEDIUM ERROR, UNRECOVERED READ ERROR
        return;
    }
    ata_set_address(channel, s->position / ATA_SECTOR);
    ide_fail(channel, errors[channel->result]);
}

static void block_completed(struct ide_channel *channel) {
    if (channel->result != BLOCK_OK)
        block_failed(channel);
    else if (channel->request.operation == BLOCK_READ)
        read_completed(channel);
    else if (channel->request.operation == BLOCK_WRITE)
        write_completed(channel);
    else
        ide_finish(channel);
}

// Host or bus master have come to the end of what they were offered.
static void block_moved(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    if (s->phase == IDE_PACKET) {
        uint8_t packet[12];
        memcpy(packet, s->buffer, sizeof packet);
        atapi_packet(channel, packet);
    } else if (s->write) {
        submit(channel, BLOCK_WRITE, s->buffer, s->buffer_end);
    } else {
        drained(channel);
    }
}

void ide_advance(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    for (;;) {
        if (s->phase == IDE_BLOCK && !channel->pending)
            block_completed(channel);
        else if (s->phase == IDE_DMA_READY && ide_dma_move(channel))
            block_moved(channel);
        else
            return;
    }
}

void ide_start_read(struct ide_channel *channel) {
    ide_state_of(channel)->write = 0;
    refill(channel);
}

void ide_start_write(struct ide_channel *channel) {
    ide_state_of(channel)->write = 1;
    ask_for_data(channel, true);
}

void ide_start_answer(struct ide_channel *channel, uint32_t bytes) {
    struct ide_channel_state *s = ide_state_of(channel);
    s->write = 0;
    s->left = 0;
    s->buffer_at = 0;
    s->buffer_end = bytes;
    present(channel);
}

void ide_start_packet(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    struct ide_drive_state *drive = ide_owner_state(channel);
    s->phase = IDE_PACKET;
    s->buffer_at = 0;
    s->buffer_end = s->drq_end = 12;
    drive->status = ATA_DRDY | ATA_DRQ;
    drive->count[0] = ATAPI_COD;
}

void ide_start_flush(struct ide_channel *channel) {
    submit(channel, BLOCK_FLUSH, NULL, 0);
}

// --- Data port -------------------------------------------------------------------------------------------------------

// Units that the current DRQ block still takes or has; the last one may be incomplete.
static size_t units(const struct ide_channel_state *s, size_t count, unsigned width) {
    size_t available = (s->drq_end - s->buffer_at + width - 1) / width;
    return count < available ? count : available;
}

static uint32_t take(const struct ide_channel_state *s, size_t count, unsigned width) {
    return smaller((uint64_t)count * width, s->drq_end - s->buffer_at);
}

static void moved(struct ide_channel *channel, uint32_t bytes) {
    struct ide_channel_state *s = ide_state_of(channel);
    s->buffer_at += bytes;
    if (s->buffer_at == s->drq_end) {
        block_moved(channel);
        ide_advance(channel);
    }
}

void ide_data_read_string(struct ide *ide, unsigned index, void *bytes, size_t count, unsigned width) {
    struct ide_channel *channel = &ide->channels[index];
    struct ide_channel_state *s = ide_state_of(channel);
    uint8_t *to = (uint8_t *)bytes;
    while (count > 0 && s->phase == IDE_DATA_IN && s->owner == s->selected) {
        size_t n = units(s, count, width);
        uint32_t got = take(s, n, width);
        memcpy(to, s->buffer + s->buffer_at, got);
        memset(to + got, 0, n * width - got);
        to += n * width;
        count -= n;
        moved(channel, got);
    }
    memset(to, 0xff, count * width);
}

void ide_data_write_string(struct ide *ide, unsigned index, const void *bytes, size_t count, unsigned width) {
    struct ide_channel *channel = &ide->channels[index];
    struct ide_channel_state *s = ide_state_of(channel);
    const uint8_t *from = (const uint8_t *)bytes;
    while (count > 0 && (s->phase == IDE_DATA_OUT || s->phase == IDE_PACKET) && s->owner == s->selected) {
        size_t n = units(s, count, width);
        uint32_t taken = take(s, n, width);
        memcpy(s->buffer + s->buffer_at, from, taken);
        from += n * width;
        count -= n;
        moved(channel, taken);
    }
}
