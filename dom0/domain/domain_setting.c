// The honoured keys of a domain configuration: a table of setters.
#include "dom0/domain/domain_setting.h"
#include "dom0/domain/cpu_list.h"
#include "dom0/domain/disk_choice.h"

#include <string.h>

/* One value of a key, and where it goes. */
struct field {
    struct draft *draft;
    const struct config_setting *setting;
    const struct config_value *value;
    const char *text;     /* of the value; "" for a list */
    const char *accepted; /* of the key */
};

static const char *const action_names[] = {
    [DOMAIN_DESTROY] = "destroy",
    [DOMAIN_RESTART] = "restart",
    [DOMAIN_RENAME_RESTART] = "rename-restart",
    [DOMAIN_PRESERVE] = "preserve",
};

const char *domain_action_name(enum domain_action action) {
    return action_names[action];
}

/* Elements of a list have places of their own, and with += they may come from somewhere else than the setting. */
static struct config_setting field_setting(const struct field *field) {
    struct config_setting setting = *field->setting;
    setting.line = field->value->line;
    setting.from_override = field->value->from_override;
    return setting;
}

static void fail(const struct field *field, const char *reason) {
    struct config_setting setting = field_setting(field);
    draft_error(field->draft, &setting, field->accepted, "%s %s", draft_quote(field->draft, field->value).text, reason);
}

/* The number in `field`, or `otherwise` after a message. */
static int64_t ranged_number(const struct field *field, int64_t least, int64_t most, int64_t otherwise) {
    int64_t number = 0;
    if (config_number(field->text, &number) == CONFIG_NUMBER_OK && number >= least && number <= most)
        return number;
    if (field->value->type == CONFIG_VALUE_NUMBER)
        draft_error(field->draft, field->setting, field->accepted, "%.40s is out of range", field->text);
    else
        fail(field, "is out of range");
    return otherwise;
}

static uint8_t boolean(const struct field *field) {
    int64_t number = 0;
    return config_number(field->text, &number) == CONFIG_NUMBER_OK && number != 0;
}

static void set_acpi(const struct field *field, struct domain_config *config) {
    config->acpi = boolean(field);
}

static void set_apic(const struct field *field, struct domain_config *config) {
    config->apic = boolean(field);
}

static void set_localtime(const struct field *field, struct domain_config *config) {
    config->localtime = boolean(field);
}

static void set_memory(const struct field *field, struct domain_config *config) {
    config->memory_mib = (uint32_t)ranged_number(field, DOMAIN_MEMORY_MIB_MIN, DOMAIN_MEMORY_MIB_MAX, 32);
}

static void set_maxmem(const struct field *field, struct domain_config *config) {
    (void)config;
    field->draft->maxmem_mib = (uint32_t)ranged_number(field, DOMAIN_MEMORY_MIB_MIN, DOMAIN_MEMORY_MIB_MAX, 0);
}

static void set_vcpus(const struct field *field, struct domain_config *config) {
    config->vcpus = (uint8_t)ranged_number(field, 1, DOMAIN_VCPUS_MAX, 1);
}

static void set_maxvcpus(const struct field *field, struct domain_config *config) {
    (void)config;
    field->draft->maxvcpus = (uint8_t)ranged_number(field, 1, DOMAIN_VCPUS_MAX, 0);
}

static void set_cpu_weight(const struct field *field, struct domain_config *config) {
    config->cpu_weight = (uint16_t)ranged_number(field, 1, 65535, 256);
}

static void set_cap(const struct field *field, struct domain_config *config) {
    config->cap_percent = (uint16_t)ranged_number(field, 0, DOMAIN_VCPUS_MAX * 100, 0);
}

static void set_rtc_timeoffset(const struct field *field, struct domain_config *config) {
    config->rtc_timeoffset_seconds = (int32_t)ranged_number(field, -INT32_MAX, INT32_MAX, 0);
}

static void set_name(const struct field *field, struct domain_config *config) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+:@-";
    size_t length = strlen(field->text);
    int64_t number;
    if (length == 0 || length > DOMAIN_NAME_MAX)
        fail(field, length == 0 ? "is an empty name" : "is too long for a name");
    else if (strspn(field->text, letters) != length || field->text[0] == '-')
        fail(field, field->text[0] == '-' ? "begins like an option" : "has a character that no name may have");
    else if (strcmp(field->text, "Domain-0") == 0)
        fail(field, "is the name of dom0");
    else if (config_number(field->text, &number) != CONFIG_NUMBER_INVALID)
        fail(field, "is a number, which verbs would take for a domain's ID");
    else
        memcpy(config->name, field->text, length + 1);
}

static void set_uuid(const struct field *field, struct domain_config *config) {
    static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    uint8_t uuid[16] = {0};
    size_t nibbles = 0;
    bool good = strlen(field->text) == strlen(pattern);
    for (size_t i = 0; good && pattern[i] != '\0'; i++) {
        const char *digit = strchr(digits, field->text[i]);
        if (pattern[i] == '-' || digit == NULL) {
            good = pattern[i] == field->text[i] && pattern[i] == '-';
            continue;
        }
        uint8_t *byte = &uuid[nibbles++ / 2];
        *byte = (uint8_t)(*byte << 4 | ((digit - digits) & 15));
    }
    if (!good) {
        fail(field, "is no UUID");
        return;
    }
    memcpy(config->uuid, uuid, sizeof uuid);
    config->uuid_set = 1;
}

static void set_type(const struct field *field, struct domain_config *config) {
    (void)config; /* there is one type only; whether a kernel is loaded directly depends on other keys */
    static const char *const paravirtual[] = {"pv", "pvh", "generic", "linux"};
    if (strcmp(field->text, "hvm") == 0)
        return;
    for (size_t i = 0; i < sizeof paravirtual / sizeof paravirtual[0]; i++) {
        if (strcmp(field->text, paravirtual[i]) == 0) {
            fail(field, "is not supported: it needs a guest made for Xen's hypercalls");
            return;
        }
    }
    fail(field, "is no type of a domain");
}

static void set_file_name(const struct field *field, char *to) {
    size_t length = strlen(field->text);
    for (size_t i = 0; i < length; i++) {
        if (field->text[i] < ' ' || field->text[i] > '~') {
            fail(field, "has a character that is not printable");
            return;
        }
    }
    if (length == 0 || length > DOMAIN_FILE_NAME_MAX)
        fail(field, length == 0 ? "is empty" : "is longer than 127 characters");
    else
        memcpy(to, field->text, length + 1);
}

static void set_kernel(const struct field *field, struct domain_config *config) {
    set_file_name(field, config->kernel);
}

static void set_ramdisk(const struct field *field, struct domain_config *config) {
    set_file_name(field, config->ramdisk);
}

/* cmdline, root and extra are put together at the end. */
static void check_command_line(const struct field *field, struct domain_config *config) {
    (void)config;
    for (const char *c = field->text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            fail(field, "has a character that is not printable");
            return;
        }
    }
    if (strlen(field->text) > DOMAIN_COMMAND_LINE_MAX)
        fail(field, "is too long");
}

static void set_boot(const struct field *field, struct domain_config *config) {
    size_t length = strlen(field->text);
    if (length == 0)
        fail(field, "names no device");
    for (size_t i = 0; i < length; i++) {
        char letter = field->text[i];
        if (letter == 'n' || letter == 'a') {
            fail(field, letter == 'n' ? "names the network, which is not supported yet"
                                      : "names a floppy disk, which is not supported yet");
            return;
        }
        if ((letter != 'c' && letter != 'd') || memchr(field->text, letter, i) != NULL) {
            fail(field, letter != 'c' && letter != 'd' ? "has an unknown letter" : "has a letter twice");
            return;
        }
    }
    if (length > 0) { /* at most two letters are left */
        memset(config->boot, 0, sizeof config->boot);
        memcpy(config->boot, field->text, length);
    }
}

static uint8_t action(const struct field *field, uint8_t otherwise) {
    for (size_t i = 0; i < sizeof action_names / sizeof action_names[0]; i++) {
        if (strcmp(field->text, action_names[i]) == 0)
            return (uint8_t)i;
    }
    bool dump = strcmp(field->text, "coredump-destroy") == 0 || strcmp(field->text, "coredump-restart") == 0;
    bool soft = strcmp(field->text, "soft-reset") == 0;
    fail(field, dump   ? "needs core dumps, which are not supported yet"
                : soft ? "is for guests made for Xen only"
                       : "is no action");
    return otherwise;
}

static void set_on_poweroff(const struct field *field, struct domain_config *config) {
    config->on_poweroff = action(field, DOMAIN_DESTROY);
}

static void set_on_reboot(const struct field *field, struct domain_config *config) {
    config->on_reboot = action(field, DOMAIN_RESTART);
}

static void set_on_crash(const struct field *field, struct domain_config *config) {
    config->on_crash = action(field, DOMAIN_DESTROY);
}

/* The elements of a list as fields of their own; a string counts as a list of one. Returns false at its end. */
static bool element_next(const struct field *field, struct field *element) {
    const struct config_document *document = field->draft->document;
    bool first = element->draft == NULL;
    const struct config_value *next = NULL;
    if (field->value->type == CONFIG_VALUE_LIST)
        next = config_list_next(document, field->value, first ? NULL : element->value);
    else if (first)
        next = field->value;
    if (next == NULL)
        return false;
    *element = *field;
    element->value = next;
    element->text = config_value_text(document, next);
    return true;
}

static void set_serial(const struct field *field, struct domain_config *config) {
    unsigned ports = 0;
    for (struct field port = {0}; element_next(field, &port);) {
        if (ports++ > 0)
            fail(&port, "is a second serial port, and there is one only");
        else if (strcmp(port.text, "pty") == 0)
            config->serial_pty = 1;
        else if (strcmp(port.text, "none") != 0 || port.value->type == CONFIG_VALUE_LIST)
            fail(&port, "is no device that a serial port can be connected to");
    }
}

/* One CPULIST for all vCPUs, or a list with one for each; as in xl, those of vCPUs that do not exist do not count. */
static void set_cpus(const struct field *field, struct domain_config *config) {
    unsigned vcpu = 0;
    for (struct field cpus = {0}; element_next(field, &cpus); vcpu++) {
        uint64_t set = 0;
        const char *wrong = cpus.value->type == CONFIG_VALUE_LIST ? "is a list" : cpu_list_parse(cpus.text, &set);
        if (wrong != NULL)
            fail(&cpus, wrong);
        else if (vcpu < DOMAIN_VCPUS_MAX)
            config->cpus[vcpu] = set;
    }
    for (unsigned i = 1; field->value->type != CONFIG_VALUE_LIST && i < DOMAIN_VCPUS_MAX; i++)
        config->cpus[i] = config->cpus[0];
}

/* Reads one DISKSPEC into `disk`; messages name the part of it that is wrong. */
static bool read_disk(const struct field *field, struct domain_disk *disk) {
    struct disk_error error;
    struct disk_spec *spec = &field->draft->spec;
    if (field->value->type == CONFIG_VALUE_LIST) {
        fail(field, "is a list, and a disk is a string");
        return false;
    }
    if (disk_spec_parse(field->text, spec, &error) && disk_choose(spec, disk, &error))
        return true;
    struct config_setting setting = field_setting(field);
    draft_error(field->draft, &setting, error.accepted, "%s %s", config_quote(error.word, error.word_length).text,
                error.reason);
    return false;
}

static void set_disk(const struct field *field, struct domain_config *config) {
    unsigned slots = 0;
    for (struct field element = {0}; element_next(field, &element);) {
        struct domain_disk disk;
        if (!read_disk(&element, &disk))
            continue;
        if ((slots & 1U << disk.slot) != 0) {
            fail(&element, "is for a drive that has a disk already");
            continue;
        }
        slots |= 1U << disk.slot; /* four slots: there is room for what comes here */
        config->disks[config->disk_count++] = disk;
    }
}

static const struct {
    const char *key;
    void (*set)(const struct field *field, struct domain_config *config);
} setters[] = {
    {"acpi", set_acpi},
    {"apic", set_apic},
    {"boot", set_boot},
    {"builder", set_type},
    {"cap", set_cap},
    {"cmdline", check_command_line},
    {"cpu_weight", set_cpu_weight},
    {"cpus", set_cpus},
    {"disk", set_disk},
    {"extra", check_command_line},
    {"kernel", set_kernel},
    {"localtime", set_localtime},
    {"maxmem", set_maxmem},
    {"maxvcpus", set_maxvcpus},
    {"memory", set_memory},
    {"name", set_name},
    {"on_crash", set_on_crash},
    {"on_poweroff", set_on_poweroff},
    {"on_reboot", set_on_reboot},
    {"ramdisk", set_ramdisk},
    {"root", check_command_line},
    {"rtc_timeoffset", set_rtc_timeoffset},
    {"serial", set_serial},
    {"type", set_type},
    {"uuid", set_uuid},
    {"vcpus", set_vcpus},
};

void domain_setting_apply(struct draft *draft, const struct config_key *key, const struct config_setting *setting) {
    const struct config_value *value = config_setting_value(draft->document, setting);
    struct field field = {draft, setting, value, config_value_text(draft->document, value), key->accepted};
    for (size_t i = 0; i < sizeof setters / sizeof setters[0]; i++) {
        if (strcmp(setters[i].key, key->name) == 0) {
            setters[i].set(&field, &draft->config);
            return;
        }
    }
    draft_error(draft, setting, "", "is in the table of keys, but nothing reads it"); /* a unit test excludes this */
}
