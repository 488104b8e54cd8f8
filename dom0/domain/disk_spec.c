// DISKSPEC of xl-disk-configuration(5): parameters by name, flags, positions, and the prefixes of xend's time.
#include "dom0/domain/disk_spec.h"

#include <string.h>

struct word {
    const char *text;
    size_t length;
};

struct name_value {
    const char *name;
    int value;
};

static const struct name_value formats[] = {
    {"", DISK_FORMAT_RAW},    {"raw", DISK_FORMAT_RAW}, {"qcow", DISK_FORMAT_QCOW},   {"qcow2", DISK_FORMAT_QCOW2},
    {"vhd", DISK_FORMAT_VHD}, {"qed", DISK_FORMAT_QED}, {"empty", DISK_FORMAT_EMPTY}, {NULL, 0},
};

/* The value is whether it is read-only. */
static const struct name_value accesses[] = {{"r", 1}, {"ro", 1}, {"w", 0}, {"rw", 0}, {"", 0}, {NULL, 0}};

/* The value is whether it is a CD-ROM drive. */
static const struct name_value devtypes[] = {{"cdrom", 1}, {"disk", 0}, {NULL, 0}};

static const struct name_value texts[] = {
    {"vdev=", DISK_VDEV},
    {"script=", DISK_SCRIPT},
    {"backend=", DISK_BACKEND},
    {"backendtype=", DISK_BACKENDTYPE},
    {"specification=", DISK_SPECIFICATION},
    {"colo-host=", DISK_COLO_HOST},
    {"colo-port=", DISK_COLO_PORT},
    {"colo-export=", DISK_COLO_EXPORT},
    {"active-disk=", DISK_ACTIVE_DISK},
    {"hidden-disk=", DISK_HIDDEN_DISK},
    {NULL, 0},
};

/* Prefixes that once chose an implementation and that xl ignores. */
static const char *const ignored_prefixes[] = {"tapdisk:", "tap:", "tap2:", "aio:", "ioemu:", "file:", "phy:", NULL};

/* Prefixes that stand for a script; the value is the length of the script's name. */
static const char *const script_prefixes[] = {"iscsi:", "nbd:", "enbd:", "drbd:", NULL};

static const struct name_value format_prefixes[] = {{"raw:", DISK_FORMAT_RAW},
                                                    {"qcow:", DISK_FORMAT_QCOW},
                                                    {"qcow2:", DISK_FORMAT_QCOW2},
                                                    {"vhd:", DISK_FORMAT_VHD},
                                                    {NULL, 0}};

static const char accepted_formats[] = "raw, qcow, qcow2, vhd, qed";
static const char accepted_parameters[] = "target, format, vdev, access, devtype, backend, backendtype, script, ...";
static const char accepted_prefixes[] = "file: phy: raw: qcow: qcow2: vhd: tap: tap2: tapdisk: aio: ioemu: ram:";

static bool fail(struct disk_error *error, struct word word, const char *reason, const char *accepted) {
    *error = (struct disk_error){reason, accepted, word.text, word.length};
    return false;
}

static bool word_is(struct word word, const char *name) {
    return strlen(name) == word.length && memcmp(word.text, name, word.length) == 0;
}

static bool word_begins(struct word word, const char *name) {
    return strlen(name) <= word.length && memcmp(word.text, name, strlen(name)) == 0;
}

static const struct name_value *word_find(struct word word, const struct name_value *table) {
    while (table->name != NULL && !word_is(word, table->name))
        table++;
    return table->name != NULL ? table : NULL;
}

static struct word word_from(struct word word, size_t skip) {
    return (struct word){word.text + skip, word.length - skip};
}

/* Sets a parameter that is a string; one that was empty may be set again, one that was not may not. */
static bool set_text(struct disk_spec *spec, enum disk_text which, struct word value, struct disk_error *error) {
    if (spec->text[which][0] != '\0')
        return fail(error, value, "gives a parameter of the disk a second time", "");
    memcpy(spec->text[which], value.text, value.length);
    spec->text[which][value.length] = '\0';
    return true;
}

static bool set_format(struct disk_spec *spec, struct word value, struct disk_error *error) {
    const struct name_value *format = word_find(value, formats);
    if (format == NULL)
        return fail(error, value, "is no format of an image", accepted_formats);
    if (spec->format != DISK_FORMAT_UNSET && (int)spec->format != format->value)
        return fail(error, value, "gives the format a second time", "");
    spec->format = (enum disk_format)format->value;
    return true;
}

static bool set_access(struct disk_spec *spec, struct word value, struct disk_error *error) {
    const struct name_value *access = word_find(value, accesses);
    if (access == NULL)
        return fail(error, value, "is no kind of access", "r, ro, w, rw");
    spec->access_set = true;
    spec->read_only = access->value != 0;
    return true;
}

static bool set_devtype(struct disk_spec *spec, struct word value, struct disk_error *error) {
    const struct name_value *devtype = word_find(value, devtypes);
    if (devtype == NULL)
        return fail(error, value, "is no type of a device", "cdrom, disk");
    spec->cdrom = devtype->value != 0;
    return true;
}

/* VDEV, or VDEV:DEVTYPE of the deprecated syntax. */
static bool set_vdev(struct disk_spec *spec, struct word value, struct disk_error *error) {
    const char *colon = memchr(value.text, ':', value.length);
    if (colon == NULL)
        return set_text(spec, DISK_VDEV, value, error);
    struct word vdev = {value.text, (size_t)(colon - value.text)};
    return set_text(spec, DISK_VDEV, vdev, error) && set_devtype(spec, word_from(value, vdev.length + 1), error);
}

/* A target of its own kind: `ram:SIZE` for a disk in memory. */
static bool set_target(struct disk_spec *spec, struct word value, struct disk_error *error) {
    spec->target_set = true;
    spec->ram = spec->ram || word_begins(value, "ram:");
    return set_text(spec, DISK_TARGET, word_begins(value, "ram:") ? word_from(value, 4) : value, error);
}

/* name=value without target=. */
static bool parse_named(struct disk_spec *spec, struct word word, struct disk_error *error) {
    if (word_begins(word, "format="))
        return set_format(spec, word_from(word, 7), error);
    if (word_begins(word, "access="))
        return set_access(spec, word_from(word, 7), error);
    if (word_begins(word, "devtype="))
        return set_devtype(spec, word_from(word, 8), error);
    for (const struct name_value *text = texts; text->name != NULL; text++) {
        if (word_begins(word, text->name))
            return set_text(spec, (enum disk_text)text->value, word_from(word, strlen(text->name)), error);
    }
    return fail(error, word, "is no parameter of a disk", accepted_parameters);
}

static bool parse_flag(struct disk_spec *spec, struct word word) {
    const struct {
        const char *name;
        bool *flag;
        bool value;
    } flags[] = {
        {"cdrom", &spec->cdrom, true},         {"direct-io-safe", &spec->direct_io_safe, true},
        {"discard", &spec->no_discard, false}, {"no-discard", &spec->no_discard, true},
        {"trusted", &spec->untrusted, false},  {"untrusted", &spec->untrusted, true},
        {"colo", &spec->colo, true},           {"no-colo", &spec->colo, false},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (word_is(word, flags[i].name)) {
            *flags[i].flag = flags[i].value;
            return true;
        }
    }
    return false;
}

/* The length of the prefix of `list` that the word begins with, or 0. */
static size_t prefix_length(struct word word, const char *const *list) {
    for (; *list != NULL; list++) {
        if (word_begins(word, *list))
            return strlen(*list);
    }
    return 0;
}

/* Takes one known prefix off the word; false if it begins with none. */
static bool strip_prefix(struct disk_spec *spec, struct word *word, struct disk_error *error, bool *good) {
    size_t length = prefix_length(*word, ignored_prefixes);
    size_t script = prefix_length(*word, script_prefixes);
    if (script > 0) {
        struct word name = {word->text, script - 1};
        *good = set_text(spec, DISK_SCRIPT, name, error);
        length = script;
    }
    for (const struct name_value *format = format_prefixes; length == 0 && format->name != NULL; format++) {
        if (word_begins(*word, format->name)) {
            length = strlen(format->name);
            *good = set_format(spec, (struct word){word->text, length - 1}, error);
        }
    }
    *word = word_from(*word, length);
    spec->prefixed = spec->prefixed || length > 0;
    return length > 0;
}

/* The target by position, with any number of prefixes ("tap:aio:qcow2:..."). */
static bool parse_target(struct disk_spec *spec, struct word word, struct disk_error *error) {
    bool good = true;
    while (good && strip_prefix(spec, &word, error, &good)) {
    }
    if (!good)
        return false;
    if (word_begins(word, "ram:")) {
        spec->prefixed = true;
        return set_target(spec, word, error);
    }
    const char *colon = memchr(word.text, ':', word.length);
    if (colon != NULL && word.text + word.length - colon > 2 && colon[1] == '/' && colon[2] == '/')
        return fail(error, word, "is a URL, and network disks are not supported yet", accepted_prefixes);
    if (colon != NULL && word.text[0] != '/' && !spec->prefixed)
        return fail(error, word, "begins with an unknown prefix", accepted_prefixes);
    return set_target(spec, word, error);
}

/* The next of target, format, vdev and access that has not been given yet. */
static bool parse_position(struct disk_spec *spec, struct word word, struct disk_error *error) {
    if (!spec->target_set)
        return parse_target(spec, word, error);
    bool colon = memchr(word.text, ':', word.length) != NULL;
    bool format_next = spec->format == DISK_FORMAT_UNSET && (!spec->prefixed || word_find(word, formats) != NULL);
    if (format_next && spec->text[DISK_VDEV][0] == '\0' && spec->text[DISK_TARGET][0] == '\0' && colon) {
        spec->format = DISK_FORMAT_EMPTY; /* ",hdc:cdrom,r", xend's empty CD-ROM drive */
        return set_vdev(spec, word, error);
    }
    if (format_next)
        return set_format(spec, word, error);
    if (spec->text[DISK_VDEV][0] == '\0')
        return set_vdev(spec, word, error);
    if (!spec->access_set)
        return set_access(spec, word, error);
    return fail(error, word, "is one more than target, format, vdev and access", "");
}

static bool parse_parameter(struct disk_spec *spec, struct word word, struct disk_error *error) {
    if (memchr(word.text, '=', word.length) != NULL)
        return parse_named(spec, word, error);
    return parse_flag(spec, word) || parse_position(spec, word, error);
}

/* What follows from all parameters together, as in xl. */
static bool finish(struct disk_spec *spec, struct word all, struct disk_error *error) {
    if (spec->text[DISK_VDEV][0] == '\0')
        return fail(error, all, "does not say which drive it is", "vdev=hda to vdev=hdd");
    bool target = spec->text[DISK_TARGET][0] != '\0' || spec->ram;
    if (spec->cdrom) {
        spec->read_only = true;
        if (!target)
            spec->format = DISK_FORMAT_EMPTY;
    } else if (!target) {
        return fail(error, all, "has no target, and only a CD-ROM drive may be empty", "target=NAME");
    }
    return true;
}

bool disk_spec_parse(const char *text, struct disk_spec *spec, struct disk_error *error) {
    struct word all = {text, strlen(text)};
    memset(spec, 0, sizeof *spec);
    if (all.length > DISK_SPEC_MAX)
        return fail(error, all, "is too long for a disk (512 bytes at most)", "");
    const char *at = text;
    for (;;) {
        at += strspn(at, " \t\n");
        if (*at == '\0')
            return finish(spec, all, error);
        if (strncmp(at, "target=", 7) == 0) {
            if (!set_target(spec, (struct word){at + 7, strlen(at + 7)}, error))
                return false;
            return finish(spec, all, error);
        }
        struct word word = {at, strcspn(at, ",")};
        if (!parse_parameter(spec, word, error))
            return false;
        at += word.length;
        at += *at == ',';
    }
}
