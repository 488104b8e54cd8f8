// Configuration mechanism #1: the address register, widths, absent functions, writable bits, sizing of BARs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/vmm/pci.h"
#include "lib/string.h"

static struct pci_bus bus;
static struct pci_function function;
static struct { unsigned calls, offset, bytes; } written;

static void config_written(void *device, unsigned offset, unsigned bytes) {
    assert_ptr_equal(device, &written);
    written.calls++;
    written.offset = offset;
    written.bytes = bytes;
}

static int setup(void **state) {
    (void)state;
    memset(&bus, 0, sizeof bus);
    memset(&function, 0, sizeof function);
    memset(&written, 0, sizeof written);
    function.name = "test";
    function.device = &written;
    function.config_written = config_written;
    pci_config_set32(&function, 0x00, 0x12378086);
    pci_config_set16(&function, 0x06, 0xf280);
    function.write_one_to_clear[0x07] = 0xf0;
    function.writable[0x04] = 0x07;
    function.s.config[0x10] = 0x08; // a BAR of 1 MiB, prefetchable
    function.writable[0x12] = 0xf0;
    function.writable[0x13] = 0xff;
    pci_attach(&bus, PCI_DEVFN(3, 1), &function);
    return 0;
}

static void address(unsigned bus_number, unsigned device, unsigned number, unsigned offset) {
    pci_port_write(&bus, 0xcf8, 4, 0x80000000u | bus_number << 16 | device << 11 | number << 8 | offset);
}

static uint32_t in(uint16_t port, unsigned bytes) {
    return pci_port_read(&bus, port, bytes);
}

static void out(uint16_t port, unsigned bytes, uint32_t value) {
    pci_port_write(&bus, port, bytes, value);
}

static void address_register_is_a_dword(void **state) {
    (void)state;
    out(0xcf8, 4, 0xffffffff);
    assert_int_equal(in(0xcf8, 4), 0x80fffffc);
    out(0xcf8, 1, 0);
    out(0xcfa, 2, 0);
    out(0xcfb, 1, 0);
    assert_int_equal(in(0xcf8, 4), 0x80fffffc);
    assert_int_equal(in(0xcf8, 1) & 0xff, 0xff);
    assert_int_equal(in(0xcf8, 2) & 0xffff, 0xffff);
    pci_reset(&bus);
    assert_int_equal(in(0xcf8, 4), 0);
}

static void reads_of_all_widths(void **state) {
    (void)state;
    address(0, 3, 1, 0);
    assert_int_equal(in(0xcfc, 4), 0x12378086);
    assert_int_equal(in(0xcfc, 2), 0x8086);
    assert_int_equal(in(0xcfe, 2), 0x1237);
    assert_int_equal(in(0xcfc, 1), 0x86);
    assert_int_equal(in(0xcfd, 1), 0x80);
    assert_int_equal(in(0xcff, 1), 0x12);
    assert_int_equal(in(0xcfd, 2), 0x3780);
    assert_int_equal(in(0xcff, 2), 0xff12); // not into the next dword
    assert_int_equal(in(0xcfe, 4), 0xffff1237);
}

static void nothing_there_reads_ones(void **state) {
    (void)state;
    address(0, 3, 0, 0);
    assert_int_equal(in(0xcfc, 4), 0xffffffff);
    assert_int_equal(in(0xcfd, 1), 0xff);
    address(1, 3, 1, 0); // another bus
    assert_int_equal(in(0xcfc, 4), 0xffffffff);
    out(0xcfc, 4, 0);
    out(0xcf8, 4, 3 << 11 | 1 << 8); // not enabled
    assert_int_equal(in(0xcfc, 2), 0xffff);
    out(0xcfc, 4, 0);
    assert_int_equal(written.calls, 0);
    address(0, 3, 1, 0);
    assert_int_equal(in(0xcfc, 4), 0x12378086);
}

static void only_writable_bits_change(void **state) {
    (void)state;
    address(0, 3, 1, 0);
    out(0xcfc, 4, 0);
    assert_int_equal(in(0xcfc, 4), 0x12378086);
    assert_int_equal(written.calls, 0);
    address(0, 3, 1, 4);
    out(0xcfc, 2, 0xffff);
    assert_int_equal(in(0xcfc, 4), 0xf2800007);
    assert_int_equal(written.calls, 1);
    assert_int_equal(written.offset, 4);
    assert_int_equal(written.bytes, 2);
    out(0xcff, 1, 0x52); // write one to clear; the rest of the status stays
    assert_int_equal(in(0xcfc, 4), 0xa2800007);
    assert_int_equal(written.offset, 7);
    out(0xcff, 4, 0xffffff00); // only one byte of it is in the dword
    assert_int_equal(in(0xcfc, 4), 0xa2800007);
    assert_int_equal(written.calls, 2);
}

static void bar_is_sized(void **state) {
    (void)state;
    address(0, 3, 1, 0x10);
    out(0xcfc, 4, 0xffffffff);
    assert_int_equal(in(0xcfc, 4), 0xfff00008);
    out(0xcfc, 4, 0xfd123456);
    assert_int_equal(in(0xcfc, 4), 0xfd100008);
    assert_int_equal(pci_config_get32(&function, 0x10), 0xfd100008);
    address(0, 3, 1, 0x14);
    out(0xcfc, 4, 0xffffffff);
    assert_int_equal(in(0xcfc, 4), 0);
}

static void interrupt_line_is_a_scratch_byte(void **state) {
    (void)state;
    address(0, 3, 1, 0x3c);
    out(0xcfc, 2, 0x010b);
    assert_int_equal(in(0xcfc, 2), 0x000b); // but not the pin
}

static void fields_stay_in_the_space(void **state) {
    (void)state;
    pci_config_set32(&function, 0xfc, 0x11223344);
    assert_int_equal(pci_config_get32(&function, 0xff), 0x11223344);
    assert_int_equal(pci_config_get16(&function, 0xff), 0x1122);
    address(0, 3, 1, 0xfc);
    assert_int_equal(in(0xcff, 4), 0xffffff11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(address_register_is_a_dword, setup),
        cmocka_unit_test_setup(reads_of_all_widths, setup),
        cmocka_unit_test_setup(nothing_there_reads_ones, setup),
        cmocka_unit_test_setup(only_writable_bits_change, setup),
        cmocka_unit_test_setup(bar_is_sized, setup),
        cmocka_unit_test_setup(interrupt_line_is_a_scratch_byte, setup),
        cmocka_unit_test_setup(fields_stay_in_the_space, setup),
    };
    return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
