// The configuration of a domain: the plain data that the domain manager keeps, and the way to it from Xen's syntax.
#pragma once

#include "dom0/domain/config_report.h"

#define DOMAIN_CONFIG_VERSION   1
#define DOMAIN_NAME_MAX         63
#define DOMAIN_FILE_NAME_MAX    127
#define DOMAIN_COMMAND_LINE_MAX 2047 /* COMMAND_LINE_SIZE of x86 Linux with its NUL is 2048 */
#define DOMAIN_VCPUS_MAX        4
#define DOMAIN_DISKS_MAX        4
#define DOMAIN_MEMORY_MIB_MIN                                                                                          \
    8 /* the screen has 4 of them; with less, SeaBIOS has no room for its tables beside a DOS */
#define DOMAIN_MEMORY_MIB_MAX 1048576 /* 1 TiB */
#define DOMAIN_MEMORY_MIB     32      /* Xen's, if a configuration says nothing */
#define DOMAIN_DISK_RAM_MIN   (UINT64_C(1) << 20)
#define DOMAIN_DISK_RAM_MAX   (UINT64_C(64) << 30)

enum domain_builder { DOMAIN_BUILDER_FIRMWARE, DOMAIN_BUILDER_KERNEL };

enum domain_action { DOMAIN_DESTROY, DOMAIN_RESTART, DOMAIN_RENAME_RESTART, DOMAIN_PRESERVE };

enum domain_disk_kind {
    DOMAIN_DISK_NONE,  /* this element is not used */
    DOMAIN_DISK_IMAGE, /* an image aboard, `name` in the boot archive */
    DOMAIN_DISK_RAM,   /* `size_bytes` of memory, zero at creation */
    DOMAIN_DISK_EMPTY  /* a CD-ROM drive without a medium */
};

struct domain_disk {
    uint8_t kind;      /* enum domain_disk_kind */
    uint8_t slot;      /* 0 to 3: hda (primary master) to hdd (secondary slave) */
    uint8_t cdrom;     /* ATAPI */
    uint8_t read_only; /* always for images and CD-ROMs */
    uint32_t reserved;
    uint64_t size_bytes; /* RAM: size. Others: 0, the image's own */
    char name[DOMAIN_FILE_NAME_MAX + 1];
};

/* Fixed size, without pointers, equal for equal configurations (all unused bytes are zero). */
struct domain_config {
    uint32_t version; /* DOMAIN_CONFIG_VERSION */
    uint32_t memory_mib;
    char name[DOMAIN_NAME_MAX + 1];
    uint8_t uuid[16]; /* in the order of its text */
    uint8_t uuid_set; /* 0: a fresh one is to be made */
    uint8_t builder;  /* enum domain_builder */
    uint8_t vcpus;
    uint8_t disk_count;
    uint8_t serial_pty; /* COM1 is the domain's console */
    uint8_t acpi;
    uint8_t apic; /* MP and $PIR tables with one vCPU */
    uint8_t localtime;
    uint8_t on_poweroff; /* enum domain_action */
    uint8_t on_reboot;
    uint8_t on_crash;
    char boot[5]; /* letters c (disk) and d (CD-ROM) in their order */
    int32_t rtc_timeoffset_seconds;
    uint16_t cpu_weight;
    uint16_t cap_percent;            /* of one CPU; 0: none */
    uint64_t cpus[DOMAIN_VCPUS_MAX]; /* host CPUs that each vCPU may use: bit n is CPU n */
    char kernel[DOMAIN_FILE_NAME_MAX + 1];
    char ramdisk[DOMAIN_FILE_NAME_MAX + 1]; /* "": none */
    char command_line[DOMAIN_COMMAND_LINE_MAX + 1];
    struct domain_disk disks[DOMAIN_DISKS_MAX];
};

_Static_assert(sizeof(struct domain_config) <= 4096, "a domain's configuration fits into one page");

/* Reads the configuration `text` of `size` bytes, then `overrides`, the `key=value` words of the command line, of which
 * later ones win. Returns 0 and fills `out`, or returns -1 and leaves `out` alone; `report` has all errors, and the
 * warnings in both cases. `file_name` is used in messages only. Uses static memory: one caller at a time. */
__attribute__((warn_unused_result)) int domain_config_parse(const char *file_name, const char *text, size_t size,
                                                            const char *const *overrides, size_t override_count,
                                                            struct domain_config *out, struct config_report *report);

/* Xen's word for an action. */
const char *domain_action_name(enum domain_action action);
