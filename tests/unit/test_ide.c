// The IDE model with its disks, driven through its ports as SeaBIOS and Linux drive the real one.
#include "tests/unit/ide_machine.h"

static void hold(struct block *block, struct block_request *request) {
    (void)block;
    assert_null(fake.held);
    fake.held = request;
}

static void release(enum block_status status) {
    struct block_request *request = fake.held;
    assert_non_null(request);
    fake.held = NULL;
    if (status == BLOCK_OK && request->operation == BLOCK_READ)
        memcpy(request->buffer, fake.disk + request->offset, request->bytes);
    request->done(request, status);
}

static void task_48(unsigned device, unsigned count, uint64_t lba, unsigned command) {
    for (int i = 1; i >= 0; i--) {
        out(BASE + 2, count >> i * 8 & 0xff);
        out(BASE + 3, (unsigned)(lba >> (i ? 24 : 0)) & 0xff);
        out(BASE + 4, (unsigned)(lba >> (i ? 32 : 8)) & 0xff);
        out(BASE + 5, (unsigned)(lba >> (i ? 40 : 16)) & 0xff);
    }
    out(BASE + 6, device | 0x40);
    out(BASE + 7, command);
}

// --- Probing ---

static void empty_channel_floats(void **state) {
    (void)state;
    assert_int_equal(in(0x177), 0xff);
    assert_int_equal(in(0x376), 0xff);
    out(0x176, 0xb0);
    assert_int_equal(in(0x177), 0xff);
    assert_int_equal(ide_port_read(&fake.ide, 0x170, 2), 0xffff);
}

static void absent_drive_reads_zero(void **state) {
    (void)state;
    ide_init(&fake.ide, &host, NULL);
    ide_attach(&fake.ide, 0, 0, IDE_DISK, &fake.disk_block, "x");
    select(1);
    out(BASE + 2, 0x55);
    assert_int_equal(in(BASE + 2), 0);
    assert_int_equal(in(BASE + 7), 0);
    out(BASE + 7, 0xec);
    assert_int_equal(fake.rises, 0);
    select(0);
    assert_int_equal(in(BASE + 7), 0x50);
}

// SeaBIOS ata_detect(), Linux ata_devchk() and ata_sff_softreset().
static void reset_gives_signatures(void **state) {
    (void)state;
    for (unsigned slave = 0; slave < 2; slave++) {
        select(slave);
        out(BASE + 2, 0x55);
        out(BASE + 3, 0xaa);
        assert_int_equal(in(BASE + 2), 0x55);
        assert_int_equal(in(BASE + 3), 0xaa);
        assert_int_equal(in(BASE + 6), slave ? 0xb0 : 0xa0);
    }
    out(CONTROL, 0x0e);
    assert_int_equal(in(CONTROL), 0x80);
    out(CONTROL, 0x0a);
    assert_int_equal(in(BASE + 6) & 0x10, 0);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_int_equal(in(BASE + 1), 1);
    assert_int_equal(in(BASE + 4), 0);
    select(1);
    assert_int_equal(in(BASE + 2), 1);
    assert_int_equal(in(BASE + 3), 1);
    assert_int_equal(in(BASE + 4), 0x14);
    assert_int_equal(in(BASE + 5), 0xeb);
}

static void identify(void **state) {
    (void)state;
    uint16_t words[256];
    task(0xa0, 0, 0, 0, 0xec);
    assert_true(fake.line[14]);
    assert_int_equal(in(CONTROL), 0x58);
    assert_true(fake.line[14]); // the alternate status leaves it
    assert_int_equal(in(BASE + 7), 0x58);
    assert_false(fake.line[14]);
    ide_data_read_string(&fake.ide, 0, words, 256, 2);
    assert_int_equal(words[0] & 0x8000, 0);
    assert_int_equal(words[60] | words[61] << 16, DISK_SECTORS);
    assert_int_equal(words[100], DISK_SECTORS);
    assert_memory_equal(&words[10], "HB0010  ", 8);
    assert_memory_equal(&words[27], "UBKLEHDA", 8);
    assert_int_equal(words[83] & 0xc000, 0x4000);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_int_equal(fake.rises, 1);
    // Of a CD-ROM it aborts, with the signature in place.
    task(0xb0, 0, 0, 0, 0xec);
    assert_int_equal(in(BASE + 7), 0x51);
    assert_int_equal(in(BASE + 1), 4);
    assert_int_equal(in(BASE + 5), 0xeb);
    task(0xb0, 0, 0, 0, 0xa1);
    assert_int_equal(in(BASE + 7) & 8, 8);
    ide_data_read_string(&fake.ide, 0, words, 128, 4);
    assert_int_equal(words[0], 0x85c0);
}

static void diagnostic_and_unknown(void **state) {
    (void)state;
    task(0xb0, 0, 0, 0, 0x90);
    assert_true(fake.line[14]);
    assert_int_equal(in(BASE + 6) & 0x10, 0);
    assert_int_equal(in(BASE + 1), 1);
    assert_int_equal(in(BASE + 7), 0x50);
    static const uint8_t unknown[] = {0x00, 0x08, 0xa0, 0xb0, 0xf9, 0xff};
    for (unsigned i = 0; i < sizeof unknown; i++) {
        task(0xa0, 0, 0, 0, unknown[i]);
        assert_int_equal(in(BASE + 7), 0x51);
        assert_int_equal(in(BASE + 1), 4);
    }
}

// --- Disk, PIO ---

static void pio_read(void **state) {
    (void)state;
    uint8_t data[4 * 512];
    task(0xe0, 0, 4, 100, 0x20);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(fake.rises, i + 1);
        assert_int_equal(in(BASE + 7), 0x58);
        ide_data_read_string(&fake.ide, 0, data + i * 512, 256, 2);
    }
    assert_int_equal(in(BASE + 7), 0x50);
    assert_int_equal(fake.rises, 4);
    assert_memory_equal(data, fake.disk + 100 * 512, sizeof data);
    assert_int_equal(ide_port_read(&fake.ide, BASE, 2), 0xffff);
}

// One REP INSW over several blocks, in 32-bit units, over a chunk of the buffer; 0 means 256 sectors.
static void pio_read_multiple(void **state) {
    (void)state;
    static uint8_t data[256 * 512];
    task(0xa0, 0, 8, 0, 0xc6);
    task(0xe0, 0, 0, 1000, 0xc4);
    ide_data_read_string(&fake.ide, 0, data, sizeof data / 4, 4);
    assert_memory_equal(data, fake.disk + 1000 * 512, sizeof data);
    assert_int_equal(fake.rises, 1 + 1); // none was acknowledged in between
    assert_int_equal(in(BASE + 7), 0x50);
    task(0xa0, 0, 3, 0, 0xc6);
    assert_int_equal(in(BASE + 7), 0x51);
    task(0xa0, 0, 0, 0, 0xc6);
    task(0xe0, 0, 1, 0, 0xc4);
    assert_int_equal(in(BASE + 7), 0x51);
}

static void pio_write(void **state) {
    (void)state;
    uint8_t data[512];
    memset(data, 0x5a, sizeof data);
    task_48(0xa0, 2, 4000, 0x34);
    assert_int_equal(in(BASE + 7), 0x58);
    assert_int_equal(fake.rises, 0);
    ide_data_write_string(&fake.ide, 0, data, 256, 2);
    assert_int_equal(fake.rises, 1);
    assert_int_equal(in(BASE + 7), 0x58);
    for (unsigned i = 0; i < 128; i++)
        ide_port_write(&fake.ide, BASE, 4, 0x5a5a5a5a);
    assert_int_equal(fake.rises, 2);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_memory_equal(fake.disk + 4000 * 512, data, 512);
    assert_memory_equal(fake.disk + 4001 * 512, data, 512);
    assert_int_not_equal(fake.disk[4002 * 512 + 1], 0x5a);
    fake.disk_block.read_only = true;
    task(0xe0, 0, 1, 0, 0x30);
    assert_int_equal(in(BASE + 7), 0x51);
    assert_int_equal(in(BASE + 1), 4);
}

static void chs_and_limits(void **state) {
    (void)state;
    uint8_t data[512];
    task(0xa0 | 2, 0, 1, 1 << 8 | 5, 0x21); // cylinder 1, head 2, sector 5
    ide_data_read_string(&fake.ide, 0, data, 256, 2);
    assert_memory_equal(data, fake.disk + ((1 * 16 + 2) * 63 + 4) * 512, 512);
    task(0xa0, 0, 1, 0, 0x20); // sector 0
    assert_int_equal(in(BASE + 7), 0x51);
    assert_int_equal(in(BASE + 1), 0x10);
    task(0xe0, 0, 2, DISK_SECTORS - 1, 0x20);
    assert_int_equal(in(BASE + 1), 0x10);
    task_48(0xa0, 1, 0xffffffffffff, 0x25);
    assert_int_equal(in(BASE + 1), 0x10);
    task(0xe0, 0, 1, DISK_SECTORS - 1, 0x40);
    assert_int_equal(in(BASE + 7), 0x50);
    task(0xa3, 0, 17, 0, 0x91); // 4 heads, 17 sectors
    task(0xa3, 0, 1, 1 << 8 | 17, 0x20);
    ide_data_read_string(&fake.ide, 0, data, 256, 2);
    assert_memory_equal(data, fake.disk + ((1 * 4 + 3) * 17 + 16) * 512, 512);
}

static void native_max_and_power(void **state) {
    (void)state;
    task(0xe0, 0, 0, 0, 0xf8);
    assert_int_equal(in(BASE + 3) | in(BASE + 4) << 8, DISK_SECTORS - 1);
    task_48(0xa0, 0, 0x112233445566, 0x27);
    assert_int_equal(in(BASE + 3) | in(BASE + 4) << 8, DISK_SECTORS - 1);
    out(CONTROL, 0x80); // HOB
    assert_int_equal(in(BASE + 3) | in(BASE + 4) | in(BASE + 5), 0);
    task(0xa0, 0, 0, 0, 0xe5);
    assert_int_equal(in(BASE + 2), 0xff);
    task(0xa0, 0, 0, 0, 0xe0);
    task(0xa0, 0, 0, 0, 0x98);
    assert_int_equal(in(BASE + 2), 0);
    task(0xa0, 0x03, 0x22, 0, 0xef);
    assert_int_equal(in(BASE + 7), 0x50);
    task(0xa0, 0x03, 0x7f, 0, 0xef);
    assert_int_equal(in(BASE + 7), 0x51);
    task(0xa0, 0, 0, 0, 0xe7);
    assert_int_equal(in(BASE + 7), 0x50);
}

static void nien_masks(void **state) {
    (void)state;
    out(CONTROL, 0x0a);
    task(0xe0, 0, 1, 0, 0x40);
    assert_false(fake.line[14]);
    out(CONTROL, 0x08);
    assert_true(fake.line[14]); // it was only hidden
    select(1);
    assert_false(fake.line[14]); // the other drive has none
    select(0);
    assert_true(fake.line[14]);
    out(BASE + 7, 0xe7);
    assert_true(fake.line[14]);
    (void)in(BASE + 7);
    assert_false(fake.line[14]);
}

// --- A backend that answers later ---

static void backend_answers_later(void **state) {
    (void)state;
    uint8_t data[512];
    fake.disk_block.submit = hold;
    task(0xe0, 0, 1, 7, 0x20);
    assert_int_equal(in(BASE + 7), 0x80);
    assert_true(ide_busy(&fake.ide));
    out(BASE + 2, 0x77); // ignored while BSY
    out(BASE + 7, 0xec);
    release(BLOCK_OK);
    assert_true(fake.line[14]);
    assert_int_equal(in(BASE + 7), 0x58);
    ide_data_read_string(&fake.ide, 0, data, 256, 2);
    assert_memory_equal(data, fake.disk + 7 * 512, 512);

    task(0xe0, 0, 1, 9, 0x20);
    release(BLOCK_MEDIUM_ERROR);
    assert_int_equal(in(BASE + 7), 0x51);
    assert_int_equal(in(BASE + 1), 0x40);
    assert_int_equal(in(BASE + 3), 9);

    // A reset while the backend works ends when it has answered.
    task(0xe0, 0, 1, 9, 0x20);
    out(CONTROL, 0x0c);
    out(CONTROL, 0x08);
    assert_int_equal(in(BASE + 7), 0x80);
    release(BLOCK_OK);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_false(fake.line[14]);
    task(0xe0, 0, 1, 9, 0x20);
    ide_reset(&fake.ide);
    release(BLOCK_OK);
    assert_int_equal(in(BASE + 7), 0x50);
}

// --- Bus master ---

static void dma_read(void **state) {
    (void)state;
    prd(0, 0x20000, 512, false);
    prd(1, 0x40000, 512 * 3, true);
    task(0xe0, 0, 4, 50, 0xc8);
    assert_int_equal(in(CONTROL), 0x80);
    dma_start(true);
    assert_true(fake.line[14]);
    assert_int_equal(dma_status(), 4);
    ide_bus_master_write(&fake.ide, BM, 1, 8);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_memory_equal(fake.memory + 0x20000, fake.disk + 50 * 512, 512);
    assert_memory_equal(fake.memory + 0x40000, fake.disk + 51 * 512, 512 * 3);
    ide_bus_master_write(&fake.ide, BM + 2, 1, 0x64);
    assert_int_equal(ide_bus_master_read(&fake.ide, BM + 2, 1), 0x60);
}

// Bus master first, drive then; more than the buffer holds; a count of 0 is 64 KiB.
static void dma_write_large(void **state) {
    (void)state;
    for (unsigned i = 0; i < 0x30000; i++)
        fake.memory[0x50000 + i] = (uint8_t)(i * 5 + i / 256);
    for (unsigned i = 0; i < 3; i++)
        prd(i, 0x50000 + i * 0x10000, 0, i == 2);
    dma_start(false);
    assert_int_equal(dma_status(), 1);
    task_48(0xa0, 0x30000 / 512, 8, 0x35);
    assert_int_equal(dma_status(), 4);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_memory_equal(fake.disk + 8 * 512, fake.memory + 0x50000, 0x30000);
}

static void dma_table_longer_than_data(void **state) {
    (void)state;
    prd(0, 0x20000, 4096, true);
    task(0xe0, 0, 1, 3, 0xc8);
    dma_start(true);
    assert_int_equal(dma_status(), 5); // active still: BMIDE 3.1
    assert_int_equal(in(BASE + 7), 0x50);
}

static void dma_table_shorter_than_data(void **state) {
    (void)state;
    prd(0, 0x20000, 512, true);
    task(0xe0, 0, 2, 3, 0xc8);
    dma_start(true);
    assert_int_equal(dma_status(), 0);
    assert_int_equal(in(CONTROL), 0x80);
    dma_start(true); // a further table goes on with the transfer
    assert_int_equal(dma_status(), 4);
    assert_memory_equal(fake.memory + 0x20000, fake.disk + 4 * 512, 512);
}

static void dma_hostile_tables(void **state) {
    (void)state;
    prd(0, 0xfffff000, 512, true); // not RAM
    task(0xe0, 0, 1, 3, 0xc8);
    dma_start(true);
    assert_int_equal(dma_status(), 6);
    assert_int_equal(in(BASE + 7), 0x51);
    ide_bus_master_write(&fake.ide, BM, 1, 0);
    // The table itself is not RAM, and the direction is wrong.
    task(0xe0, 0, 1, 3, 0xc8);
    ide_bus_master_write(&fake.ide, BM + 4, 4, 0xfffffffc);
    ide_bus_master_write(&fake.ide, BM, 1, 9);
    assert_int_equal(dma_status() & 3, 2);
    ide_bus_master_write(&fake.ide, BM, 1, 0);
    task(0xe0, 0, 1, 3, 0xca);
    dma_start(true);
    assert_int_equal(dma_status() & 3, 2);
    assert_int_equal(in(BASE + 7), 0x51);
    ide_bus_master_write(&fake.ide, BM, 1, 0);
    // No end, two bytes an entry: 8192 entries make 16 KiB, then it is over.
    for (unsigned i = 0; i < 8192; i++) {
        uint32_t entry[2] = {0x80000, 2};
        memcpy(fake.memory + 0x10000 + i * 8, entry, 8);
    }
    task(0xe0, 0, 0, 3, 0xc8);
    ide_bus_master_write(&fake.ide, BM + 2, 1, 6);
    ide_bus_master_write(&fake.ide, BM + 4, 4, 0x10000);
    ide_bus_master_write(&fake.ide, BM, 1, 9);
    assert_int_equal(dma_status() & 3, 2);
    assert_int_equal(fake.ide.s.channels[0].prd_count, 8193);
}

// --- PCI, backend ---

static void pci_function(void **state) {
    (void)state;
    struct pci_function *pci = &fake.ide.pci;
    assert_int_equal(pci->s.config[0x03] << 8 | pci->s.config[0x02], 0x7010);
    assert_int_equal(pci->s.config[0x09], 0x80);
    assert_int_equal(ide_bus_master_base(&fake.ide), 0);
    unsigned before = fake.ports_changes;
    pci->s.config[0x20] = 0x41;
    pci->s.config[0x21] = 0xc0;
    pci->s.config[0x04] = 5;
    pci->config_written(pci->device, 0x20, 4);
    assert_int_equal(fake.ports_changes, before + 1);
    assert_int_equal(ide_bus_master_base(&fake.ide), 0xc040);
    assert_int_equal(pci->writable[0x20], 0xf0);
    assert_int_equal(pci->writable[0x22], 0xff);
}

static enum block_status last_status;

static void note(struct block_request *request, enum block_status status) {
    (void)request;
    last_status = status;
}

static void memory_backend_checks_bounds(void **state) {
    (void)state;
    uint8_t memory[16] = {1, 2, 3}, buffer[16] = {0};
    struct block block;
    block_memory_init(&block, memory, 16, true);
    struct block_request r = {.operation = BLOCK_READ, .offset = 1, .bytes = 15, .buffer = buffer, .done = note};
    block.submit(&block, &r);
    assert_int_equal(last_status, BLOCK_OK);
    assert_int_equal(buffer[1], 3);
    r.bytes = 16;
    block.submit(&block, &r);
    assert_int_equal(last_status, BLOCK_RANGE);
    r.offset = UINT64_MAX;
    block.submit(&block, &r);
    assert_int_equal(last_status, BLOCK_RANGE);
    r = (struct block_request){.operation = BLOCK_WRITE, .bytes = 1, .buffer = buffer, .done = note};
    block.submit(&block, &r);
    assert_int_equal(last_status, BLOCK_READ_ONLY);
    assert_int_equal(memory[0], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(empty_channel_floats),
        TEST(absent_drive_reads_zero),
        TEST(reset_gives_signatures),
        TEST(identify),
        TEST(diagnostic_and_unknown),
        TEST(pio_read),
        TEST(pio_read_multiple),
        TEST(pio_write),
        TEST(chs_and_limits),
        TEST(native_max_and_power),
        TEST(nien_masks),
        TEST(backend_answers_later),
        TEST(dma_read),
        TEST(dma_write_large),
        TEST(dma_table_longer_than_data),
        TEST(dma_table_shorter_than_data),
        TEST(dma_hostile_tables),
        TEST(pci_function),
        TEST(memory_backend_checks_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
