// What firmware is told: ACPI and SMBIOS tables are consistent, alone and where a direct boot places them; fw_cfg
// offers them; CMOS and boot order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/vmm/boot_order.h"
#include "dom0/vmm/cmos_layout.h"
#include "dom0/vmm/firmware_tables.h"
#include "lib/string.h"

#define TABLES_GPA 0x1fff0000u
#define MIB        (1024ull * 1024)

// Stands for the compiled dsdt.asl: a header, and an odd length.
static uint8_t dsdt[43] = {'D', 'S', 'D', 'T', sizeof dsdt};
const uint8_t *const acpi_dsdt = dsdt;
const size_t acpi_dsdt_bytes = sizeof dsdt;

static struct firmware_tables tables;
static uint8_t segment_f[0x10000], memory[FIRMWARE_PLACE_BYTES];

static struct firmware_machine machine_of(unsigned cpus) {
    struct firmware_machine machine = {
        .cpus = cpus, .memory_below_4g = 512 * MIB, .memory_above_4g = 4096 * MIB, .acpi = true, .apic = true};
    for (unsigned i = 0; i < 16; i++)
        machine.uuid[i] = (uint8_t)(i * 0x11);
    return machine;
}

static int setup(void **state) {
    (void)state;
    struct firmware_machine machine = machine_of(2);
    dsdt[9] = 0;
    dsdt[9] = table_checksum(dsdt, sizeof dsdt);
    memset(segment_f, 0, sizeof segment_f);
    memset(memory, 0, sizeof memory);
    assert_true(firmware_tables_build(&tables, &machine));
    return 0;
}

static uint64_t number(const uint8_t *at, unsigned bytes) {
    uint64_t value = 0;
    memcpy(&value, at, bytes);
    return value;
}

static uint8_t sum(const uint8_t *bytes, size_t count) {
    return (uint8_t)-table_checksum(bytes, count);
}

// --- ACPI ------------------------------------------------------------------------------------------------------------

static const uint8_t *placed(uint64_t gpa) {
    assert_true(gpa >= TABLES_GPA && gpa < TABLES_GPA + sizeof memory);
    return memory + (gpa - TABLES_GPA);
}

static const uint8_t *table_at(uint64_t gpa, const char *signature) {
    const uint8_t *table = placed(gpa);
    assert_memory_equal(table, signature, 4);
    uint32_t length = (uint32_t)number(table + 4, 4);
    assert_in_range(length, 36, sizeof memory - (gpa - TABLES_GPA));
    assert_int_equal(sum(table, length), 0);
    return table;
}

static const uint8_t *root(const char *signature) {
    const uint8_t *rsdt = table_at(number(segment_f + 16, 4), "RSDT");
    for (uint64_t at = 36; at < number(rsdt + 4, 4); at += 4)
        if (memcmp(placed(number(rsdt + at, 4)), signature, 4) == 0)
            return table_at(number(rsdt + at, 4), signature);
    return NULL;
}

static void tables_are_linked(void **state) {
    (void)state;
    assert_true(firmware_tables_place(&tables, segment_f, memory, TABLES_GPA));
    assert_memory_equal(segment_f, "RSD PTR ", 8);
    assert_int_equal(sum(segment_f, 20), 0);
    const uint8_t *fadt = root("FACP");
    assert_non_null(fadt);
    assert_int_equal(number(fadt + 4, 4), 116);
    const uint8_t *facs = placed(number(fadt + 36, 4));
    assert_memory_equal(facs, "FACS", 4);
    assert_int_equal(number(fadt + 36, 4) % 64, 0);
    assert_memory_equal(table_at(number(fadt + 40, 4), "DSDT"), dsdt, sizeof dsdt);
    assert_int_equal(number(fadt + 46, 2), 9);
    assert_int_equal(number(fadt + 76, 4), 0x608);
    assert_non_null(root("WAET"));
}

static void madt_has_the_interrupts(void **state) {
    (void)state;
    assert_true(firmware_tables_place(&tables, segment_f, memory, TABLES_GPA));
    const uint8_t *madt = root("APIC");
    assert_non_null(madt);
    unsigned counts[5] = {0}, length = (unsigned)number(madt + 4, 4), at = 44;
    for (; at < length; at += madt[at + 1]) {
        assert_in_range(madt[at + 1], 2, length - at);
        assert_in_range(madt[at], 0, 4);
        if (madt[at] == 0)
            assert_int_equal(madt[at + 3], counts[0]);
        if (madt[at] == 2 && madt[at + 3] == 0)
            assert_int_equal(number(madt + at + 4, 4), 2);
        if (madt[at] == 2 && madt[at + 3] == 9)
            assert_int_equal(number(madt + at + 8, 2), 0xd);
        counts[madt[at]]++;
    }
    assert_int_equal(at, length);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 5);
    assert_int_equal(counts[4], 1);
}

static void ssdt_has_window_and_processors(void **state) {
    (void)state;
    assert_true(firmware_tables_place(&tables, segment_f, memory, TABLES_GPA));
    const uint8_t *ssdt = root("SSDT");
    assert_non_null(ssdt);
    assert_memory_equal(ssdt + 36,
                        "\x08\\P0S_\x0c\x00\x00\x00\x80\x10\x41\x02\\_PR_\x5b\x83\x0b"
                        "CP00",
                        26);
    assert_int_equal(number(ssdt + 4, 4), 36 + 11 + 8 + 2 * 13);
    assert_int_equal(acpi_pci_window(0x80000000), 0x80000000);
    assert_int_equal(acpi_pci_window(0x80000001), 0xc0000000);
    assert_int_equal(acpi_pci_window(0xe0000000), 0xe0000000);
}

static void most_cpus_fit(void **state) {
    (void)state;
    struct firmware_machine machine = machine_of(ACPI_CPUS_MAX);
    machine.memory_above_4g = 4096ull * 1024 * MIB;
    assert_true(firmware_tables_build(&tables, &machine));
    assert_true(firmware_tables_place(&tables, segment_f, memory, TABLES_GPA));
    assert_int_equal(number(root("APIC") + 4, 4), 44 + 8 * ACPI_CPUS_MAX + 12 + 50 + 6);
    machine.cpus++;
    assert_false(firmware_tables_build(&tables, &machine));
    machine.cpus = 0;
    assert_false(firmware_tables_build(&tables, &machine));
    machine = machine_of(1);
    machine.memory_below_4g = 0xe0000001;
    assert_false(firmware_tables_build(&tables, &machine));
}

static void without_acpi_or_apic(void **state) {
    (void)state;
    struct firmware_machine machine = machine_of(1);
    machine.apic = false;
    assert_true(firmware_tables_build(&tables, &machine));
    assert_true(firmware_tables_place(&tables, segment_f, memory, TABLES_GPA));
    assert_null(root("APIC"));
    machine.acpi = false;
    memset(segment_f, 0, sizeof segment_f);
    assert_true(firmware_tables_build(&tables, &machine));
    assert_true(firmware_tables_place(&tables, segment_f, memory, TABLES_GPA));
    assert_int_equal(segment_f[0], 0);
    assert_memory_equal(segment_f + 0x20, "_SM_", 4);
}

static void loader_refuses_what_is_not_there(void **state) {
    (void)state;
    uint8_t bytes[16] = {0};
    const struct loader_file file = {"a", bytes, sizeof bytes, 0x1000};
    struct table_loader loader = {0};
    loader_allocate(&loader, "a", 16, LOADER_HIGH);
    loader_pointer(&loader, "a", 8, 8, "a");
    loader_checksum(&loader, "a", 0, 0, 16);
    assert_true(loader_run(&loader, &file, 1));
    assert_int_equal(number(bytes + 8, 8), 0x1000);
    assert_int_equal(sum(bytes, 16), 0);
    const struct { uint32_t offset, length; } bad[] = {{9, 8}, {UINT32_MAX, 8}, {0, 17}};
    for (unsigned i = 0; i < 3; i++) {
        loader = (struct table_loader){0};
        loader_pointer(&loader, "a", bad[i].offset, (uint8_t)bad[i].length, "a");
        assert_false(loader_run(&loader, &file, 1));
        loader = (struct table_loader){0};
        loader_checksum(&loader, "a", 0, bad[i].offset, bad[i].length);
        assert_false(loader_run(&loader, &file, 1));
    }
    loader = (struct table_loader){0};
    loader_pointer(&loader, "a", 0, 4, "b");
    assert_false(loader_run(&loader, &file, 1));
    for (unsigned i = 0; i <= LOADER_COMMANDS_MAX; i++)
        loader_allocate(&loader, "a", 1, LOADER_HIGH);
    assert_true(loader.full);
}

// --- SMBIOS ----------------------------------------------------------------------------------------------------------

static const char *string_of(const uint8_t *structure, unsigned index) {
    const char *at = (const char *)structure + structure[1];
    for (; index > 1; index--)
        at += strlen(at) + 1;
    return at;
}

static void smbios_is_consistent(void **state) {
    (void)state;
    static const uint8_t uuid[] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    assert_true(firmware_tables_place(&tables, segment_f, memory, TABLES_GPA));
    const uint8_t *anchor = segment_f + 0x20;
    assert_int_equal(sum(anchor, 31), 0);
    assert_int_equal(sum(anchor + 16, 15), 0);
    assert_int_equal(sum(anchor, 16), 0); // SeaBIOS asks for that too
    const uint8_t *at = placed(number(anchor + 24, 4)), *end = at + number(anchor + 22, 2);
    unsigned counts[128] = {0}, structures = 0;
    size_t largest = 0;
    while (at < end) {
        const uint8_t *next = at + at[1];
        while (next[0] || next[1])
            next++;
        next += 2;
        counts[at[0]]++;
        structures++;
        largest = (size_t)(next - at) > largest ? (size_t)(next - at) : largest;
        if (at[0] == 1) {
            assert_string_equal(string_of(at, at[4]), "Bulkhead");
            assert_string_equal(string_of(at, at[7]), "00112233-4455-6677-8899-aabbccddeeff");
            assert_memory_equal(at + 8, uuid, 16);
        }
        if (at[0] == 17)
            assert_int_equal(number(at + 12, 2), 4608);
        at = next;
    }
    assert_ptr_equal(at, end);
    assert_int_equal(structures, number(anchor + 28, 2));
    assert_int_equal(largest, number(anchor + 8, 2));
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[4], 2);
    assert_int_equal(counts[19], 2);
    assert_int_equal(counts[127], 1);
}

// --- What fw_cfg and CMOS say ----------------------------------------------------------------------------------------

static const struct device_host host = {0};

static void published_for_firmware(void **state) {
    (void)state;
    static struct fw_cfg fw_cfg;
    fw_cfg_init(&fw_cfg, &host);
    assert_true(firmware_tables_publish(&tables, &fw_cfg));
    assert_int_equal(fw_cfg.file_count, 6);
    assert_string_equal((char *)fw_cfg.directory + 12, "etc/e820");
    fw_cfg_port_write(&fw_cfg, 0x510, 2, 0x20);
    uint8_t e820[40];
    for (unsigned i = 0; i < sizeof e820; i++)
        e820[i] = (uint8_t)fw_cfg_port_read(&fw_cfg, 0x511, 1);
    assert_int_equal(number(e820, 8), 0);
    assert_int_equal(number(e820 + 8, 8), 512 * MIB);
    assert_int_equal(number(e820 + 16, 4), 1);
    assert_int_equal(number(e820 + 20, 8), 4096 * MIB);
    fw_cfg_port_write(&fw_cfg, 0x510, 2, FW_CFG_NB_CPUS);
    assert_int_equal(fw_cfg_port_read(&fw_cfg, 0x511, 1), 2);
    assert_false(firmware_tables_publish(&tables, &fw_cfg)); // keys are taken
}

static void cmos_sizes(void **state) {
    (void)state;
    uint8_t cmos[CMOS_BYTES];
    struct cmos_layout layout = {.memory_below_4g = 512 * MIB,
                                 .memory_above_4g = 4096 * MIB,
                                 .cpus = 2,
                                 .boot_order = boot_order_nibbles("dc"),
                                 .disk_sectors = {2000000, 0, 1000, 1032193}};
    memset(cmos, 0x77, sizeof cmos);
    cmos_fill(cmos, &layout);
    assert_int_equal(number(cmos + 0x15, 2), 640);
    assert_int_equal(number(cmos + 0x17, 2), 0xffff);
    assert_int_equal(number(cmos + 0x30, 2), 0xffff);
    assert_int_equal(number(cmos + 0x34, 2), (512 - 16) * 16);
    assert_int_equal(number(cmos + 0x5b, 3), 0x10000);
    assert_int_equal(cmos[0x5f], 1);
    assert_int_equal(cmos[0x3d], 0x23);
    assert_int_equal(cmos[0x38], 0x01);
    assert_int_equal(cmos[0x39], 0x41);
    assert_int_equal(cmos[0x00], 0x77); // the clock's
    assert_int_equal(cmos[0x32], 0x77);
    layout.memory_below_4g = 8 * MIB;
    layout.memory_above_4g = 0;
    cmos_fill(cmos, &layout);
    assert_int_equal(number(cmos + 0x30, 2), 7 * 1024);
    assert_int_equal(number(cmos + 0x34, 2), 0);
    assert_int_equal(number(cmos + 0x5b, 3), 0);
}

static void boot_orders(void **state) {
    (void)state;
    static const struct boot_device devices[] = {{'c', 0, 0}, {'d', 1, 0}, {'c', 0, 1}};
    char text[160];
    assert_int_equal(boot_order_nibbles("cdn"), 0x432);
    assert_int_equal(boot_order_nibbles("xacdn"), 0x321);
    assert_int_equal(boot_order_nibbles(""), 0);
    assert_int_equal(boot_order_file(text, sizeof text, "dc", devices, 3), 3 * 34 + 1);
    assert_string_equal(text, "/pci@i0cf8/ide@1,1/drive@1/disk@0\n/pci@i0cf8/ide@1,1/drive@0/disk@0\n"
                              "/pci@i0cf8/ide@1,1/drive@0/disk@1\n");
    assert_int_equal(boot_order_file(text, 40, "dc", devices, 3), 35);
    assert_int_equal(boot_order_file(text, sizeof text, "n", devices, 3), 1);
    assert_string_equal(text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tables_are_linked, setup),
        cmocka_unit_test_setup(madt_has_the_interrupts, setup),
        cmocka_unit_test_setup(ssdt_has_window_and_processors, setup),
        cmocka_unit_test_setup(most_cpus_fit, setup),
        cmocka_unit_test_setup(without_acpi_or_apic, setup),
        cmocka_unit_test_setup(loader_refuses_what_is_not_there, setup),
        cmocka_unit_test_setup(smbios_is_consistent, setup),
        cmocka_unit_test_setup(published_for_firmware, setup),
        cmocka_unit_test_setup(cmos_sizes, setup),
        cmocka_unit_test_setup(boot_orders, setup),
    };
    return cmocka_run_group_tests_name("firmware_tables", tests, NULL, NULL);
}
