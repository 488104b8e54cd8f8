// Which of Xen's disks this hypervisor offers now; everything else is refused with its reason.
#include "dom0/domain/disk_choice.h"

#include <string.h>

static const char accepted_targets[] = "file:NAME,hdc:cdrom,r (an image aboard), ram:SIZE,hda,w (a disk in memory)";

static bool fail(struct disk_error *error, const char *word, const char *reason, const char *accepted) {
    *error = (struct disk_error){reason, accepted, word, strlen(word)};
    return false;
}

/* Parameters that ask for something which a disk here does not have. */
static bool check_texts(const struct disk_spec *spec, struct disk_error *error) {
    const char *script = spec->text[DISK_SCRIPT];
    const char *backend = spec->text[DISK_BACKEND];
    const char *backendtype = spec->text[DISK_BACKENDTYPE];
    const char *specification = spec->text[DISK_SPECIFICATION];
    if (script[0] != '\0')
        return fail(error, script, "asks for a block script; network disks are not supported yet", accepted_targets);
    if (backend[0] != '\0' && strcmp(backend, "0") != 0 && strcmp(backend, "Domain-0") != 0)
        return fail(error, backend, "is another backend than Domain-0, which is not supported", "backend=Domain-0");
    if (strcmp(backendtype, "") != 0 && strcmp(backendtype, "phy") != 0 && strcmp(backendtype, "qdisk") != 0 &&
        strcmp(backendtype, "tap") != 0)
        return fail(error, backendtype, "is no backend type that is supported", "phy, qdisk");
    if (strcmp(specification, "") != 0 && strcmp(specification, "xen") != 0)
        return fail(error, specification, "is no specification that is supported yet", "xen");
    for (int colo = DISK_COLO_HOST; colo < DISK_TEXTS; colo++) {
        if (spec->text[colo][0] != '\0')
            return fail(error, spec->text[colo], "belongs to COLO, which is not supported yet", "");
    }
    if (spec->colo)
        return fail(error, "colo", "is not supported yet", "");
    return true;
}

/* What follows the name of a disk: "" or, after dN, "p0" for all of it. */
static bool whole_disk(const char *rest) {
    return rest[0] == '\0' || strcmp(rest, "p0") == 0;
}

/* The drive of the IDE controller. libxl gives an HVM domain the first four of all disks but sd* as hda to hdd, however
 * they are called (xen-vbd-interface(7)): hda, xvda and d0 are the same drive. */
static bool choose_slot(const char *vdev, struct domain_disk *disk, struct disk_error *error) {
    static const char accepted[] = "hda, hdb, hdc, hdd";
    if (strncmp(vdev, "sd", 2) == 0)
        return fail(error, vdev, "is a SCSI disk, and there is no SCSI controller yet", accepted);
    size_t prefix = strncmp(vdev, "xvd", 3) == 0 ? 3 : strncmp(vdev, "hd", 2) == 0 ? 2 : 0;
    bool number = prefix == 0 && vdev[0] == 'd' && vdev[1] >= '0' && vdev[1] <= '9';
    char drive = number ? (char)(vdev[1] - '0' + 'a') : vdev[prefix];
    const char *rest = vdev + (number ? 2 : prefix + 1);
    if ((prefix == 0 && !number) || drive < 'a' || drive > 'z')
        return fail(error, vdev, "is no drive", accepted);
    bool longer = number ? rest[0] >= '0' && rest[0] <= '9' : rest[0] >= 'a' && rest[0] <= 'z';
    if (drive > 'd' || longer)
        return fail(error, vdev, "is a fifth or later drive, and an IDE controller has four", accepted);
    if (number ? !whole_disk(rest) : rest[0] != '\0')
        return fail(error, vdev, "is a part of a drive; an HVM domain gets whole drives only", accepted);
    disk->slot = (uint8_t)(drive - 'a');
    return true;
}

/* SIZE of a disk in memory: a number with k, m, g or t; without a letter megabytes, as for Xen's memory sizes. */
static bool ram_size(const char *text, uint64_t *bytes) {
    static const char units[] = "kmgt";
    uint64_t value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9)
        return false;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    char letter = text[digits] == '\0' ? 'm' : (char)(text[digits] | 0x20);
    const char *unit = strchr(units, letter);
    if (unit == NULL || (text[digits] != '\0' && text[digits + 1] != '\0'))
        return false;
    *bytes = value << (10 * (unit - units + 1));
    return *bytes >= DOMAIN_DISK_RAM_MIN && *bytes <= DOMAIN_DISK_RAM_MAX;
}

static bool choose_ram(const struct disk_spec *spec, struct domain_disk *disk, struct disk_error *error) {
    const char *size = spec->text[DISK_TARGET];
    if (spec->cdrom)
        return fail(error, size, "is a disk in memory, which cannot be a CD-ROM", "ram:SIZE,hda,w");
    if (!ram_size(size, &disk->size_bytes))
        return fail(error, size, "is no size of a disk in memory", "1M to 64G, with K, M, G or T");
    disk->kind = DOMAIN_DISK_RAM;
    return true;
}

static bool name_printable(const char *name) {
    for (; *name != '\0'; name++) {
        if (*name < ' ' || *name > '~')
            return false;
    }
    return true;
}

static bool choose_image(const struct disk_spec *spec, struct domain_disk *disk, struct disk_error *error) {
    const char *target = spec->text[DISK_TARGET];
    if (strncmp(target, "/dev/", 5) == 0)
        return fail(error, target, "is a block device of the host, which is not supported yet", accepted_targets);
    if (strstr(target, "://") != NULL)
        return fail(error, target, "is a URL, and network disks are not supported yet", accepted_targets);
    if (strlen(target) > DOMAIN_FILE_NAME_MAX || !name_printable(target))
        return fail(error, target, "is no name of an image", "at most 127 printable characters");
    if (!spec->read_only)
        return fail(error, target, "is an image aboard, which cannot be written to", accepted_targets);
    disk->kind = DOMAIN_DISK_IMAGE;
    memcpy(disk->name, target, strlen(target) + 1);
    return true;
}

bool disk_choose(const struct disk_spec *spec, struct domain_disk *disk, struct disk_error *error) {
    memset(disk, 0, sizeof *disk);
    if (!check_texts(spec, error) || !choose_slot(spec->text[DISK_VDEV], disk, error))
        return false;
    disk->cdrom = spec->cdrom;
    disk->read_only = spec->read_only;
    if (spec->format == DISK_FORMAT_EMPTY && spec->cdrom) {
        disk->kind = DOMAIN_DISK_EMPTY;
        return true;
    }
    if (spec->format != DISK_FORMAT_UNSET && spec->format != DISK_FORMAT_RAW)
        return fail(error, spec->text[DISK_TARGET], "has a format that is not supported yet", "format=raw");
    return spec->ram ? choose_ram(spec, disk, error) : choose_image(spec, disk, error);
}
