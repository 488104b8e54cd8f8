// A machine around the IDE model, for its tests: a disk and a CD-ROM on the primary channel, memory, interrupt lines,
// and shorthands for the ports.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/vmm/ide.h"

#define BASE    0x1f0
#define CONTROL 0x3f6
#define BM      0xc000

#define DISK_SECTORS 4096u
#define CD_SECTORS   200u

static struct fake {
    struct ide ide;
    bool line[16];
    unsigned rises;
    unsigned ports_changes;
    uint8_t memory[1 << 20];
    uint8_t disk[DISK_SECTORS * 512];
    uint8_t cd[CD_SECTORS * 2048];
    struct block disk_block, cd_block;
    struct block_request *held; // by the backend that answers later
    bool flushed;
} fake;

static uint64_t now_ns(void *machine) {
    (void)machine;
    return 0;
}

static void irq_set(void *machine, unsigned line, bool level) {
    struct fake *f = (struct fake *)machine;
    assert_true(line == 14 || line == 15);
    assert_int_not_equal(f->line[line], level);
    f->rises += level;
    f->line[line] = level;
}

static bool memory_read(void *machine, uint64_t gpa, void *to, size_t bytes) {
    struct fake *f = (struct fake *)machine;
    if (gpa > sizeof f->memory || bytes > sizeof f->memory - gpa)
        return false;
    memcpy(to, f->memory + gpa, bytes);
    return true;
}

static bool memory_write(void *machine, uint64_t gpa, const void *from, size_t bytes) {
    struct fake *f = (struct fake *)machine;
    if (gpa > sizeof f->memory || bytes > sizeof f->memory - gpa)
        return false;
    memcpy(f->memory + gpa, from, bytes);
    return true;
}

static const struct device_host host = {
    .machine = &fake, .now_ns = now_ns, .irq_set = irq_set, .memory_read = memory_read, .memory_write = memory_write};

static void ports_changed(void *machine) {
    ((struct fake *)machine)->ports_changes++;
}

// --- Port shorthands ---

static void out(unsigned port, unsigned value) {
    ide_port_write(&fake.ide, (uint16_t)port, 1, value);
}

static unsigned in(unsigned port) {
    return ide_port_read(&fake.ide, (uint16_t)port, 1);
}

static void task(unsigned device, unsigned feature, unsigned count, uint32_t lba, unsigned command) {
    out(BASE + 6, device);
    out(BASE + 1, feature);
    out(BASE + 2, count);
    out(BASE + 3, lba & 0xff);
    out(BASE + 4, lba >> 8 & 0xff);
    out(BASE + 5, lba >> 16 & 0xff);
    out(BASE + 7, command);
}

// SeaBIOS and Linux select the drive before anything else.
static void select(unsigned slave) {
    out(BASE + 6, slave ? 0xb0 : 0xa0);
}

static void prd(unsigned index, uint32_t address, uint32_t bytes, bool last) {
    uint32_t entry[2] = {address, bytes | (last ? 0x80000000u : 0)};
    memcpy(fake.memory + 0x1000 + index * 8, entry, 8);
}

static void dma_start(bool read) {
    ide_bus_master_write(&fake.ide, BM + 4, 4, 0x1000);
    ide_bus_master_write(&fake.ide, BM + 2, 1, 0x06);
    ide_bus_master_write(&fake.ide, BM, 1, read ? 0x08 : 0);
    ide_bus_master_write(&fake.ide, BM, 1, read ? 0x09 : 1);
}

static unsigned dma_status(void) {
    return ide_bus_master_read(&fake.ide, BM + 2, 1) & 7;
}

static int setup(void **state) {
    (void)state;
    memset(&fake, 0, sizeof fake);
    for (uint32_t i = 0; i < sizeof fake.disk; i++)
        fake.disk[i] = (uint8_t)(i / 512 * 7 + i);
    for (uint32_t i = 0; i < sizeof fake.cd; i++)
        fake.cd[i] = (uint8_t)(i / 2048 * 3 + i);
    block_memory_init(&fake.disk_block, fake.disk, sizeof fake.disk, false);
    block_memory_init(&fake.cd_block, fake.cd, sizeof fake.cd, true);
    ide_init(&fake.ide, &host, ports_changed);
    ide_attach(&fake.ide, 0, 0, IDE_DISK, &fake.disk_block, "BH0001");
    ide_attach(&fake.ide, 0, 1, IDE_CDROM, &fake.cd_block, "BH0002");
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, setup)
