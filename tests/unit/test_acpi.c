// ACPI tables as the core reads them: what firmware says, and what broken firmware could.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "kernel/acpi.h"
#include "kernel/log.h"

// Tables lie below 4 GiB. One ends where the memory ends.
#define MEMORY 0x40000000ull
#define BYTES  4096u
#define ROOT   (MEMORY + 64)

static uint8_t *const memory = (uint8_t *)MEMORY;

void log_print(const char *message, ...) {
    (void)message;
}

static int map(void **state) {
    (void)state;
    return mmap(memory, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
           memory;
}

static void put(uint64_t hpa, const void *bytes, size_t size) {
    memcpy((uint8_t *)hpa, bytes, size);
}

static void table(uint64_t hpa, const char *signature, uint32_t length) {
    put(hpa, signature, 4);
    put(hpa + 4, &length, 4);
}

// XSDT with one entry beside the MADT's, whose entries are `bytes` at the end of the memory.
static struct acpi_machine read(uint64_t other, const void *bytes, uint32_t size) {
    struct acpi_machine machine = {0};
    uint64_t madt = MEMORY + BYTES - 44 - size;
    memset(memory, 0, BYTES);
    table(ROOT, "XSDT", 36 + 16);
    put(ROOT + 36, &other, 8);
    put(ROOT + 44, &madt, 8);
    table(madt, "APIC", 44 + size);
    put(madt + 44, bytes, size);
    assert_int_equal(acpi_read((struct acpi_root){0, ROOT}, &machine), ROOT);
    return machine;
}

static const uint8_t good[] = {0, 8,  0, 1, 1, 0, 0,    0,                             // local APIC 1
                               0, 8,  1, 2, 0, 0, 0,    0,                             // 2, not enabled
                               9, 16, 0, 0, 0, 1, 0,    0,    1,  0, 0, 0, 0, 0, 0, 0, // x2APIC 256
                               1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0,             // I/O APIC
                               0, 8,  2, 3, 1, 0, 0,    0};                            // local APIC 3

static void finds_cpus_and_ioapics(void **state) {
    (void)state;
    struct acpi_machine machine = read(0, good, sizeof(good));
    assert_int_equal(machine.cpus, 3);
    assert_int_equal(machine.apic_id[0], 1);
    assert_int_equal(machine.apic_id[1], 256);
    assert_int_equal(machine.apic_id[2], 3);
    assert_int_equal(machine.ioapics, 1);
    assert_int_equal(machine.ioapic[0].hpa, 0xfec00000);
    assert_int_equal(machine.ioapic[0].gsi_base, 24);
}

static void takes_the_rsdt_where_there_is_no_xsdt(void **state) {
    (void)state;
    static const uint64_t absent[] = {0, 1ull << 40, MEMORY};
    struct acpi_machine machine = {0};
    uint32_t madt = MEMORY + 1024;
    memset(memory, 0, BYTES);
    table(ROOT, "RSDT", 36 + 4);
    put(ROOT + 36, &madt, 4);
    table(madt, "APIC", 44 + sizeof(good));
    put(madt + 44, good, sizeof(good));
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++, memset(&machine, 0, sizeof(machine))) {
        assert_int_equal(acpi_read((struct acpi_root){ROOT, absent[i]}, &machine), ROOT);
        assert_int_equal(machine.cpus, 3);
    }
    assert_int_equal(acpi_read((struct acpi_root){0}, &machine), 0);
    assert_int_equal(machine.cpus, 0);
}

static void ignores_tables_out_of_reach(void **state) {
    (void)state;
    static const uint64_t places[] = {UINT64_MAX, UINT64_MAX - 35, 1ull << 32, (1ull << 32) - 35};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        assert_int_equal(read(places[i], good, sizeof(good)).cpus, 3);
}

// Its entries would be looked for up to the end of the memory, and beyond.
static void ignores_tables_that_are_longer_than_any(void **state) {
    (void)state;
    struct acpi_machine machine = {0};
    memset(memory, 0, BYTES);
    table(ROOT, "XSDT", (1u << 20) + 1);
    assert_int_equal(acpi_read((struct acpi_root){0, ROOT}, &machine), 0);
}

static void ignores_entries_that_are_too_short(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0, 6, 0, 1, 1, 0, 9, 8, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0xc0, 0xfe};
    struct acpi_machine machine = read(0, bytes, sizeof(bytes));
    assert_int_equal(machine.cpus, 0);
    assert_int_equal(machine.ioapics, 0);
}

static void ends_at_an_entry_that_is_cut_off(void **state) {
    (void)state;
    assert_int_equal(read(0, good, sizeof(good) - 1).cpus, 2);
    assert_int_equal(read(0, (const uint8_t[]){0, 0, 0, 0}, 4).cpus, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_cpus_and_ioapics),
        cmocka_unit_test(takes_the_rsdt_where_there_is_no_xsdt),
        cmocka_unit_test(ignores_tables_out_of_reach),
        cmocka_unit_test(ignores_tables_that_are_longer_than_any),
        cmocka_unit_test(ignores_entries_that_are_too_short),
        cmocka_unit_test(ends_at_an_entry_that_is_cut_off),
    };
    return cmocka_run_group_tests(tests, map, NULL);
}
