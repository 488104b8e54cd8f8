// DISKSPEC of xl-disk-configuration(5) of Xen 4.17: all spellings of a disk, to one structure.
// What of it this hypervisor offers is decided by disk_choice.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SPEC_MAX 512 /* bytes of a DISKSPEC */

enum disk_format {
    DISK_FORMAT_UNSET, /* not said: raw */
    DISK_FORMAT_RAW,
    DISK_FORMAT_QCOW,
    DISK_FORMAT_QCOW2,
    DISK_FORMAT_VHD,
    DISK_FORMAT_QED,
    DISK_FORMAT_EMPTY
};

/* Parameters that are strings. */
enum disk_text {
    DISK_TARGET,
    DISK_VDEV,
    DISK_SCRIPT,
    DISK_BACKEND,
    DISK_BACKENDTYPE,
    DISK_SPECIFICATION,
    DISK_COLO_HOST,
    DISK_COLO_PORT,
    DISK_COLO_EXPORT,
    DISK_ACTIVE_DISK,
    DISK_HIDDEN_DISK,
    DISK_TEXTS
};

struct disk_spec {
    char text[DISK_TEXTS][DISK_SPEC_MAX + 1]; /* "": not said, or said to be empty */
    enum disk_format format;
    bool target_set;
    bool access_set;
    bool read_only; /* by access=, and always for a CD-ROM */
    bool cdrom;
    bool colo;
    bool direct_io_safe;
    bool no_discard;
    bool untrusted;
    bool prefixed; /* one of the deprecated prefixes was there; it took the place of the format */
    bool ram;      /* `ram:SIZE`, with text[DISK_TARGET] being SIZE: this hypervisor's own */
};

/* What is wrong with a DISKSPEC; the strings are constants. `word` is the part of the text that is meant. */
struct disk_error {
    const char *reason;
    const char *accepted;
    const char *word;
    size_t word_length;
};

/* Reads a DISKSPEC as xl 4.17 does. False: it is not one, and `error` says why. */
__attribute__((warn_unused_result)) bool disk_spec_parse(const char *text, struct disk_spec *spec,
                                                         struct disk_error *error);
