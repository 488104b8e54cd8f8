// The CD-ROMs of the IDE model, driven through its ports as SeaBIOS and Linux drive real ones.
#include "tests/unit/ide_machine.h"

static void packet(const uint8_t bytes[12], unsigned limit, bool dma) {
    select(1);
    task(0xb0, dma, 0, limit << 8, 0xa0);
    assert_int_equal(in(CONTROL), 0x48);
    assert_int_equal(in(BASE + 2), 1); // CoD
    ide_data_write_string(&fake.ide, 0, bytes, 6, 2);
}

static void test_unit_ready_and_sense(void **state) {
    (void)state;
    static const uint8_t ready[12] = {0}, sense[12] = {3, 0, 0, 0, 18}, unknown[12] = {0xf0};
    uint8_t data[18];
    packet(ready, 0, false);
    assert_int_equal(in(BASE + 2), 3);
    assert_int_equal(in(BASE + 7), 0x50);
    packet(unknown, 0, false);
    assert_int_equal(in(BASE + 7), 0x51);
    assert_int_equal(in(BASE + 1), 0x54);
    packet(sense, 18, false);
    assert_int_equal(in(BASE + 4), 18);
    ide_data_read_string(&fake.ide, 0, data, 9, 2);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_int_equal(data[2], 5);
    assert_int_equal(data[12], 0x20);
    // An exchanged medium: not there, then unit attention, then ready.
    assert_true(ide_change_medium(&fake.ide, 0, 1, NULL));
    packet(ready, 0, false);
    assert_int_equal(in(BASE + 1), 0x24);
    packet(sense, 18, false);
    ide_data_read_string(&fake.ide, 0, data, 9, 2);
    assert_int_equal(data[12], 0x3a);
    assert_true(ide_change_medium(&fake.ide, 0, 1, &fake.cd_block));
    packet(ready, 0, false);
    assert_int_equal(in(BASE + 1), 0x64);
    packet(ready, 0, false);
    assert_int_equal(in(BASE + 7), 0x50);
}

// SeaBIOS: a byte count limit of one sector, a DRQ block and an interrupt for each.
static void cd_read_pio(void **state) {
    (void)state;
    static const uint8_t read[12] = {0x28, 0, 0, 0, 0, 16, 0, 0, 3};
    uint8_t data[3 * 2048];
    packet(read, 2048, false);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(fake.line[14]);
        assert_int_equal(in(BASE + 7), 0x48);
        assert_int_equal(in(BASE + 2), 2); // IO
        assert_int_equal(in(BASE + 4) | in(BASE + 5) << 8, 2048);
        ide_data_read_string(&fake.ide, 0, data + i * 2048, 1024, 2);
    }
    assert_true(fake.line[14]);
    assert_int_equal(in(BASE + 2), 3);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_memory_equal(data, fake.cd + 16 * 2048, sizeof data);
}

// A large limit: whole sectors a block, as many as it admits, over the ends of the buffer.
static void cd_read_large(void **state) {
    (void)state;
    static const uint8_t read[12] = {0xa8, 0, 0, 0, 0, 2, 0, 0, 0, 100};
    static uint8_t data[100 * 2048];
    uint32_t at = 0;
    packet(read, 0xffff, false);
    while (in(BASE + 7) & 8) {
        uint32_t bytes = in(BASE + 4) | in(BASE + 5) << 8;
        assert_int_equal(bytes % 2048, 0);
        assert_in_range(bytes, 2048, sizeof data - at);
        ide_data_read_string(&fake.ide, 0, data + at, bytes / 2, 2);
        at += bytes;
    }
    assert_int_equal(at, sizeof data);
    assert_memory_equal(data, fake.cd + 2 * 2048, sizeof data);
}

static void cd_read_dma(void **state) {
    (void)state;
    static const uint8_t read[12] = {0x28, 0, 0, 0, 0, 8, 0, 0, 80};
    prd(0, 0x50000, 0, false);
    prd(1, 0x60000, 0, false);
    prd(2, 0x70000, 80 * 2048 - 0x20000, true);
    packet(read, 0, true);
    assert_int_equal(in(CONTROL), 0x80);
    dma_start(true);
    assert_int_equal(dma_status(), 4);
    assert_int_equal(in(BASE + 2), 3);
    assert_int_equal(in(BASE + 7), 0x50);
    assert_memory_equal(fake.memory + 0x50000, fake.cd + 8 * 2048, 80 * 2048);
}

static void cd_read_raw(void **state) {
    (void)state;
    static const uint8_t read[12] = {0xbe, 0, 0, 0, 0, 5, 0, 0, 30, 0xf8};
    static uint8_t data[30 * 2352];
    uint32_t at = 0;
    packet(read, 2352, false);
    while (in(BASE + 7) & 8) {
        uint32_t bytes = in(BASE + 4) | in(BASE + 5) << 8;
        assert_in_range(bytes, 2, sizeof data - at);
        ide_data_read_string(&fake.ide, 0, data + at, bytes / 2, 2);
        at += bytes;
    }
    assert_int_equal(at, sizeof data);
    for (unsigned i = 0; i < 30; i++) {
        static const uint8_t sync[12] = {0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0};
        assert_memory_equal(data + i * 2352, sync, 12);
        assert_memory_equal(data + i * 2352 + 16, fake.cd + (5 + i) * 2048, 2048);
    }
    assert_int_equal(data[13], 2); // 00:02:05
    assert_int_equal(data[14], 5);
}

static void cd_errors(void **state) {
    (void)state;
    static const uint8_t beyond[12] = {0x28, 0, 0, 0, 0, CD_SECTORS, 0, 0, 1}, none[12] = {0x28, 0, 0, 0, 0, 1};
    static const uint8_t one[12] = {0x28, 0, 0, 0, 0, 1, 0, 0, 1};
    packet(beyond, 2048, false);
    assert_int_equal(in(BASE + 1), 0x54);
    assert_int_equal(fake.ide.s.drives[0][1].sense_asc, 0x21);
    packet(none, 2048, false);
    assert_int_equal(in(BASE + 7), 0x50);
    packet(one, 0, false); // no limit
    assert_int_equal(in(BASE + 7), 0x51);
    packet(one, 2048, false);
    out(BASE + 7, 0x08); // DEVICE RESET in the middle of data
    assert_int_equal(in(BASE + 7), 0);
    assert_int_equal(in(BASE + 5), 0xeb);
    assert_int_equal(ide_port_read(&fake.ide, BASE, 2), 0xffff);
}

static uint32_t answer_of(const uint8_t bytes[12], uint8_t *to, uint32_t size) {
    uint32_t at = 0;
    memset(to, 0xee, size);
    packet(bytes, 0xfffe, false);
    while (in(BASE + 7) & 8) {
        uint32_t n = in(BASE + 4) | in(BASE + 5) << 8;
        assert_in_range(n, 1, size - at);
        for (uint32_t i = 0; i < n; i += 2) {
            uint32_t word = ide_port_read(&fake.ide, BASE, 2);
            memcpy(to + at + i, &word, n - i < 2 ? 1 : 2);
        }
        at += n;
    }
    assert_int_equal(in(BASE + 7), 0x50);
    return at;
}

static void cd_answers(void **state) {
    (void)state;
    uint8_t data[512];
    static const uint8_t inquiry[12] = {0x12, 0, 0, 0, 5}, capacity[12] = {0x25};
    static const uint8_t toc[12] = {0x43, 0, 0, 0, 0, 0, 0, 1, 0}, toc_msf[12] = {0x43, 2, 0, 0, 0, 0, 0xaa, 1, 0};
    static const uint8_t sessions[12] = {0x43, 0, 1, 0, 0, 0, 0, 0, 12}, raw[12] = {0x43, 2, 2, 0, 0, 0, 0, 1, 0};
    static const uint8_t modes[12] = {0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0}, page[12] = {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 128};
    static const uint8_t configuration[12] = {0x46, 0, 0, 0, 0, 0, 0, 1, 0}, disc[12] = {0x51, 0, 0, 0, 0, 0, 0, 0, 34};
    static const uint8_t event[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8},
                         mechanism[12] = {0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8};
    assert_int_equal(answer_of(inquiry, data, sizeof data), 5);
    assert_int_equal(data[0], 5);
    assert_int_equal(data[1], 0x80);
    assert_int_equal(answer_of(capacity, data, sizeof data), 8);
    assert_int_equal(data[3], CD_SECTORS - 1);
    assert_int_equal(data[6], 8);
    assert_int_equal(answer_of(toc, data, sizeof data), 20);
    assert_int_equal(data[1], 18);
    assert_int_equal(data[14], 0xaa);
    assert_int_equal(data[19], CD_SECTORS);
    assert_int_equal(answer_of(toc_msf, data, sizeof data), 12);
    assert_int_equal(data[10], (CD_SECTORS + 150) / 75);
    assert_int_equal(answer_of(sessions, data, sizeof data), 12);
    assert_int_equal(answer_of(raw, data, sizeof data), 48);
    assert_int_equal(answer_of(modes, data, sizeof data), 8 + 8 + 8 + 16 + 12 + 22);
    assert_int_equal(answer_of(page, data, sizeof data), 30);
    assert_int_equal(data[8], 0x2a);
    assert_int_equal(data[9], 20);
    assert_int_equal(answer_of(configuration, data, sizeof data), 8 + 12 + 8 + 8 + 8 + 12 + 8 + 4);
    assert_int_equal(data[7], 8);
    assert_int_equal(answer_of(disc, data, sizeof data), 34);
    assert_int_equal(answer_of(event, data, sizeof data), 8);
    assert_int_equal(data[5], 2);
    assert_int_equal(answer_of(mechanism, data, sizeof data), 8);
}

static void eject_and_lock(void **state) {
    (void)state;
    static const uint8_t lock[12] = {0x1e, 0, 0, 0, 1}, unlock[12] = {0x1e}, eject[12] = {0x1b, 0, 0, 0, 2};
    static const uint8_t load[12] = {0x1b, 0, 0, 0, 3}, ready[12] = {0};
    packet(lock, 0, false);
    packet(eject, 0, false);
    assert_int_equal(in(BASE + 7), 0x51);
    packet(unlock, 0, false);
    packet(eject, 0, false);
    assert_int_equal(in(BASE + 7), 0x50);
    packet(ready, 0, false);
    assert_int_equal(in(BASE + 1), 0x24);
    packet(load, 0, false);
    packet(ready, 0, false);
    assert_int_equal(in(BASE + 1), 0x64);
    packet(ready, 0, false);
    assert_int_equal(in(BASE + 7), 0x50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_unit_ready_and_sense),
        TEST(cd_read_pio),
        TEST(cd_read_large),
        TEST(cd_read_dma),
        TEST(cd_read_raw),
        TEST(cd_errors),
        TEST(cd_answers),
        TEST(eject_and_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
