// Random accesses to the IDE model's ports, with tables of the bus master in a guest's memory that the input writes,
// and a backend that answers at once or later. Each step is two bytes or more: what, and with which value.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/vmm/ide.h"

#define GUEST_RAM_BYTES 0x8000u
#include "tests/fuzz/guest_ram.h"

static struct {
    struct ide ide;
    bool line[2];
    uint8_t disk[64 * 512], cd[64 * 2048];
    struct block blocks[2];
    struct block_request *held[4];
    struct block *held_by[4];
    bool later;
} m;

static void check(bool good) {
    if (!good)
        abort();
}

static uint64_t now_ns(void *machine) {
    (void)machine;
    return 0;
}

static void irq_set(void *machine, unsigned line, bool level) {
    (void)machine;
    check(line == 14 || line == 15);
    check(m.line[line - 14] != level);
    m.line[line - 14] = level;
}

static const struct device_host host = {.machine = &m,
                                        .now_ns = now_ns,
                                        .irq_set = irq_set,
                                        .memory_read = guest_ram_read,
                                        .memory_write = guest_ram_write};

static void answer(struct block *block, struct block_request *r, enum block_status status) {
    uint8_t *image = (uint8_t *)block->backend;
    if (r->operation == BLOCK_READ && status == BLOCK_OK)
        memcpy(r->buffer, image + r->offset, r->bytes);
    if (r->operation == BLOCK_WRITE && status == BLOCK_OK)
        memcpy(image + r->offset, r->buffer, r->bytes);
    r->done(r, status);
}

// The model checks ranges itself, and has one request a channel.
static void submit(struct block *block, struct block_request *r) {
    check(r->operation == BLOCK_FLUSH ||
          (r->bytes > 0 && r->offset <= block->size && r->bytes <= block->size - r->offset));
    check(r->operation != BLOCK_WRITE || !block->read_only);
    if (!m.later) {
        answer(block, r, BLOCK_OK);
        return;
    }
    unsigned slot = 0;
    while (m.held[slot])
        check(++slot < 2);
    m.held[slot] = r;
    m.held_by[slot] = block;
}

static void release(unsigned slot, unsigned status) {
    struct block_request *r = m.held[slot];
    m.held[slot] = NULL;
    if (r)
        answer(m.held_by[slot], r, (enum block_status)(status & 1 ? BLOCK_MEDIUM_ERROR : BLOCK_OK));
}

static void check_channels(void) {
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        const struct ide_channel_state *s = &m.ide.s.channels[i];
        bool moving =
            s->phase == IDE_DATA_IN || s->phase == IDE_DATA_OUT || s->phase == IDE_PACKET || s->phase == IDE_DMA_READY;
        check(!moving ||
              (s->buffer_at < s->drq_end && s->drq_end <= s->buffer_end && s->buffer_end <= IDE_BUFFER_BYTES));
        check(s->phase != IDE_BLOCK || m.ide.channels[i].pending);
        check(m.line[i] == (s->line != 0));
    }
}

// Whole commands, so that the interesting phases are not left to chance.
static void command(unsigned channel, unsigned drive, const uint8_t *bytes) {
    uint16_t base = channel ? IDE_SECONDARY_BASE : IDE_PRIMARY_BASE;
    ide_port_write(&m.ide, (uint16_t)(base + 6), 1, drive ? 0xf0 : 0xe0);
    for (unsigned reg = 1; reg < 6; reg++)
        ide_port_write(&m.ide, (uint16_t)(base + reg), 1, bytes[reg]);
    ide_port_write(&m.ide, (uint16_t)(base + 7), 1, bytes[0]);
}

static void step(unsigned operation, const uint8_t *bytes) {
    static uint8_t scratch[0x4000];
    unsigned channel = operation >> 7;
    uint8_t port = bytes[0];
    uint16_t base = channel ? IDE_SECONDARY_BASE : IDE_PRIMARY_BASE;
    unsigned width = 1u << bytes[1] % 3;
    uint32_t value;
    memcpy(&value, bytes + 2, 4);
    switch (operation & 15) {
    case 0:
        ide_port_write(&m.ide, (uint16_t)(base + port % 8), width, value);
        break;
    case 1:
        (void)ide_port_read(&m.ide, (uint16_t)(base + port % 8), width);
        break;
    case 2:
        ide_port_write(&m.ide, channel ? IDE_SECONDARY_CONTROL : IDE_PRIMARY_CONTROL, 1, value);
        break;
    case 3:
        ide_bus_master_write(&m.ide, port, width, value);
        break;
    case 4:
        (void)ide_bus_master_read(&m.ide, port, width);
        break;
    case 5:
        memcpy(guest_ram + port * 8, bytes + 1, 4);
        memcpy(guest_ram + port * 8 + 4, bytes + 5, 2);
        guest_ram[port * 8 + 7] = bytes[1];
        break;
    case 6:
        ide_data_read_string(&m.ide, channel, scratch, (value & 0xfff), width);
        break;
    case 7:
        ide_data_write_string(&m.ide, channel, scratch, (value & 0xfff), width);
        break;
    case 8:
        command(channel, operation & 0x40, bytes);
        break;
    case 9: // a packet
        command(channel, operation & 0x40, (const uint8_t[]){0xa0, bytes[6], 0, 0, bytes[7], 8});
        memset(scratch, 0, 12);
        memcpy(scratch, bytes, 6);
        memcpy(scratch + 6, bytes + 4, 4);
        ide_data_write_string(&m.ide, channel, scratch, 6, 2);
        break;
    case 10:
        m.later = bytes[0] & 1;
        break;
    case 11:
        release(bytes[0] & 1, bytes[1]);
        break;
    case 12:
        (void)ide_change_medium(&m.ide, 0, 1, bytes[0] & 1 ? &m.blocks[1] : NULL);
        break;
    case 13:
        ide_bus_master_write(&m.ide, (uint16_t)(channel * 8 + 4), 4, value & 0x7ff);
        ide_bus_master_write(&m.ide, (uint16_t)(channel * 8), 1, 0);
        ide_bus_master_write(&m.ide, (uint16_t)(channel * 8), 1, bytes[0] & 1 ? 9 : 1);
        break;
    case 14:
        if (bytes[0] == 0x55)
            ide_reset(&m.ide);
        break;
    default:
        (void)ide_port_read(&m.ide, channel ? IDE_SECONDARY_CONTROL : IDE_PRIMARY_CONTROL, width);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    memset(&m, 0, sizeof m);
    memset(guest_ram, 0, sizeof guest_ram);
    m.blocks[0] = (struct block){.size = sizeof m.disk, .backend = m.disk, .submit = submit};
    m.blocks[1] = (struct block){.size = sizeof m.cd, .read_only = true, .backend = m.cd, .submit = submit};
    ide_init(&m.ide, &host, NULL);
    ide_attach(&m.ide, 0, 0, IDE_DISK, &m.blocks[0], "D");
    ide_attach(&m.ide, 0, 1, IDE_CDROM, &m.blocks[1], "C");
    ide_attach(&m.ide, 1, 1, IDE_CDROM, NULL, "E");
    for (size_t at = 0; at + 9 <= size && at < 9 * 200; at += 9) {
        step(data[at], data + at + 1);
        check_channels();
    }
    m.later = false;
    for (unsigned i = 0; i < 2; i++)
        release(i, 0);
    check(!ide_busy(&m.ide));
    return 0;
}
