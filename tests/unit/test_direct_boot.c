// Direct boot: what a good kernel finds in memory, and what is said of bad ones. Also the guest's memory map itself.
#include "dom0/vmm/direct_boot.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the headers above
#include <cmocka.h>

#define MIB (1ull << 20)

static uint8_t *ram, *rom, *vram;
static struct guest_memory memory;
static unsigned mapped_pages;
static uint8_t kernel[0x8000], ramdisk[5000];
static struct direct_boot boot;

static bool map(void *context, const void *host, uint64_t gpa, unsigned order, unsigned rights) {
    mapped_pages += rights ? 1u << order : 0;
    return gpa % (PAGE_SIZE << order) == 0;
}

static void put(void *at, unsigned offset, uint64_t value, unsigned bytes) {
    memcpy((uint8_t *)at + offset, &value, bytes);
}

static uint64_t get(uint64_t gpa, unsigned bytes) {
    uint64_t value = 0;
    assert_true(guest_memory_read(&memory, gpa, &value, bytes));
    return value;
}

static void setup_memory(uint64_t bytes) {
    free(ram);
    ram = aligned_alloc(2 * MIB, bytes);
    memset(ram, 0, bytes);
    memset(&memory, 0, sizeof memory);
    memory.ram = ram;
    memory.ram_bytes = bytes;
    memory.rom = rom;
    memory.rom_bytes = 0x40000;
    memory.vram = vram;
    memory.vram_bytes = 0x100000;
    memory.map = map;
    mapped_pages = 0;
    assert_true(guest_memory_init(&memory));
    assert_true(guest_memory_set_pam(&memory, 0xffff, 0xffff));
}

static int setup(void **state) {
    rom = rom ? rom : aligned_alloc(4096, 0x40000);
    vram = vram ? vram : aligned_alloc(2 * MIB, 2 * MIB);
    memset(rom, 0xf4, 0x40000);
    setup_memory(64 * MIB);
    memset(kernel, 0, sizeof kernel);
    kernel[0x1f1] = 3; // setup sectors: 800h bytes
    put(kernel, 0x1fe, 0xaa55, 2);
    kernel[0x201] = 0x66;
    memcpy(kernel + 0x202, "HdrS", 4);
    put(kernel, 0x206, 0x20f, 2);
    kernel[0x211] = 1;
    put(kernel, 0x22c, 0x7fffffff, 4);
    put(kernel, 0x230, 0x200000, 4);
    put(kernel, 0x238, 2047, 4);
    put(kernel, 0x258, 0x1000000, 8);
    put(kernel, 0x260, 0x800000, 4);
    memset(kernel + 0x800, 0x5a, sizeof kernel - 0x800);
    memset(ramdisk, 0xa5, sizeof ramdisk);
    boot = (struct direct_boot){.kernel = kernel,
                                .kernel_bytes = sizeof kernel,
                                .ramdisk = ramdisk,
                                .ramdisk_bytes = sizeof ramdisk,
                                .command_line = "console=ttyS0",
                                .rsdp = 0xf0000,
                                .reserved = {{64 * MIB - 0x5000, 0x5000}},
                                .reserved_count = 1};
    return 0;
}

static void test_load(void **state) {
    assert_null(direct_boot_load(&boot, &memory));
    assert_int_equal(get(0x100000, 4), 0x5a5a5a5a);
    assert_int_equal(get(DIRECT_BOOT_ZERO_PAGE + 0x210, 1), 0xff);
    assert_int_equal(get(DIRECT_BOOT_ZERO_PAGE + 0x070, 8), 0xf0000);
    uint64_t image = get(DIRECT_BOOT_ZERO_PAGE + 0x218, 4);
    assert_int_equal(image, (64 * MIB - 0x5000 - 5000) & ~4095ull); // below the tables
    assert_int_equal(get(image, 4), 0xa5a5a5a5);
    assert_int_equal(get(DIRECT_BOOT_ZERO_PAGE + 0x21c, 4), 5000);
    assert_int_equal(get(get(DIRECT_BOOT_ZERO_PAGE + 0x228, 4), 8), 0x3d656c6f736e6f63); // console=
    struct vcpu_page page = {0};
    direct_boot_registers(&boot, &page);
    assert_int_equal(page.rip, 0x100000);
    assert_int_equal(page.gpr[RSI], DIRECT_BOOT_ZERO_PAGE);
    assert_int_equal(page.cr0 & 0x80000001, 1);
}

static void test_memory_map(void **state) {
    assert_null(direct_boot_load(&boot, &memory));
    unsigned entries = (unsigned)get(DIRECT_BOOT_ZERO_PAGE + 0x1e8, 1);
    uint64_t end = 0, usable = 0;
    for (unsigned i = 0; i < entries; i++) {
        uint64_t at = DIRECT_BOOT_ZERO_PAGE + 0x2d0 + 20 * i, start = get(at, 8), bytes = get(at + 8, 8);
        assert_true(start >= end); // ascending, without overlaps
        end = start + bytes;
        usable += get(at + 16, 4) == 1 ? bytes : 0;
    }
    assert_int_equal(usable, 64 * MIB - 0x5000 - MIB + 0x9fc00);
}

static void refused(const char *what) {
    const char *wrong = direct_boot_check(&boot, 64 * MIB);
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, what));
    assert_string_equal(direct_boot_load(&boot, &memory), wrong);
}

static void test_bad_kernels(void **state) {
    kernel[0x202] = 'h';
    refused("not a Linux kernel");
    setup(NULL);
    boot.kernel_bytes = 0x210;
    refused("not a Linux kernel");
    setup(NULL);
    put(kernel, 0x206, 0x203, 2);
    refused("older than 2.04");
    setup(NULL);
    kernel[0x211] = 0;
    refused("zImage");
    setup(NULL);
    kernel[0x1f1] = 63;
    refused("cut off");
    setup(NULL);
    put(kernel, 0x260, 0xffffffff, 4);
    refused("too little");
    setup(NULL);
    put(kernel, 0x258, UINT64_MAX, 8);
    refused("too little");
    setup(NULL);
    put(kernel, 0x258, 0x3000000, 8);
    put(kernel, 0x260, 0x1000000 - 0x6000, 4); // alone it would fit
    refused("with its ramdisk");
    boot.ramdisk = NULL;
    assert_null(direct_boot_check(&boot, 64 * MIB));
    setup(NULL);
    put(kernel, 0x22c, 0x100, 4); // no ramdisk below that
    refused("with its ramdisk");
    setup(NULL);
    put(kernel, 0x238, 5, 4);
    refused("longer");
}

static void test_guest_memory(void **state) {
    assert_true(mapped_pages >= 64 * 256 - 0x60);
    assert_ptr_equal(guest_memory_pointer(&memory, 0x1000, 16, true), ram + 0x1000);
    assert_null(guest_memory_pointer(&memory, 0xa0000, 1, false));
    assert_null(guest_memory_pointer(&memory, 64 * MIB - 8, 16, false));
    assert_null(guest_memory_pointer(&memory, UINT64_MAX - 4, 16, false));
    assert_ptr_equal(guest_memory_pointer(&memory, 0xfffffff0, 16, false), rom + 0x3fff0);
    assert_null(guest_memory_pointer(&memory, 0xfffffff0, 16, true));
    assert_true(guest_memory_set_pam(&memory, 0, 0x8000)); // reads ROM, writes RAM
    assert_ptr_equal(guest_memory_pointer(&memory, 0xff000, 4, false), rom + 0x3f000);
    assert_ptr_equal(guest_memory_pointer(&memory, 0xff000, 4, true), ram + 0xff000);
    assert_null(guest_memory_pointer(&memory, 0xc0000, 4, false));
    assert_true(guest_memory_set_vga_window(&memory, 0x18000, 0x8000, 0x4000, false));
    assert_ptr_equal(guest_memory_pointer(&memory, 0xb8000, 4, true), vram + 0x4000);
    assert_null(guest_memory_pointer(&memory, 0xb7000, 4, true));
    assert_true(guest_memory_set_framebuffer(&memory, 0xfd000000));
    assert_ptr_equal(guest_memory_pointer(&memory, 0xfd000010, 4, true), vram + 0x10);
    assert_true(guest_memory_set_framebuffer(&memory, 0x100000)); // over RAM: nowhere
    assert_int_equal(memory.framebuffer, 0);
    assert_true(guest_memory_set_framebuffer(&memory, 0xfec00000)); // over the APICs
    assert_int_equal(memory.framebuffer, 0);
    uint8_t bytes[32];
    assert_false(guest_memory_read(&memory, 64 * MIB - 16, bytes, 32));
    assert_false(guest_memory_write(&memory, 0x9fff0, bytes, 32)); // into the VGA's window
    assert_true(guest_memory_write(&memory, 0x8fff0, bytes, 32));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_load, setup),
        cmocka_unit_test_setup(test_memory_map, setup),
        cmocka_unit_test_setup(test_bad_kernels, setup),
        cmocka_unit_test_setup(test_guest_memory, setup),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(ram);
    free(rom);
    free(vram);
    return failed;
}
