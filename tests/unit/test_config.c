// Unit tests of domain configurations: syntax, values and messages. Every key of the table is in test_config_keys.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/config_keys.h"
#include "dom0/domain/cpu_list.h"
#include "dom0/domain/domain_config.h"

static struct domain_config config;
static struct config_report report;
static struct config_document document;

/* The message number `i` as a person sees it. */
static const char *message(uint32_t i) {
    static char line[CONFIG_REPORT_LINE_MAX];
    if (i >= report.count)
        return "(none)";
    config_message_format(&report.messages[i], line, sizeof line);
    return line;
}

/* The first error, which may stand behind warnings. */
static const char *first_error(void) {
    uint32_t i = 0;
    while (i < report.count && report.messages[i].severity != CONFIG_ERROR)
        i++;
    return message(i);
}

static int parse_with(const char *text, const char *const *overrides, size_t count) {
    return domain_config_parse("guest.cfg", text, strlen(text), overrides, count, &config, &report);
}

static int parse(const char *text) {
    return parse_with(text, NULL, 0);
}

#define BASE "name='guest'\ntype='hvm'\nmemory=64\n"

/* BASE and a line are accepted without any message. */
static void assert_silent(const char *line) {
    char text[4096];
    snprintf(text, sizeof text, BASE "%s\n", line);
    int result = parse(text);
    if (result != 0 || report.count != 0)
        print_message("%s\n%s\n", line, message(0));
    assert_int_equal(result, 0);
    assert_int_equal(report.count, 0);
}

/* BASE and a line are refused with one message, which has `part` in it. */
static void assert_refused(const char *line, const char *part) {
    char text[4096];
    snprintf(text, sizeof text, BASE "%s\n", line);
    struct domain_config before = config;
    int result = parse(text);
    if (result == 0 || report.errors != 1 || strstr(first_error(), part) == NULL)
        print_message("%s\n%s\n", line, first_error());
    assert_int_equal(result, -1);
    assert_int_equal(report.errors, 1);
    assert_non_null(strstr(first_error(), part));
    assert_memory_equal(&before, &config, sizeof config); /* nothing partial */
}

static void assert_warned(const char *line, const char *part) {
    char text[4096];
    snprintf(text, sizeof text, BASE "%s\n", line);
    int result = parse(text);
    if (result != 0 || report.warnings != 1 || strstr(message(0), part) == NULL)
        print_message("%s\n%s\n", line, message(0));
    assert_int_equal(result, 0);
    assert_int_equal(report.warnings, 1);
    assert_non_null(strstr(message(0), part));
}

static void reads_a_whole_configuration(void **state) {
    (void)state;
    static const char text[] = "# an installation CD\n"
                               "name = \"debian-12\" ; type = 'hvm'\n"
                               "uuid = '01234567-89ab-cdef-0123-456789ABCDEF'\n"
                               "memory = 0x200\n"
                               "maxmem = '512'\n"
                               "vcpus = 02\n"
                               "maxvcpus = 2\n"
                               "disk = [ 'file:debian.iso,hdc:cdrom,r',   # the medium\n"
                               "         'ram:64M,hda,w',\n"
                               "       ]\n"
                               "boot = 'dc'\n"
                               "serial = [ 'pty' ]\n"
                               "vif = [ ]\n"
                               "on_poweroff = 'preserve'\n"
                               "on_reboot = 'rename-restart'\n"
                               "on_crash = 'restart'\n"
                               "cpu_weight = 512\n"
                               "cap = 150\n"
                               "cpus = [ '0-3,^1', 'all' ]\n"
                               "acpi = 0\napic = 0\nlocaltime = 1\n"
                               "rtc_timeoffset = \"-3600\"";
    assert_int_equal(parse(text), 0);
    assert_int_equal(report.count, 0);
    assert_int_equal(config.version, DOMAIN_CONFIG_VERSION);
    assert_string_equal(config.name, "debian-12");
    static const uint8_t uuid[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                   0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    assert_memory_equal(config.uuid, uuid, sizeof uuid);
    assert_int_equal(config.uuid_set, 1);
    assert_int_equal(config.memory_mib, 512);
    assert_int_equal(config.vcpus, 2);
    assert_int_equal(config.builder, DOMAIN_BUILDER_FIRMWARE);
    assert_int_equal(config.disk_count, 2);
    assert_int_equal(config.disks[0].kind, DOMAIN_DISK_IMAGE);
    assert_string_equal(config.disks[0].name, "debian.iso");
    assert_int_equal(config.disks[0].slot, 2);
    assert_int_equal(config.disks[1].kind, DOMAIN_DISK_RAM);
    assert_int_equal(config.disks[1].slot, 0);
    assert_string_equal(config.boot, "dc");
    assert_int_equal(config.serial_pty, 1);
    assert_int_equal(config.on_poweroff, DOMAIN_PRESERVE);
    assert_int_equal(config.on_reboot, DOMAIN_RENAME_RESTART);
    assert_int_equal(config.on_crash, DOMAIN_RESTART);
    assert_int_equal(config.cpu_weight, 512);
    assert_int_equal(config.cap_percent, 150);
    assert_true(config.cpus[0] == 0xd);
    assert_true(config.cpus[1] == UINT64_MAX);
    assert_int_equal(config.acpi, 0);
    assert_int_equal(config.apic, 0);
    assert_int_equal(config.localtime, 1);
    assert_int_equal(config.rtc_timeoffset_seconds, -3600);
}

static void defaults_are_xens(void **state) {
    (void)state;
    assert_int_equal(parse("name='a'"), 0);
    assert_int_equal(report.warnings, 2); /* type, memory */
    assert_int_equal(config.memory_mib, 32);
    assert_int_equal(config.vcpus, 1);
    assert_string_equal(config.boot, "cd");
    assert_int_equal(config.on_poweroff, DOMAIN_DESTROY);
    assert_int_equal(config.on_reboot, DOMAIN_RESTART);
    assert_int_equal(config.on_crash, DOMAIN_DESTROY);
    assert_int_equal(config.cpu_weight, 256);
    assert_int_equal(config.cap_percent, 0);
    assert_int_equal(config.acpi, 1);
    assert_int_equal(config.apic, 1);
    assert_int_equal(config.serial_pty, 0);
    assert_int_equal(config.uuid_set, 0);
    for (int i = 0; i < DOMAIN_VCPUS_MAX; i++)
        assert_true(config.cpus[i] == UINT64_MAX);
    assert_string_equal(domain_action_name(DOMAIN_RENAME_RESTART), "rename-restart");
}

static void boots_a_kernel_directly(void **state) {
    (void)state;
    assert_silent("kernel='vmlinuz'\nramdisk='initrd.img'\nroot='/dev/ram0'\nextra='console=ttyS0'");
    assert_int_equal(config.builder, DOMAIN_BUILDER_KERNEL);
    assert_string_equal(config.kernel, "vmlinuz");
    assert_string_equal(config.ramdisk, "initrd.img");
    assert_string_equal(config.command_line, "root=/dev/ram0 console=ttyS0");
    assert_silent("kernel='vmlinuz'\nextra='a'\nextra+=' b'");
    assert_string_equal(config.command_line, "a b");
    assert_silent("kernel='vmlinuz'\nroot='a'");
    assert_string_equal(config.command_line, "root=a");
    assert_warned("kernel='vmlinuz'\ncmdline='c'\nextra='a'", "guest.cfg:6: warning: extra: is ignored");
    assert_string_equal(config.command_line, "c");
    assert_warned("kernel='/usr/lib/xen/boot/hvmloader'", "hvmloader");
    assert_int_equal(config.builder, DOMAIN_BUILDER_FIRMWARE);
    assert_string_equal(config.kernel, "");
    assert_refused("ramdisk='initrd.img'", "guest.cfg:4: ramdisk: needs kernel");
    assert_warned("extra='a'", "no effect without kernel");
    assert_refused("kernel=''", "is empty");
    assert_refused("kernel='vmlinuz'\nextra='a\\nb'", "not printable");
}

static void command_line_is_bounded(void **state) {
    (void)state;
    char line[DOMAIN_COMMAND_LINE_MAX + 64], text[sizeof line];
    memset(text, 'x', sizeof text);
    text[DOMAIN_COMMAND_LINE_MAX] = '\0';
    snprintf(line, sizeof line, "kernel='k'\nextra='%s'", text);
    assert_silent(line);
    assert_int_equal(strlen(config.command_line), DOMAIN_COMMAND_LINE_MAX);
    snprintf(line, sizeof line, "kernel='k'\nextra='%sx'", text);
    assert_refused(line, "too long");
    text[DOMAIN_COMMAND_LINE_MAX - 6] = '\0';
    snprintf(line, sizeof line, "kernel='k'\nroot='%s'\nextra=''", text);
    assert_silent(line);
    snprintf(line, sizeof line, "kernel='k'\nroot='%s'\nextra='y'", text);
    assert_refused(line, "too long");
}

static void values_are_checked(void **state) {
    (void)state;
    assert_refused("vcpus = 'eight'", "guest.cfg:4: vcpus: \"eight\" is not a number; accepted: 1 to 4");
    assert_refused("vcpus = 8", "guest.cfg:4: vcpus: 8 is out of range; accepted: 1 to 4");
    assert_refused("vcpus = '\\t9'", "vcpus: \"?9\" is out of range; accepted: 1 to 4");
    assert_refused("vcpus = 0", "accepted: 1 to 4");
    assert_refused("vcpus = '-1'", "accepted: 1 to 4");
    assert_refused("vcpus = [ 1 ]", "guest.cfg:4: vcpus: [ ... ] is a list where one value is needed");
    assert_refused("vcpus = 99999999999999999999999", "too large for a number");
    assert_refused("vcpus = 0x", "is not a number");
    assert_refused("vcpus = 09", "is not a number");
    assert_refused("vcpus += 1", "+= adds to strings");
    assert_refused("maxvcpus = 2", "maxvcpus: 2 is not vcpus' 1");
    assert_refused("memory += 1", "+= adds");
    assert_refused("maxmem = 65", "maxmem: 65 is not memory's 64");
    assert_silent("maxmem = 64");
    assert_refused("cpu_weight = 0", "accepted: 1 to 65535");
    assert_refused("cpu_weight = 65536", "accepted: 1 to 65535");
    assert_silent("cpu_weight = 65535");
    assert_refused("cap = 101", "more than 1 vCPUs can use");
    assert_refused("cap = 401", "out of range");
    assert_silent("cap = 400\nvcpus = 4");
    assert_refused("rtc_timeoffset = '2147483648'", "out of range");
    assert_refused("acpi = 'yes'", "is not a number; accepted: 0, 1");
    assert_refused("type = 'pv'", "hypercalls; accepted: \"hvm\"");
    assert_refused("type = 'pvh'", "hypercalls");
    assert_refused("builder = 'generic'", "hypercalls");
    assert_refused("builder = 'linux'", "hypercalls");
    assert_refused("type = 'h'", "is no type");
    assert_silent("builder = 'hvm'");
    assert_refused("on_crash = 'coredump-destroy'", "core dumps");
    assert_refused("on_crash = 'soft-reset'", "made for Xen");
    assert_refused("on_reboot = 'reboot'", "is no action; accepted: \"destroy\", \"restart\"");
    assert_refused("boot = 'n'", "network");
    assert_refused("boot = 'cc'", "twice");
    assert_refused("boot = 'x'", "unknown letter");
    assert_refused("boot = ''", "names no device");
    assert_refused("serial = '/dev/ttyS0'", "serial");
    assert_refused("serial = [ 'pty', 'pty' ]", "second serial port");
    assert_silent("serial = 'none'");
    assert_refused("uuid = '0123'", "is no UUID");
    assert_refused("uuid = '0123456789abcdef0123456789abcdef0123'", "is no UUID");
    assert_refused("uuid = 'g1234567-89ab-cdef-0123-456789abcdef'", "is no UUID");
}

static void memory_has_bounds(void **state) {
    (void)state;
    static const char *const bad[] = {"0", "7", "1048577", "'lots'", "0x7fffffffffffffff", "'4096M'"};
    char text[128];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "name='a'\ntype='hvm'\nmemory=%s\n", bad[i]);
        assert_int_equal(parse(text), -1);
        assert_int_equal(report.errors, 1);
        assert_non_null(strstr(message(0), "guest.cfg:3: memory: "));
        assert_non_null(strstr(message(0), "accepted: 8 to 1048576"));
    }
    assert_int_equal(parse("name='a';type='hvm';memory=8"), 0);
    assert_int_equal(config.memory_mib, 8);
    assert_int_equal(parse("name='a';type='hvm';maxmem=128"), 0);
    assert_int_equal(config.memory_mib, 128);
}

static void names_are_checked(void **state) {
    (void)state;
    static const char *const bad[] = {
        "''",           "'a b'",  "'a/b'",      "'a\\\\b'",
        "'17'",         "'0x11'", "'Domain-0'", "'-a'",
        "'\\xc3\\xa4'", "17",     "[]",         "'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234'"};
    char text[128];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "type='hvm'\nmemory=64\nname=%s\n", bad[i]);
        if (parse(text) == 0)
            print_message("%s\n", bad[i]);
        assert_int_equal(parse(text), -1);
        assert_int_equal(report.errors, 1);
        assert_non_null(strstr(message(0), "guest.cfg:3: name: "));
    }
    assert_int_equal(parse("type='hvm'\nmemory=64\n"), -1);
    assert_int_equal(report.errors, 1);
    assert_non_null(strstr(message(0), "guest.cfg: name: is missing; accepted: "));
    assert_int_equal(parse(""), -1);
    assert_int_equal(
        parse("type='hvm';memory=64;name='aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123'"), 0);
}

static void disks_are_checked(void **state) {
    (void)state;
    assert_silent("disk = []");
    assert_silent("disk = ['ram:1M,hda']\ndisk += ['ram:1M,hdb','ram:1M,hdc']\ndisk += ['ram:1M,hdd',]");
    assert_int_equal(config.disk_count, 4);
    assert_int_equal(config.disks[3].slot, 3);
    assert_refused("disk = ['ram:1M,hda',\n\n'ram:1M,hda']",
                   "guest.cfg:6: disk: \"ram:1M,hda\" is for a drive that has");
    assert_refused("disk = 'ram:1M,hda'", "one value where a list");
    assert_refused("disk = [['ram:1M,hda']]", "a disk is a string");
    assert_refused("disk = ['nbd://host/x,hda,w']", "guest.cfg:4: disk: \"nbd\" asks for a block script");
    assert_refused("disk = ['a.img,,hda']", "accepted: file:NAME,hdc:cdrom,r (an image aboard), ram:SIZE,hda,w");
    assert_refused("disk = ['ram:1M,hda','ram:1M,xvda']", "has a disk already");
    assert_refused("disk = ['a.img,,sda,r']", "accepted: hda, hdb, hdc, hdd");
}

static void cpu_lists_are_xens(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t cpus; /* 0: wrong */
    } lists[] = {
        {"all", UINT64_MAX},
        {"0", 1},
        {"0-3", 0xf},
        {"0-3,^1", 0xd},
        {"^1,0-3", 0xf},
        {"63", 1ULL << 63},
        {"0-63", UINT64_MAX},
        {"all,^0-61", 3ULL << 62},
        {"0, 2 ,4", 0x15},
        {"3-3", 8},
        {"", 0},
        {"64", 0},
        {"0-64", 0},
        {"3-1", 0},
        {"^all", 0},
        {"1-", 0},
        {"-1", 0},
        {"0-3,^0-3", 0},
        {"^1", 0},
        {"0,,1", 0},
        {"0,", 0},
        {"1x", 0},
        {"node:0", 0},
        {"nodes:0-1", 0},
        {"^node:0", 0},
        {"99999999999999999999", 0},
        {"0-99999999999999999999", 0},
        {"a", 0},
        {"allx", 0},
        {"0x1", 0},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        uint64_t cpus = 0;
        const char *wrong = cpu_list_parse(lists[i].text, &cpus);
        if (cpus != lists[i].cpus || (wrong == NULL) != (cpus != 0))
            print_message("%s\n", lists[i].text);
        assert_true(cpus == lists[i].cpus);
        assert_int_equal(wrong == NULL, cpus != 0);
    }
    assert_silent("vcpus = 2\ncpus = '1-2'");
    assert_true(config.cpus[0] == 6 && config.cpus[1] == 6);
    assert_silent("cpus = 3");
    assert_true(config.cpus[0] == 8);
    assert_silent("vcpus = 3\ncpus = ['2', '3-8,^5']");
    assert_true(config.cpus[0] == 4 && config.cpus[1] == 0x1d8 && config.cpus[2] == UINT64_MAX);
    assert_silent("cpus = ['0','1','2','3','4','5']"); /* those of vCPUs that do not exist do not count */
    assert_refused("cpus = ['0','x']", "guest.cfg:4: cpus: \"x\" is not a list of CPUs");
}

static void keys_have_classes(void **state) {
    (void)state;
    assert_refused("vif = ['bridge=xenbr0']",
                   "guest.cfg:4: vif: not supported yet: there are no network devices; accepted: []");
    assert_silent("vif = []");
    assert_silent("usb = 0\nnestedhvm = 0\nxen_platform_pci = 0\nviridian = 0");
    assert_silent("viridian = []");
    assert_refused("usb = 1", "usb: not supported yet");
    assert_refused("viridian = ['base']", "not supported yet");
    assert_silent(
        "hap = 1\npae = 7\nnx = 1\nvga = 'stdvga'\nstdvga = 1\nbios = 'seabios'\nfirmware = 'bios'\nhdtype = 'ide'");
    assert_refused("hap = 0", "guest.cfg:4: hap: \"0\" is not supported yet: guest memory");
    assert_refused("vga = 'cirrus'", "accepted: \"stdvga\"");
    assert_refused("firmware = 'uefi'", "accepted: \"bios\", \"seabios\"");
    assert_refused("tsc_mode = 'always_emulate'", "accepted: \"default\", \"native\", 0, 2");
    assert_silent("tsc_mode = 2");
    assert_silent("timer_mode = 'no_delay_for_missed_ticks'");
    assert_warned("device_model_version = 'qemu-xen'", "guest.cfg:4: warning: device_model_version: has no effect");
    assert_warned("vnc = 1", "warning: vnc: has no effect: there is no VNC display");
    assert_refused("wibble = 1", "guest.cfg:4: wibble: is no key of xl.cfg(5)");
    assert_refused("vcpu = 1", "did you mean vcpus?");
    assert_refused("onpoweroff = 'destroy'", "did you mean on_poweroff?");
}

static void syntax_is_xens(void **state) {
    (void)state;
    assert_silent("extra = \"\\\"\\x41\\101\\\\'\" ; kernel = 'k' ;; ;");
    assert_string_equal(config.command_line, "\"AA\\'");
    assert_silent("kernel='k'\r\n\textra = 'a#b' # comment\r\n");
    assert_string_equal(config.command_line, "a#b");
    assert_silent("kernel='k';extra=5");
    assert_string_equal(config.command_line, "5");
    assert_warned("vcpus=1\nvcpus=2", "guest.cfg:5: warning: vcpus: replaces the value of line 4");
    assert_int_equal(config.vcpus, 2);
    assert_silent("#");
    assert_silent("disk = [\n# one\n\n'ram:1M,hda'\n,\n]");
}

static const char *const malformed[][2] = {
    {"vcpus", "guest.cfg:4:6: '=' or '+=' after the key expected before the end of the line"},
    {"vcpus =", "guest.cfg:4:8: a value (a number, a string in quotes, or [ a list ]) expected"},
    {"vcpus = True", "guest.cfg:4:9: \"True\" is neither a key nor a value"},
    {"vcpus = two", "guest.cfg:4:9: a value (a number, a string in quotes, or [ a list ]) expected, not \"two\""},
    {"vcpus = 2M", "guest.cfg:4:9: \"2M\" is not a number"},
    {"vcpus = 2 3", "the end of the line or ';' after the value expected, not \"3\""},
    {"vcpus == 2", "guest.cfg:4:8: a value"},
    {"= 2", "guest.cfg:4:1: a key expected, not \"=\""},
    {"'vcpus' = 2", "a key expected, not"},
    {"Vcpus = 2", "\"Vcpus\" is neither a key nor a value"},
    {"vcpus = -2", "\"-\" means nothing here"},
    {"vcpus + 2", "\"+\" means nothing here"},
    {"extra = 'abc", "guest.cfg:4:9: \"'abc\" has no closing quote"},
    {"extra = 'abc\\", "contains an unknown escape"},
    {"extra = 'a\\qb'", "contains an unknown escape"},
    {"extra = 'a\\x4'", "contains an unknown escape"},
    {"extra = 'a\\000'", "contains an unknown escape"},
    {"extra = 'a\\777'", "contains an unknown escape"},
    {"disk = [ 'a'", "',' or ']' expected before the end of the text"},
    {"disk = [ 'a' 'b' ]", "',' or ']' expected, not \"'b'\""},
    {"disk = [ , ]", "a value (a number, a string in quotes, or [ a list ]) expected, not \",\""},
    {"disk = [ 'a',, ]", "expected, not \",\""},
    {"disk = [ 'a' ] ]", "after the value expected, not \"]\""},
    {"disk = [[[[[[[[[1]]]]]]]]]", "too deep (8 at most)"},
    {"extra = 'a'\nextra += [ 'b' ]", "guest.cfg:5:1: += cannot add a list to a string"},
    {"vcpus = [ 1 ]\nvcpus += 1", "guest.cfg:5:1: += cannot add a list to a string or a string to a list"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = 1", "longer than any key"},
    {"disk = open('x')", "a value (a number"},
    {"\x80 = 1", "\"?\" means nothing here"},
};

static void syntax_errors_have_places(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, BASE "%s\n", malformed[i][0]);
        int result = parse(text);
        if (result == 0 || strstr(first_error(), malformed[i][1]) == NULL)
            print_message("%s\n%s\n", malformed[i][0], first_error());
        assert_int_equal(result, -1);
        assert_non_null(strstr(first_error(), malformed[i][1]));
    }
    /* it goes on with the next line */
    assert_int_equal(parse("name=\nvcpus=9\nmemory=M\n"), -1);
    assert_int_equal(report.errors, 3);
    assert_string_equal(message(2), "guest.cfg:2: vcpus: 9 is out of range; accepted: 1 to 4");
}

static void hostile_texts_end_in_errors(void **state) {
    (void)state;
    static char text[CONFIG_TEXT_MAX + 1];
    assert_int_equal(domain_config_parse("x", "name='a\0b'", 10, NULL, 0, &config, &report), -1);
    assert_non_null(strstr(message(0), "NUL byte"));
    assert_int_equal(domain_config_parse("x", "\0", 1, NULL, 0, &config, &report), -1);
    assert_non_null(strstr(message(0), "NUL byte"));
    memset(text, '[', sizeof text);
    assert_int_equal(domain_config_parse("x", text, sizeof text, NULL, 0, &config, &report), -1);
    assert_non_null(strstr(message(0), "too large"));
    assert_int_equal(domain_config_parse("x", text, CONFIG_TEXT_MAX, NULL, 0, &config, &report), -1);
    memcpy(text, "disk=", 5);
    assert_int_equal(domain_config_parse("x", text, CONFIG_TEXT_MAX, NULL, 0, &config, &report), -1);
    assert_non_null(strstr(message(0), "too deep"));
    size_t used = 0;
    for (int i = 0; i < 4000; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "cap=%d\n", i % 10);
    assert_int_equal(domain_config_parse("x", text, used, NULL, 0, &config, &report), -1);
    assert_int_equal(report.count, CONFIG_REPORT_MESSAGES);
    bool many = false; /* errors push warnings out of a full report */
    for (uint32_t i = 0; i < report.count; i++)
        many = many || strstr(message(i), "too many settings") != NULL;
    assert_true(many);
    used = (size_t)snprintf(text, sizeof text, "disk=[");
    for (int i = 0; i < 3000; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "'%d',\n", i);
    assert_int_equal(domain_config_parse("x", text, used, NULL, 0, &config, &report), -1);
    assert_non_null(strstr(message(0), "too many values"));
    memset(text, 'x', sizeof text);
    memcpy(text, "name='", 6);
    text[sizeof text - 2] = '\'';
    assert_int_equal(domain_config_parse("x", text, sizeof text - 1, NULL, 0, &config, &report), -1);
    assert_non_null(strstr(message(0), "too large"));
}

static void overrides_win(void **state) {
    (void)state;
    static const char *const good[] = {
        "memory=128",  "memory=256",    "name = other", "kernel=k",
        "extra=a b=c", "extra+= 'd'e'", "cpus=0-1",     "disk=['ram:1M,hda','ram:1M,hdb']",
        "vif=[]"};
    const char *text = BASE "extra='x'\ndisk=['a.iso,,hdc,cdrom']\n";
    assert_int_equal(parse_with(text, good, sizeof good / sizeof good[0]), -1);
    assert_int_equal(report.errors, 1); /* text after the quotes */
    assert_non_null(strstr(message(report.count - 1), "command line:6:"));
    static const char *const better[] = {"memory=128", "memory=256",  "name = other",
                                         "kernel=k",   "extra=a b=c", "extra+=' d'",
                                         "cpus=0-1",   "vif=[]",      "disk+=['ram:1M,hda',\"ram:1M,hdb\"]"};
    assert_int_equal(parse_with(text, better, sizeof better / sizeof better[0]), 0);
    assert_int_equal(config.memory_mib, 256);
    assert_string_equal(config.name, "other");
    assert_string_equal(config.command_line, "a b=c d");
    assert_true(config.cpus[0] == 3);
    assert_int_equal(config.disk_count, 3);
    static const char *const wrong[][2] = {
        {"vcpus=eight", "command line:1: vcpus: \"eight\" is not a number; accepted: 1 to 4"},
        {"wibble=1", "command line:1: wibble: is no key"},
        {"guest.cfg", "command line:1: \"guest.cfg\" is not a setting; accepted: key=value, key+=value"},
        {"=1", "is not a setting"},
        {"", "is not a setting"},
        {"vcpus", "is not a setting"},
        {"vcpus+", "is not a setting"},
        {"disk+=x", "+= cannot add"},
        {"disk+=['x']", "command line:1: disk: \"x\" does not say which drive"},
        {"disk=['x'", "command line:1:10: ',' or ']' expected"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int result = parse_with(text, wrong[i], 1);
        if (result == 0 || strstr(message(0), wrong[i][1]) == NULL)
            print_message("%s\n%s\n", wrong[i][0], message(report.count - 1));
        assert_int_equal(result, -1);
        assert_non_null(strstr(message(report.count - 1), wrong[i][1]));
    }
}

static void lists_nest(void **state) {
    (void)state;
    static const char text[] = "vnuma = [ [ 'pnode=0', 'size=512' ],\n [ 'pnode=1', ], [], 7 ]\n";
    config_report_clear(&report);
    config_document_clear(&document);
    assert_true(config_parse_file(&document, "x", text, strlen(text), &report));
    const struct config_setting *setting = config_find(&document, "vnuma");
    assert_non_null(setting);
    const struct config_value *list = config_setting_value(&document, setting);
    const struct config_value *node = config_list_next(&document, list, NULL);
    assert_int_equal(node->type, CONFIG_VALUE_LIST);
    const struct config_value *size = config_list_next(&document, node, config_list_next(&document, node, NULL));
    assert_string_equal(config_value_text(&document, size), "size=512");
    assert_null(config_list_next(&document, node, size));
    node = config_list_next(&document, list, node);
    assert_int_equal(node->line, 2);
    assert_int_equal(node->column, 2);
    node = config_list_next(&document, list, config_list_next(&document, list, node));
    assert_int_equal(node->type, CONFIG_VALUE_NUMBER);
    assert_null(config_list_next(&document, list, node));
    assert_null(config_find(&document, "disk"));
}

static void numbers_are_strtols(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum config_number_result result;
        int64_t number;
    } numbers[] = {
        {"0", CONFIG_NUMBER_OK, 0},
        {"010", CONFIG_NUMBER_OK, 8},
        {"0x1F", CONFIG_NUMBER_OK, 31},
        {"-0x10", CONFIG_NUMBER_OK, -16},
        {"+5", CONFIG_NUMBER_OK, 5},
        {" 5", CONFIG_NUMBER_OK, 5},
        {"", CONFIG_NUMBER_INVALID, 0},
        {"-", CONFIG_NUMBER_INVALID, 0},
        {"08", CONFIG_NUMBER_INVALID, 0},
        {"5 ", CONFIG_NUMBER_INVALID, 0},
        {"1e3", CONFIG_NUMBER_INVALID, 0},
        {"9223372036854775807", CONFIG_NUMBER_OK, INT64_MAX},
        {"9223372036854775808", CONFIG_NUMBER_TOO_LARGE, 0},
        {"0xffffffffffffffffffffffffffffffffffffff", CONFIG_NUMBER_TOO_LARGE, 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t number = 0;
        assert_int_equal(config_number(numbers[i].text, &number), numbers[i].result);
        if (numbers[i].result == CONFIG_NUMBER_OK)
            assert_true(number == numbers[i].number);
    }
}

static void messages_are_bounded(void **state) {
    (void)state;
    char text[600], line[CONFIG_REPORT_LINE_MAX], small[8];
    memset(text, 'k', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    config_report_clear(&report);
    struct config_place place = {text, UINT32_MAX, UINT32_MAX};
    for (int i = 0; i < 2 * CONFIG_REPORT_MESSAGES; i++)
        config_report_add(&report, CONFIG_ERROR, place, text, text, "%s", text);
    assert_int_equal(report.errors, 2 * CONFIG_REPORT_MESSAGES);
    assert_int_equal(report.count, CONFIG_REPORT_MESSAGES);
    size_t length = config_message_format(&report.messages[0], line, sizeof line);
    assert_int_equal(length, strlen(line));
    assert_true(length < sizeof line - 1); /* nothing is cut off */
    assert_int_equal(config_message_format(&report.messages[0], small, sizeof small), sizeof small - 1);
    assert_string_equal(config_quote("a\x1b[31m", 6).text, "\"a?[31m\"");
    assert_string_equal(config_quote(text, 41).text, "\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk...\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_whole_configuration),
        cmocka_unit_test(defaults_are_xens),
        cmocka_unit_test(boots_a_kernel_directly),
        cmocka_unit_test(command_line_is_bounded),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(memory_has_bounds),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(disks_are_checked),
        cmocka_unit_test(cpu_lists_are_xens),
        cmocka_unit_test(keys_have_classes),
        cmocka_unit_test(syntax_is_xens),
        cmocka_unit_test(syntax_errors_have_places),
        cmocka_unit_test(hostile_texts_end_in_errors),
        cmocka_unit_test(overrides_win),
        cmocka_unit_test(lists_nest),
        cmocka_unit_test(numbers_are_strtols),
        cmocka_unit_test(messages_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
