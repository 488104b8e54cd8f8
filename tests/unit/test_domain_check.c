// Checks of configurations against the files aboard.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/aboard.h"
#include "dom0/domain/domain_check.h"
#include "lib/format.h"

static char iso[0x9000], kernel[2048], disk[1024];

static struct aboard_file files[] = {
    {"images/grub.iso", iso, sizeof iso},
    {"images/vmlinuz", kernel, sizeof kernel},
    {"images/disk.img", disk, sizeof disk},
};

bool aboard_find_in(const char *folder, const char *name, struct aboard_file *file) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(files[i].name, name) || !strcmp(files[i].name + strlen(folder), name)) {
            *file = files[i];
            return true;
        }
    return false;
}

const char *aboard_names(const char *folder, char *to, size_t size) {
    assert_string_equal(folder, "images/");
    format(to, size, "grub.iso, vmlinuz, disk.img");
    return to;
}

static int prepare(void **state) {
    (void)state;
    memset(iso, 0, sizeof iso);
    memset(kernel, 0, sizeof kernel);
    memcpy(iso + 0x8001, "CD001", 5);
    memcpy(kernel + 0x1fe, "\x55\xaaxxHdrS\x0f\x02", 10);
    files[0].size = sizeof iso;
    files[2].size = sizeof disk;
    return 0;
}

static struct domain_config with_disk(const char *name, bool cdrom) {
    struct domain_config config = {.disk_count = 1};
    config.disks[0].kind = DOMAIN_DISK_IMAGE;
    config.disks[0].cdrom = cdrom;
    format(config.disks[0].name, sizeof config.disks[0].name, "%s", name);
    return config;
}

static void expect(struct domain_config *config, const char *wanted) {
    char error[512] = "";
    const char *got = domain_resolve(config, error, sizeof error);
    if (!wanted)
        assert_null(got);
    else
        assert_string_equal(got, wanted);
}

static void good_ones_pass(void **state) {
    (void)state;
    struct domain_config config = with_disk("grub.iso", true);
    expect(&config, NULL);
    assert_string_equal(config.disks[0].name, "images/grub.iso");
    config = with_disk("images/disk.img", false);
    expect(&config, NULL);
    config = with_disk("", false);
    config.disks[0].kind = DOMAIN_DISK_RAM;
    expect(&config, NULL);
    config = (struct domain_config){.builder = DOMAIN_BUILDER_KERNEL, .kernel = "vmlinuz", .ramdisk = "disk.img"};
    expect(&config, NULL);
    assert_string_equal(config.kernel, "images/vmlinuz");
    assert_string_equal(config.ramdisk, "images/disk.img");
}

static void images_are_checked(void **state) {
    (void)state;
    struct domain_config config = with_disk("x.iso", true);
    expect(&config, "no such image aboard: x.iso; aboard are: grub.iso, vmlinuz, disk.img");
    config = with_disk("grub.iso", true);
    iso[0x8001] = 'X';
    expect(&config, "images/grub.iso is not an ISO image: no volume descriptor CD001 in sector 16");
    files[0].size = 100;
    expect(&config, "images/grub.iso is not an ISO image: no volume descriptor CD001 in sector 16");
    config = with_disk("disk.img", false);
    files[2].size = 1000;
    expect(&config, "images/disk.img is not a disk image: 1000 bytes are no whole number of sectors of 512");
}

static void kernels_are_checked(void **state) {
    (void)state;
    struct domain_config config = {.builder = DOMAIN_BUILDER_KERNEL, .kernel = "linux"};
    expect(&config, "no such kernel aboard: linux; aboard are: grub.iso, vmlinuz, disk.img");
    format(config.kernel, sizeof config.kernel, "disk.img");
    expect(&config, "images/disk.img is not a Linux kernel (bzImage): no boot header HdrS");
    format(config.kernel, sizeof config.kernel, "vmlinuz");
    format(config.ramdisk, sizeof config.ramdisk, "initrd");
    expect(&config, "no such ramdisk aboard: initrd; aboard are: grub.iso, vmlinuz, disk.img");
    kernel[0x206] = 5;
    expect(&config, "images/vmlinuz has Linux boot protocol 2.05; accepted: 2.06 and newer");
}

static void names_are_checked(void **state) {
    (void)state;
    char longest[DOMAIN_NAME_MAX + 2];
    assert_true(domain_name_is_valid("web-1.lab_a"));
    assert_true(domain_name_is_valid("0x"));
    assert_false(domain_name_is_valid(""));
    assert_false(domain_name_is_valid("12"));
    assert_false(domain_name_is_valid("a b"));
    assert_false(domain_name_is_valid("Domain-0"));
    memset(longest, 'n', sizeof longest);
    longest[DOMAIN_NAME_MAX + 1] = '\0';
    assert_false(domain_name_is_valid(longest));
    assert_true(domain_name_is_valid(longest + 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(good_ones_pass, prepare),
        cmocka_unit_test_setup(images_are_checked, prepare),
        cmocka_unit_test_setup(kernels_are_checked, prepare),
        cmocka_unit_test(names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
