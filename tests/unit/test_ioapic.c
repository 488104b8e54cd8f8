// The I/O APIC: edges, levels with Remote IRR, masking, EOI, ExtINT.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/vmm/ioapic.h"

static struct ioapic ioapic;
static struct {
    unsigned count;
    uint8_t vector, destination;
    bool logical, level;
    unsigned mode;
} delivered;

static void deliver(void *machine, uint8_t vector, uint8_t destination, bool logical, unsigned mode, bool level) {
    assert_ptr_equal(machine, &ioapic);
    delivered.count++;
    delivered.vector = vector;
    delivered.destination = destination;
    delivered.logical = logical;
    delivered.mode = mode;
    delivered.level = level;
}

static void put(unsigned at, uint32_t value) {
    ioapic_memory_write(&ioapic, 0x00, 4, at);
    ioapic_memory_write(&ioapic, 0x10, 4, value);
}

static uint32_t get(unsigned at) {
    ioapic_memory_write(&ioapic, 0x00, 4, at);
    return (uint32_t)ioapic_memory_read(&ioapic, 0x10, 4);
}

static void entry(unsigned pin, uint32_t low, uint32_t high) {
    put(0x11 + 2 * pin, high);
    put(0x10 + 2 * pin, low);
}

static int setup(void **state) {
    (void)state;
    delivered.count = 0;
    ioapic_init(&ioapic, &ioapic, deliver);
    return 0;
}

static void test_registers(void **state) {
    (void)state;
    assert_int_equal(get(1), 0x00170020);
    put(0, 0xff000000);
    assert_int_equal(get(0), 0x0f000000);
    assert_int_equal(get(2), 0x0f000000);
    assert_int_equal(get(0x10), 0x00010000);
    put(0x10, 0xffffffff);
    put(0x11, 0xffffffff);
    assert_int_equal(get(0x10), 0x0001afff);
    assert_int_equal(get(0x11), 0xff000000);
    put(0x40, 0xffffffff);
    put(0xff, 0xffffffff);
    assert_int_equal(get(0x40), 0);
    assert_int_equal(get(0xff), 0);
    assert_int_equal(ioapic_memory_read(&ioapic, 0x800, 4), 0);
}

static void test_edge(void **state) {
    (void)state;
    entry(4, 0x0931, 0x03000000); // lowest priority, logical
    ioapic_line_set(&ioapic, 4, true);
    ioapic_line_set(&ioapic, 4, true);
    assert_int_equal(delivered.count, 1);
    assert_int_equal(delivered.vector, 0x31);
    assert_int_equal(delivered.destination, 3);
    assert_int_equal(delivered.mode, 1);
    assert_true(delivered.logical);
    assert_false(delivered.level);
    ioapic_line_set(&ioapic, 4, false);
    ioapic_line_set(&ioapic, 4, true);
    assert_int_equal(delivered.count, 2);
    assert_int_equal(get(0x18) & 0x4000, 0);
}

static void test_masked_edge_is_lost(void **state) {
    (void)state;
    entry(4, 0x10031, 0);
    ioapic_line_set(&ioapic, 4, true);
    entry(4, 0x31, 0);
    assert_int_equal(delivered.count, 0);
    ioapic_line_set(&ioapic, 99, true);
}

static void test_level(void **state) {
    (void)state;
    entry(10, 0x8041, 0);
    ioapic_line_set(&ioapic, 10, true);
    assert_int_equal(delivered.count, 1);
    assert_true(delivered.level);
    assert_int_equal(get(0x10 + 20), 0xc041);
    ioapic_line_set(&ioapic, 10, false);
    ioapic_line_set(&ioapic, 10, true);
    assert_int_equal(delivered.count, 1); // waits for the EOI
    ioapic_eoi(&ioapic, 0x42);
    assert_int_equal(delivered.count, 1);
    ioapic_eoi(&ioapic, 0x41);
    assert_int_equal(delivered.count, 2); // still asserted
    ioapic_line_set(&ioapic, 10, false);
    ioapic_memory_write(&ioapic, 0x40, 4, 0x41);
    assert_int_equal(delivered.count, 2);
    assert_int_equal(get(0x10 + 20), 0x8041);
}

static void test_masked_level_waits(void **state) {
    (void)state;
    entry(10, 0x18041, 0);
    ioapic_line_set(&ioapic, 10, true);
    assert_int_equal(delivered.count, 0);
    entry(10, 0x8041, 0);
    assert_int_equal(delivered.count, 1);
    entry(10, 0x18041, 0);
    ioapic_eoi(&ioapic, 0x41);
    assert_int_equal(delivered.count, 1);
    entry(10, 0x8041, 0);
    assert_int_equal(delivered.count, 2);
}

static void test_edge_mode_drops_remote_irr(void **state) {
    (void)state;
    entry(10, 0x8041, 0);
    ioapic_line_set(&ioapic, 10, true);
    entry(10, 0x10041, 0);
    assert_int_equal(get(0x10 + 20), 0x10041);
    entry(10, 0x8041, 0);
    assert_int_equal(delivered.count, 2);
}

static void test_shared_vector(void **state) {
    (void)state;
    entry(10, 0x8041, 0);
    entry(11, 0x8041, 0);
    ioapic_line_set(&ioapic, 10, true);
    ioapic_line_set(&ioapic, 11, true);
    assert_int_equal(delivered.count, 2);
    ioapic_line_set(&ioapic, 10, false);
    ioapic_eoi(&ioapic, 0x41);
    assert_int_equal(delivered.count, 3);
}

static void test_extint(void **state) {
    (void)state;
    uint8_t destination;
    bool logical;
    assert_false(ioapic_accepts_extint(&ioapic, &destination, &logical));
    entry(0, 0x0700, 0x02000000);
    assert_true(ioapic_accepts_extint(&ioapic, &destination, &logical));
    assert_int_equal(destination, 2);
    assert_false(logical);
    ioapic_line_set(&ioapic, 0, true);
    assert_int_equal(delivered.count, 0);
    entry(2, 0x0400, 0); // NMI
    ioapic_line_set(&ioapic, 2, true);
    assert_int_equal(delivered.mode, 4);
}

static void test_reset(void **state) {
    (void)state;
    entry(10, 0x8041, 0);
    ioapic_line_set(&ioapic, 10, true);
    ioapic_reset(&ioapic);
    assert_int_equal(get(0x10 + 20), 0x10000);
    entry(10, 0x8042, 0); // the line is still asserted
    assert_int_equal(delivered.count, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_registers, setup),
        cmocka_unit_test_setup(test_edge, setup),
        cmocka_unit_test_setup(test_masked_edge_is_lost, setup),
        cmocka_unit_test_setup(test_level, setup),
        cmocka_unit_test_setup(test_masked_level_waits, setup),
        cmocka_unit_test_setup(test_edge_mode_drops_remote_irr, setup),
        cmocka_unit_test_setup(test_shared_vector, setup),
        cmocka_unit_test_setup(test_extint, setup),
        cmocka_unit_test_setup(test_reset, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
