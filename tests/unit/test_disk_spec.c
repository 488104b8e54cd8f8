// Unit tests of disk specifications: every spelling of xl-disk-configuration(5), and what of it is offered.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/domain/disk_choice.h"

/* A DISKSPEC and what xl reads in it. */
struct spelling {
    const char *text;
    const char *target;
    enum disk_format format;
    const char *vdev;
    bool read_only;
    bool cdrom;
    const char *script;
};

#define GUEST_VOLUME "/dev/vg/guest-volume"
#define ISO          "/root/image.iso"
#define IQN          "iqn.2001-05.com.equallogic:0-8a0906-23fe93404-c82797962054a96d-examplehost"

static const struct spelling spellings[] = {
    /* the manual page's first group: equivalent */
    {GUEST_VOLUME ",,hda", GUEST_VOLUME, DISK_FORMAT_RAW, "hda", false, false, ""},
    {GUEST_VOLUME ",raw,hda,rw", GUEST_VOLUME, DISK_FORMAT_RAW, "hda", false, false, ""},
    {"format=raw, vdev=hda, access=rw, target=" GUEST_VOLUME, GUEST_VOLUME, DISK_FORMAT_RAW, "hda", false, false, ""},
    {"raw:" GUEST_VOLUME ",hda,w", GUEST_VOLUME, DISK_FORMAT_RAW, "hda", false, false, ""},
    /* its second group: equivalent */
    {ISO ",,hdc,cdrom", ISO, DISK_FORMAT_RAW, "hdc", true, true, ""},
    {ISO ",,hdc,,cdrom", ISO, DISK_FORMAT_RAW, "hdc", true, true, ""},
    {ISO ",raw,hdc,devtype=cdrom", ISO, DISK_FORMAT_RAW, "hdc", true, true, ""},
    {"format=raw, vdev=hdc, access=ro, devtype=cdrom, target=" ISO, ISO, DISK_FORMAT_RAW, "hdc", true, true, ""},
    {"raw:" ISO ",hdc:cdrom,ro", ISO, DISK_FORMAT_RAW, "hdc", true, true, ""},
    /* deprecated prefixes, alone and several of them */
    {"file:a.iso,hdc:cdrom,r", "a.iso", DISK_FORMAT_UNSET, "hdc", true, true, ""},
    {"phy:/dev/sda,hda,w", "/dev/sda", DISK_FORMAT_UNSET, "hda", false, false, ""},
    {"phy:vg/lv,hda:disk,w", "vg/lv", DISK_FORMAT_UNSET, "hda", false, false, ""},
    {"tap:aio:/some/path,hda,w", "/some/path", DISK_FORMAT_UNSET, "hda", false, false, ""},
    {"tap:aio:qcow:/a.qcow,hda,w", "/a.qcow", DISK_FORMAT_QCOW, "hda", false, false, ""},
    {"tap2:qcow2:/a.qcow2,hda,w", "/a.qcow2", DISK_FORMAT_QCOW2, "hda", false, false, ""},
    {"tapdisk:vhd:/a.vhd,hdb,w", "/a.vhd", DISK_FORMAT_VHD, "hdb", false, false, ""},
    {"ioemu:a.img,hdd,r", "a.img", DISK_FORMAT_UNSET, "hdd", true, false, ""},
    {"file:a.iso,raw,hdc,ro,cdrom", "a.iso", DISK_FORMAT_RAW, "hdc", true, true, ""},
    /* prefixes that stand for scripts */
    {"iscsi:" IQN ",xvda,w", IQN, DISK_FORMAT_UNSET, "xvda", false, false, "iscsi"},
    {"vdev=xvda,access=w,script=block-iscsi,target=" IQN, IQN, DISK_FORMAT_UNSET, "xvda", false, false, "block-iscsi"},
    {"drbd:app01,hda,w", "app01", DISK_FORMAT_UNSET, "hda", false, false, "drbd"},
    {"nbd:host:10809,hda,w", "host:10809", DISK_FORMAT_UNSET, "hda", false, false, "nbd"},
    {"enbd:x,hda,w", "x", DISK_FORMAT_UNSET, "hda", false, false, "enbd"},
    /* empty CD-ROM drives */
    {",hdc:cdrom,r", "", DISK_FORMAT_EMPTY, "hdc", true, true, ""},
    {",,hdc:cdrom,r", "", DISK_FORMAT_EMPTY, "hdc", true, true, ""},
    {",empty,hdc:cdrom,r", "", DISK_FORMAT_EMPTY, "hdc", true, true, ""},
    {"devtype=cdrom,,,hdc", "", DISK_FORMAT_EMPTY, "hdc", true, true, ""},
    {"vdev=hdc,access=r,devtype=cdrom,target=", "", DISK_FORMAT_EMPTY, "hdc", true, true, ""},
    {"vdev=hdc,access=r,devtype=cdrom,format=empty", "", DISK_FORMAT_EMPTY, "hdc", true, true, ""},
    {"vdev=hdc,access=r,devtype=cdrom", "", DISK_FORMAT_EMPTY, "hdc", true, true, ""},
    {"phy:,hdc:cdrom,r", "", DISK_FORMAT_EMPTY, "hdc", true, true, ""},
    /* mixtures, blanks, flags, defaults */
    {"vdev=hda, a.img", "a.img", DISK_FORMAT_UNSET, "hda", false, false, ""},
    {"format=qcow2,a.img,hda", "a.img", DISK_FORMAT_QCOW2, "hda", false, false, ""},
    {"a.img,vdev=hda,qed,ro", "a.img", DISK_FORMAT_QED, "hda", true, false, ""},
    {"a.img,format=,hda,access=", "a.img", DISK_FORMAT_RAW, "hda", false, false, ""},
    {" a.img,\traw, hda, r", "a.img", DISK_FORMAT_RAW, "hda", true, false, ""},
    {"a.iso,,hdc,w,cdrom", "a.iso", DISK_FORMAT_RAW, "hdc", true, true, ""},
    {",,hda,,target=with,commas:and=signs ", "with,commas:and=signs ", DISK_FORMAT_RAW, "hda", false, false, ""},
    {"a.img,,hda,discard,direct-io-safe,untrusted,no-colo", "a.img", DISK_FORMAT_RAW, "hda", false, false, ""},
    {"backendtype=phy,vdev=xvdb,access=w,target=/dev/x", "/dev/x", DISK_FORMAT_UNSET, "xvdb", false, false, ""},
};

static void reads_every_spelling(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        const struct spelling *want = &spellings[i];
        struct disk_spec spec;
        struct disk_error error = {0};
        bool good = disk_spec_parse(want->text, &spec, &error);
        if (!good)
            print_message("%s: %s\n", want->text, error.reason);
        assert_true(good);
        assert_string_equal(spec.text[DISK_TARGET], want->target);
        assert_string_equal(spec.text[DISK_VDEV], want->vdev);
        assert_string_equal(spec.text[DISK_SCRIPT], want->script);
        assert_int_equal(spec.format, want->format);
        assert_int_equal(spec.cdrom, want->cdrom);
        if (spec.read_only != want->read_only)
            print_message("%s: wrong access\n", want->text);
        assert_int_equal(spec.read_only, want->read_only);
    }
}

/* What is no DISKSPEC, and a part of the reason. */
static const char *const malformed[][2] = {
    {"", "which drive"},
    {"foo", "which drive"},
    {"a.img,,,", "which drive"},
    {",,hda", "no target"},
    {"vdev=hda,target=", "no target"},
    {"a.img,zip,hda", "no format"},
    {"format=zip,a.img,,hda", "no format"},
    {"a.img,,hda,x", "no kind of access"},
    {"a.img,,hda,access=maybe", "no kind of access"},
    {"a.img,,hda,devtype=floppy", "no type"},
    {"a.img,hda:floppy", "no format"},
    {"file:a.img,hda:floppy,w", "no type"},
    {"a.img,,hda,w,more", "one more"},
    {"a.img,,hda,colour=blue", "no parameter"},
    {"a.img,,hda,vdev=hdb", "second time"},
    {"a.img,raw,hda,format=qcow2", "second time"},
    {"a.img,,hda,target=b.img", "second time"},
    {"http://host/a.iso,,hdc,cdrom", "URL"},
    {"sheepdog:a,,hda", "unknown prefix"},
};

static void refuses_malformed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        struct disk_spec spec;
        struct disk_error error = {0};
        bool good = disk_spec_parse(malformed[i][0], &spec, &error);
        if (good || strstr(error.reason, malformed[i][1]) == NULL)
            print_message("%s: %s\n", malformed[i][0], good ? "accepted" : error.reason);
        assert_false(good);
        assert_non_null(strstr(error.reason, malformed[i][1]));
        assert_true(error.word >= malformed[i][0]);
        assert_true(error.word + error.word_length <= malformed[i][0] + strlen(malformed[i][0]));
    }
    char large[DISK_SPEC_MAX + 2];
    memset(large, 'a', sizeof large);
    large[sizeof large - 1] = '\0';
    struct disk_spec spec;
    struct disk_error error;
    assert_false(disk_spec_parse(large, &spec, &error));
    large[DISK_SPEC_MAX] = '\0';
    memcpy(large + DISK_SPEC_MAX - 5, ",,hda", 5);
    assert_true(disk_spec_parse(large, &spec, &error));
}

static bool choose(const char *text, struct domain_disk *disk, struct disk_error *error) {
    static struct disk_spec spec; /* `error` points into it */
    assert_true(disk_spec_parse(text, &spec, error));
    return disk_choose(&spec, disk, error);
}

static void offers_images_and_memory(void **state) {
    (void)state;
    static const char *const isos[] = {
        "file:a.iso,hdc:cdrom,r",
        "a.iso,,hdc,cdrom",
        "a.iso,raw,hdc,,cdrom",
        "format=raw,vdev=hdc,devtype=cdrom,access=ro,target=a.iso",
        "phy:a.iso,hdc:cdrom,r",
        "tap:aio:raw:a.iso,hdc:cdrom,r",
        "backendtype=qdisk,vdev=hdc,cdrom,target=a.iso",
        "backend=Domain-0,specification=xen,vdev=hdc,cdrom,no-discard,target=a.iso",
    };
    struct domain_disk disk, first;
    struct disk_error error;
    assert_true(choose(isos[0], &first, &error));
    assert_int_equal(first.kind, DOMAIN_DISK_IMAGE);
    assert_int_equal(first.slot, 2);
    assert_int_equal(first.cdrom, 1);
    assert_int_equal(first.read_only, 1);
    assert_string_equal(first.name, "a.iso");
    for (size_t i = 1; i < sizeof isos / sizeof isos[0]; i++) {
        assert_true(choose(isos[i], &disk, &error));
        assert_memory_equal(&disk, &first, sizeof disk);
    }
    static const char *const disks[] = {
        "ram:64M,hda,w", "ram:64,hda", "ram:64m,raw,hda,rw", "ram:65536K,,hda", "vdev=hda,target=ram:64M",
    };
    for (size_t i = 0; i < sizeof disks / sizeof disks[0]; i++) {
        assert_true(choose(disks[i], &disk, &error));
        assert_int_equal(disk.kind, DOMAIN_DISK_RAM);
        assert_int_equal(disk.slot, 0);
        assert_int_equal(disk.read_only, 0);
        assert_true(disk.size_bytes == UINT64_C(64) << 20);
    }
    static const char *const names[] = {"ram:1M,hdd", "ram:1M,xvdd", "ram:1M,d3", "ram:1M,d3p0"}; /* one drive */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(choose(names[i], &disk, &error));
        assert_int_equal(disk.slot, 3);
    }
    assert_true(choose(",hdd:cdrom,r", &disk, &error));
    assert_int_equal(disk.kind, DOMAIN_DISK_EMPTY);
    assert_int_equal(disk.slot, 3);
    assert_true(choose("a.img,,hdb,r", &disk, &error)); /* a read-only disk that is no CD-ROM */
    assert_int_equal(disk.cdrom, 0);
    assert_int_equal(disk.read_only, 1);
}

static const char *const refusals[][2] = {
    {"nbd://host/export,hda,w", "block script"},
    {"vdev=hda,target=nbd://host/export", "URL"},
    {"iscsi:x,hda,w", "block script"},
    {"script=block-x,vdev=hda,target=x", "block script"},
    {"a.img,,hda,backend=storage", "Domain-0"},
    {"a.img,,hda,r,backendtype=standalone", "backend type"},
    {"a.img,,hda,r,specification=virtio", "specification"},
    {"a.img,,hda,r,colo", "not supported"},
    {"a.img,,hda,r,colo-host=h,colo-port=1", "COLO"},
    {"a.img,,xvde,r", "fifth"},
    {"a.img,,xvdaa,r", "fifth"},
    {"a.img,,xvda1,r", "whole drives"},
    {"a.img,,d4,r", "fifth"},
    {"a.img,,d10,r", "fifth"},
    {"a.img,,d0p1,r", "whole drives"},
    {"a.img,,d,r", "no drive"},
    {"a.img,,dp0,r", "no drive"},
    {"a.img,,51712,r", "no drive"},
    {"a.img,,sda,r", "SCSI"},
    {"a.img,,hde,r", "fifth"},
    {"a.img,,hda1,r", "whole drives"},
    {"a.img,,fd0,r", "no drive"},
    {"a.img,,hd,r", "no drive"},
    {"a.img,,hda,w", "cannot be written"},
    {"a.img,,hda", "cannot be written"},
    {"a.img,qcow2,hda,r", "format"},
    {"/dev/vg/guest-volume,,hda", "block device of the host"},
    {"ram:64M,hdc:cdrom,r", "CD-ROM"},
    {"ram:,hda,w", "no size"},
    {"ram:0,hda,w", "no size"},
    {"ram:1023K,hda,w", "no size"},
    {"ram:65G,hda,w", "no size"},
    {"ram:99999999999999999999,hda,w", "no size"},
    {"ram:64MB,hda,w", "no size"},
    {"ram:64X,hda,w", "no size"},
    {"ram:-1,hda,w", "no size"},
};

static void refuses_with_reasons(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct domain_disk disk;
        struct disk_error error = {0};
        static struct disk_spec spec;
        const char *text = refusals[i][0];
        const char *reason = refusals[i][1];
        assert_true(disk_spec_parse(text, &spec, &error));
        bool good = disk_choose(&spec, &disk, &error);
        if (good || strstr(error.reason, reason) == NULL)
            print_message("%s: %s\n", text, good ? "accepted" : error.reason);
        assert_false(good);
        assert_non_null(strstr(error.reason, reason));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_spelling),
        cmocka_unit_test(refuses_malformed),
        cmocka_unit_test(offers_images_and_memory),
        cmocka_unit_test(refuses_with_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
