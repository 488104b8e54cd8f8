// A configuration and the files aboard that it names.
#include "dom0/domain/domain_check.h"

#include <string.h>

#include "dom0/domain/aboard.h"
#include "lib/format.h"

// ECMA-119 section 8.1: the first volume descriptor is in sector 16 and has the standard identifier CD001.
#define ISO_IDENTIFIER_AT (16u * 2048u + 1u)

// Linux Documentation/arch/x86/boot.rst: boot_flag AA55h at 1FEh, header "HdrS" at 202h, version at 206h.
#define LINUX_MAGIC_AT   0x202u
#define LINUX_VERSION_AT 0x206u
#define LINUX_VERSION    0x0206u // the first with cmdline_size

bool domain_name_is_valid(const char *name) {
    static const char accepted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+:@-";
    size_t length = strlen(name);
    if (length == 0 || length > DOMAIN_NAME_MAX || strspn(name, accepted) != length || !strcmp(name, "Domain-0") ||
        name[0] == '-') // an option to verbs
        return false;
    return strspn(name, "0123456789") != length; // verbs would take it for an id
}

// Finds NAME and makes it the file's full name.
static const char *find(const char *what, char name[DOMAIN_FILE_NAME_MAX + 1], struct aboard_file *file, char *error,
                        size_t size) {
    char names[384];
    if (aboard_find_in(ABOARD_IMAGES, name, file) && strlen(file->name) <= DOMAIN_FILE_NAME_MAX) {
        format(name, DOMAIN_FILE_NAME_MAX + 1, "%s", file->name);
        return NULL;
    }
    format(error, size, "no such %s aboard: %s; aboard are: %s", what, name,
           aboard_names(ABOARD_IMAGES, names, sizeof names));
    return error;
}

static const char *check_iso(const struct aboard_file *file, char *error, size_t size) {
    if (file->size >= ISO_IDENTIFIER_AT + 5 && !memcmp((const char *)file->data + ISO_IDENTIFIER_AT, "CD001", 5))
        return NULL;
    format(error, size, "%s is not an ISO image: no volume descriptor CD001 in sector 16", file->name);
    return error;
}

static const char *check_kernel(const struct aboard_file *file, char *error, size_t size) {
    const uint8_t *bytes = file->data;
    if (file->size < 1024 || bytes[0x1fe] != 0x55 || bytes[0x1ff] != 0xaa ||
        memcmp(bytes + LINUX_MAGIC_AT, "HdrS", 4)) {
        format(error, size, "%s is not a Linux kernel (bzImage): no boot header HdrS", file->name);
        return error;
    }
    unsigned version = bytes[LINUX_VERSION_AT] | (unsigned)bytes[LINUX_VERSION_AT + 1] << 8;
    if (version >= LINUX_VERSION)
        return NULL;
    format(error, size, "%s has Linux boot protocol %u.%02u; accepted: 2.06 and newer", file->name, version >> 8,
           version & 0xff);
    return error;
}

static const char *check_disk(struct domain_disk *disk, char *error, size_t size) {
    struct aboard_file file;
    if (disk->kind != DOMAIN_DISK_IMAGE)
        return NULL;
    if (find("image", disk->name, &file, error, size))
        return error;
    if (disk->cdrom)
        return check_iso(&file, error, size);
    if (file.size != 0 && file.size % 512 == 0)
        return NULL;
    format(error, size, "%s is not a disk image: %llu bytes are no whole number of sectors of 512", file.name,
           (unsigned long long)file.size);
    return error;
}

static const char *check_boot(struct domain_config *config, char *error, size_t size) {
    struct aboard_file file;
    if (config->builder != DOMAIN_BUILDER_KERNEL)
        return NULL;
    if (find("kernel", config->kernel, &file, error, size) || check_kernel(&file, error, size))
        return error;
    return config->ramdisk[0] ? find("ramdisk", config->ramdisk, &file, error, size) : NULL;
}

const char *domain_resolve(struct domain_config *config, char *error, size_t size) {
    if (check_boot(config, error, size))
        return error;
    for (unsigned i = 0; i < config->disk_count && i < DOMAIN_DISKS_MAX; i++)
        if (check_disk(&config->disks[i], error, size))
            return error;
    return NULL;
}
