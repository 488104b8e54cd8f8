// The Multiboot 2 information: what a loader says, and what a broken one could.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/multiboot.h"
#include "kernel/panic.h"

static uint64_t memory[1024];
static uint32_t used;
static jmp_buf stopped;
static char message[200];
static struct acpi_root root;

void panic(const char *file, int line, const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(message, sizeof(message), text, arguments);
    va_end(arguments);
    longjmp(stopped, 1);
}

static void put(const void *bytes, uint32_t size) {
    memcpy((char *)memory + used, bytes, size);
    used += size;
}

static void put32(uint32_t value) {
    put(&value, 4);
}

static void begin(void) {
    memset(memory, 0, sizeof(memory));
    used = 8;
}

static void align(void) {
    used = (used + 7) & ~7u;
}

static void module(uint32_t start, uint32_t end) {
    const uint32_t tag[] = {3, 17, start, end, 0};
    put(tag, 17);
    align();
}

// A memory map of `count` ranges of a page every second page, or without gaps.
static void memory_map(uint32_t count, uint32_t entry_size, uint64_t stride) {
    const uint32_t tag[] = {6, 16 + count * entry_size, entry_size, 0};
    put(tag, 16);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t entry[4] = {0x100000 + i * stride, 4096, 1, 0};
        put(entry, entry_size < 32 ? entry_size : 32);
    }
    align();
}

// A copy of an RSDP, as a tag of 20 or 36 bytes behind its header.
static void rsdp(uint32_t type, uint32_t bytes, uint8_t revision, uint32_t rsdt, uint64_t xsdt) {
    uint8_t copy[36] = "RSD PTR ";
    copy[15] = revision;
    memcpy(copy + 16, &rsdt, 4);
    memcpy(copy + 24, &xsdt, 8);
    put32(type);
    put32(8 + bytes);
    put(copy, bytes);
    align();
}

// True: it came back.
static bool reads(struct boot_info *info) {
    const uint32_t end[2] = {0, 8};
    put(end, 8);
    memcpy(memory, &used, 4);
    memset(info, 0, sizeof(*info));
    root = (struct acpi_root){0};
    if (setjmp(stopped))
        return false;
    multiboot_read((uint64_t)(uintptr_t)memory, info, &root);
    return true;
}

static void reads_what_a_loader_says(void **state) {
    (void)state;
    struct boot_info info;
    static const char line[] = "noreboot";
    const uint32_t command_line[2] = {1, 8 + sizeof(line)};
    begin();
    put(command_line, 8);
    put(line, sizeof(line));
    align();
    module(0x200000, 0x345678);
    module(0x400000, 0x400001);
    memory_map(3, 24, 8192);
    rsdp(15, 36, 2, 0x7ffe1000, 0x100000000);
    assert_true(reads(&info));
    assert_string_equal(info.command_line, "noreboot");
    assert_int_equal(info.archive_base, 0x200000);
    assert_int_equal(info.archive_size, 0x145678);
    assert_int_equal(info.memory_ranges, 3);
    assert_int_equal(info.memory[2].base, 0x104000);
    assert_int_equal(info.memory[2].kind, BOOT_MEMORY_FREE);
    assert_int_equal(root.rsdt, 0x7ffe1000);
    assert_int_equal(root.xsdt, 0x100000000);
}

// The old form is the first 20 bytes of what may be a newer RSDP: the XSDT's address is not among them.
static void takes_no_xsdt_from_an_old_rsdp(void **state) {
    (void)state;
    struct boot_info info;
    static const struct {
        uint32_t type, bytes;
        uint8_t revision;
    } cases[] = {{14, 20, 2}, {14, 36, 2}, {15, 36, 0}};
    for (unsigned i = 0; i < 3; i++) {
        begin();
        module(1, 2);
        rsdp(cases[i].type, cases[i].bytes, cases[i].revision, 0x7ffe1000, 0x1234567);
        memory_map(1, 24, 4096);
        assert_true(reads(&info));
        assert_int_equal(root.rsdt, 0x7ffe1000);
        assert_int_equal(root.xsdt, 0);
    }
}

static void takes_longer_entries(void **state) {
    (void)state;
    struct boot_info info;
    begin();
    module(1, 2);
    memory_map(2, 32, 8192);
    assert_true(reads(&info));
    assert_int_equal(info.memory_ranges, 2);
    assert_int_equal(info.memory[1].base, 0x102000);
}

static void stops_at_entries_that_are_too_short(void **state) {
    (void)state;
    struct boot_info info;
    begin();
    module(1, 2);
    memory_map(1, 16, 4096);
    assert_false(reads(&info));
    begin();
    module(1, 2);
    const uint32_t without_end[] = {6, 64, 0, 0};
    put(without_end, 16);
    used += 48;
    assert_false(reads(&info));
    assert_non_null(strstr(message, "entries of 0 bytes"));
}

static void joins_ranges_and_drops_none(void **state) {
    (void)state;
    struct boot_info info;
    begin();
    module(1, 2);
    memory_map(200, 24, 4096);
    assert_true(reads(&info));
    assert_int_equal(info.memory_ranges, 1);
    assert_int_equal(info.memory[0].size, 200 * 4096);
    begin();
    module(1, 2);
    memory_map(BOOT_MEMORY_RANGES, 24, 8192);
    assert_true(reads(&info));
    assert_int_equal(info.memory_ranges, BOOT_MEMORY_RANGES);
    begin();
    module(1, 2);
    memory_map(BOOT_MEMORY_RANGES + 1, 24, 8192);
    assert_false(reads(&info));
    assert_non_null(strstr(message, "more than 64 ranges"));
}

static void ignores_tags_that_are_too_short(void **state) {
    (void)state;
    struct boot_info info;
    const uint32_t short_module[] = {3, 12, 5, 0}, short_acpi[] = {14, 12, 0, 0}, short_map[] = {6, 12, 24, 0};
    begin();
    put(short_module, 16);
    put(short_acpi, 16);
    put(short_map, 16);
    module(9, 9);
    module(1, 3);
    memory_map(1, 24, 4096);
    assert_true(reads(&info));
    assert_int_equal(info.archive_base, 1);
    assert_int_equal(root.rsdt, 0);
}

static void ends_at_a_tag_that_is_cut_off(void **state) {
    (void)state;
    struct boot_info info;
    for (unsigned i = 0; i < 2; i++) {
        begin();
        module(1, 2);
        memory_map(1, 24, 4096);
        put32(99);
        put32(i ? 0xffffffff : 1000);
        assert_true(reads(&info));
        assert_int_equal(info.memory_ranges, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_loader_says),      cmocka_unit_test(takes_no_xsdt_from_an_old_rsdp),
        cmocka_unit_test(takes_longer_entries),          cmocka_unit_test(stops_at_entries_that_are_too_short),
        cmocka_unit_test(joins_ranges_and_drops_none),   cmocka_unit_test(ignores_tags_that_are_too_short),
        cmocka_unit_test(ends_at_a_tag_that_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
