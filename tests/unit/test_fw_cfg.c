// fw_cfg: the traditional interface, the file directory, and DMA with good and hostile descriptors.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dom0/vmm/fw_cfg.h"
#include "lib/string.h"

#define MEMORY_BYTES 0x4000u
#define DESCRIPTOR   0x100u

static uint8_t memory[MEMORY_BYTES];
static struct fw_cfg fw_cfg;
static uint8_t blob[600];

static bool memory_read(void *machine, uint64_t gpa, void *to, size_t bytes) {
    (void)machine;
    if (gpa > MEMORY_BYTES || bytes > MEMORY_BYTES - gpa)
        return false;
    memcpy(to, memory + gpa, bytes);
    return true;
}

static bool memory_write(void *machine, uint64_t gpa, const void *from, size_t bytes) {
    (void)machine;
    if (gpa > MEMORY_BYTES || bytes > MEMORY_BYTES - gpa)
        return false;
    memcpy(memory + gpa, from, bytes);
    return true;
}

static const struct device_host host = {.memory_read = memory_read, .memory_write = memory_write};

static int setup(void **state) {
    (void)state;
    memset(memory, 0xaa, sizeof memory);
    for (unsigned i = 0; i < sizeof blob; i++)
        blob[i] = (uint8_t)(i * 7 + 1);
    fw_cfg_init(&fw_cfg, &host);
    assert_true(fw_cfg_add(&fw_cfg, FW_CFG_NB_CPUS, "\x02", 2));
    assert_true(fw_cfg_add_file(&fw_cfg, "etc/first", blob, 5));
    assert_true(fw_cfg_add_file(&fw_cfg, "etc/second", blob, sizeof blob));
    return 0;
}

static void select(unsigned key) {
    fw_cfg_port_write(&fw_cfg, 0x510, 2, key);
}

static uint8_t data(void) {
    return (uint8_t)fw_cfg_port_read(&fw_cfg, 0x511, 1);
}

static uint32_t be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_be(uint8_t *to, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static void dma_address(uint64_t gpa) {
    uint8_t be[8];
    uint32_t half[2];
    put_be(be, gpa, 8);
    memcpy(half, be, 8);
    if (gpa >> 32)
        fw_cfg_port_write(&fw_cfg, 0x514, 4, half[0]);
    fw_cfg_port_write(&fw_cfg, 0x518, 4, half[1]);
}

// Runs a DMA operation and returns the control field afterwards.
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address) {
    put_be(memory + DESCRIPTOR, control, 4);
    put_be(memory + DESCRIPTOR + 4, length, 4);
    put_be(memory + DESCRIPTOR + 8, address, 8);
    dma_address(DESCRIPTOR);
    return be32(memory + DESCRIPTOR);
}

static void signature_and_id(void **state) {
    (void)state;
    static const char signature[] = "QEMU";
    assert_int_equal(data(), 'Q'); // selected after reset
    select(FW_CFG_SIGNATURE);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(data(), signature[i]);
    assert_int_equal(data(), 0); // behind the end
    select(FW_CFG_ID);
    assert_int_equal(data(), 3);
    assert_int_equal(fw_cfg_port_read(&fw_cfg, 0x514, 4), 0x554d4551); // "QEMU" in memory order
    assert_int_equal(fw_cfg_port_read(&fw_cfg, 0x518, 4), 0x47464320);
    assert_int_equal(fw_cfg_port_read(&fw_cfg, 0x51b, 1), 'G');
    assert_int_equal(fw_cfg_port_read(&fw_cfg, 0x51b, 4), 0xffffffff);
    select(0x1234); // no such key
    assert_int_equal(data(), 0);
}

static void directory_names_files(void **state) {
    (void)state;
    uint8_t raw[4 + 3 * 64];
    select(FW_CFG_FILE_DIR);
    for (unsigned i = 0; i < sizeof raw; i++)
        raw[i] = data();
    assert_int_equal(be32(raw), 2);
    assert_int_equal(be32(raw + 4), 5);
    assert_int_equal(be32(raw + 8), 0x00200000);
    assert_string_equal((char *)raw + 12, "etc/first");
    assert_int_equal(be32(raw + 68), sizeof blob);
    assert_int_equal(be32(raw + 72), 0x00210000);
    assert_string_equal((char *)raw + 76, "etc/second");
    assert_int_equal(be32(raw + 132), 0);
    select(0x21);
    for (unsigned i = 0; i < sizeof blob; i++)
        assert_int_equal(data(), blob[i]);
    assert_int_equal(data(), 0);
}

static void writes_to_data_change_nothing(void **state) {
    (void)state;
    select(0x20);
    fw_cfg_port_write(&fw_cfg, 0x511, 1, 0x55);
    fw_cfg_port_write(&fw_cfg, 0x510, 1, 0x21);
    assert_int_equal(data(), blob[0]);
    assert_int_equal(fw_cfg_port_read(&fw_cfg, 0x511, 2), 0xffffffff);
    assert_int_equal(data(), blob[1]);
    assert_int_equal(blob[0], 1);
    select(0x4020); // the write channel is ignored
    assert_int_equal(data(), blob[0]);
}

static void dma_reads(void **state) {
    (void)state;
    assert_int_equal(dma(0x21 << 16 | 0x0a, sizeof blob, 0x1000), 0);
    assert_memory_equal(memory + 0x1000, blob, sizeof blob);
    assert_int_equal(memory[0x1000 + sizeof blob], 0xaa);
    assert_int_equal(dma(0x21 << 16 | 0x0c, 100, 0), 0); // select, skip
    assert_int_equal(dma(0x02, 10, 0x800), 0);           // go on
    assert_memory_equal(memory + 0x800, blob + 100, 10);
    assert_int_equal(memory[0x80a], 0xaa);
    assert_int_equal(data(), blob[110]); // both interfaces share the offset
    assert_int_equal(dma(0x20 << 16 | 0x0a, 8000, 0x1001), 0);
    assert_memory_equal(memory + 0x1001, blob, 5);
    for (unsigned i = 5; i < 8000; i++)
        assert_int_equal(memory[0x1001 + i], 0);
    assert_int_equal(memory[0x1001 + 8000], 0xaa);
}

static void dma_writes_are_refused(void **state) {
    (void)state;
    uint8_t copy[sizeof blob];
    memcpy(copy, blob, sizeof blob);
    assert_int_equal(dma(0x21 << 16 | 0x18, 4, 0x1000), 1);
    assert_memory_equal(blob, copy, sizeof blob);
    assert_int_equal(dma(0x10, 0, 0), 1);
}

static void dma_outside_memory(void **state) {
    (void)state;
    assert_int_equal(dma(0x21 << 16 | 0x0a, sizeof blob, MEMORY_BYTES - 10), 1);
    assert_int_equal(dma(0x21 << 16 | 0x0a, 16, UINT64_MAX - 3), 1);
    assert_int_equal(dma(0x21 << 16 | 0x0a, UINT32_MAX, 0x1000), 1);
    assert_int_equal(dma(0x7777u << 16 | 0x0a, UINT32_MAX, 0x1000), 1);
    assert_int_equal(dma(0x21 << 16 | 0x0c, UINT32_MAX, 0), 0);
    assert_int_equal(dma(0x04, UINT32_MAX, 0), 0);
    assert_int_equal(data(), 0);
    fw_cfg_reset(&fw_cfg);
    dma_address(MEMORY_BYTES - 8); // the descriptor is only half there
    dma_address(UINT64_MAX - 8);
    dma_address(0xfffffffful << 32);
    assert_int_equal(data(), 'Q');
}

static void high_half_is_used_once(void **state) {
    (void)state;
    fw_cfg_port_write(&fw_cfg, 0x514, 4, 0x01000000);
    assert_int_equal(dma(0x20 << 16 | 0x0a, 5, 0x1000), 0x20 << 16 | 0x0a); // at 4 GiB and more: nothing
    assert_int_equal(dma(0x20 << 16 | 0x0a, 5, 0x1000), 0);
}

static void dma_over_its_descriptor(void **state) {
    (void)state;
    assert_int_equal(dma(0x21 << 16 | 0x0a, 64, DESCRIPTOR), 0); // the answer is written last
    assert_memory_equal(memory + DESCRIPTOR + 4, blob + 4, 60);
}

static void names_and_keys_are_checked(void **state) {
    (void)state;
    char name[FW_CFG_NAME_BYTES + 1];
    memset(name, 'n', sizeof name);
    name[FW_CFG_NAME_BYTES] = '\0';
    assert_false(fw_cfg_add_file(&fw_cfg, name, blob, 1));
    name[FW_CFG_NAME_BYTES - 1] = '\0';
    assert_true(fw_cfg_add_file(&fw_cfg, name, blob, 1));
    assert_false(fw_cfg_add_file(&fw_cfg, name, blob, 1));
    assert_false(fw_cfg_add_file(&fw_cfg, "", blob, 1));
    assert_false(fw_cfg_add(&fw_cfg, FW_CFG_SIGNATURE, blob, 1));
    assert_false(fw_cfg_add(&fw_cfg, 0x4000, blob, 1));
    unsigned files = fw_cfg.file_count;
    for (unsigned i = 0;; i++, files++) {
        (void)snprintf(name, sizeof name, "file%u", i);
        if (!fw_cfg_add_file(&fw_cfg, name, blob, 1))
            break;
    }
    assert_int_equal(files, FW_CFG_FILES_MAX);
    assert_int_equal(be32(fw_cfg.directory), FW_CFG_FILES_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(signature_and_id, setup),
        cmocka_unit_test_setup(directory_names_files, setup),
        cmocka_unit_test_setup(writes_to_data_change_nothing, setup),
        cmocka_unit_test_setup(dma_reads, setup),
        cmocka_unit_test_setup(dma_writes_are_refused, setup),
        cmocka_unit_test_setup(dma_outside_memory, setup),
        cmocka_unit_test_setup(high_half_is_used_once, setup),
        cmocka_unit_test_setup(dma_over_its_descriptor, setup),
        cmocka_unit_test_setup(names_and_keys_are_checked, setup),
    };
    return cmocka_run_group_tests_name("fw_cfg", tests, NULL, NULL);
}
