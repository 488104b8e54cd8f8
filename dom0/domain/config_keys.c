// Every key of xl.cfg(5) of Xen 4.17, and what becomes of it here: one line each, in alphabetical order.
#include "dom0/domain/config_keys.h"

#include <stdio.h>
#include <string.h>

#define STRING            CONFIG_TYPE_STRING
#define NUMBER            CONFIG_TYPE_NUMBER
#define BOOLEAN           CONFIG_TYPE_BOOLEAN
#define LIST              CONFIG_TYPE_LIST
#define STRING_OR_LIST    CONFIG_TYPE_STRING_OR_LIST
#define BOOLEAN_OR_STRING CONFIG_TYPE_BOOLEAN_OR_STRING
#define BOOLEAN_OR_LIST   CONFIG_TYPE_BOOLEAN_OR_LIST
#define HONOURED          CONFIG_HONOURED
#define FIXED             CONFIG_FIXED
#define IGNORED           CONFIG_IGNORED
#define REFUSED           CONFIG_REFUSED
#define ACTIONS           "\"destroy\", \"restart\", \"rename-restart\", \"preserve\""

// clang-format off
const struct config_key config_keys[] = {
    {"acpi", BOOLEAN, HONOURED, "0, 1", "ACPI tables for the guest; 1 if absent"},
    {"acpi_firmware", STRING, REFUSED, "", "additional ACPI tables cannot be loaded"},
    {"acpi_laptop_slate", BOOLEAN, REFUSED, "0", "there is no slate mode switch"},
    {"acpi_s3", BOOLEAN, REFUSED, "0", "guests cannot suspend to memory"},
    {"acpi_s4", BOOLEAN, REFUSED, "0", "guests cannot suspend to disk"},
    {"altp2m", BOOLEAN_OR_STRING, REFUSED, "\"disabled\", 0", "there are no alternate views of guest memory"},
    {"altp2mhvm", BOOLEAN, REFUSED, "0", "there are no alternate views of guest memory"},
    {"apic", BOOLEAN, HONOURED, "0, 1", "MP and PIR tables with one vCPU, with more always; 1 if absent"},
    {"bios", STRING, FIXED, "\"seabios\"", "the firmware is SeaBIOS"},
    {"bios_path_override", STRING, REFUSED, "", "the firmware is the one aboard"},
    {"boot", STRING, HONOURED, "the letters c (disk) and d (CD-ROM) in their order", "\"cd\" if absent"},
    {"bootloader", STRING, REFUSED, "", "there are no PV domains, and it loads their kernels"},
    {"bootloader_args", STRING_OR_LIST, REFUSED, "[]", "there are no PV domains, and it loads their kernels"},
    {"builder", STRING, HONOURED, "\"hvm\"", "deprecated in favour of type"},
    {"cap", NUMBER, HONOURED, "0 to 100 times vcpus", "percent of a CPU that the domain may use at most; 0: no limit"},
    {"channel", LIST, REFUSED, "[]", "there are no Xen channels"},
    {"cmdline", STRING, HONOURED, "up to 2047 printable characters",
     "command line of kernel; root and extra then do not count"},
    {"cpu_weight", NUMBER, HONOURED, "1 to 65535", "share of the CPUs when they are short; 256 if absent"},
    {"cpuid", STRING_OR_LIST, REFUSED, "", "CPUID of guests cannot be changed"},
    {"cpus", STRING_OR_LIST, HONOURED, "\"all\", \"0-3,5,^1\", or a list with one such string for each vCPU",
     "host CPUs that vCPUs may use, 0 to 63"},
    {"cpus_soft", STRING_OR_LIST, IGNORED, "any", "vCPUs have no preferred CPUs"},
    {"device_model", STRING, IGNORED, "any", "the VMM is the only device model (xl ignores the key too)"},
    {"device_model_args", LIST, REFUSED, "[]", "the VMM has no QEMU options"},
    {"device_model_args_hvm", LIST, REFUSED, "[]", "the VMM has no QEMU options"},
    {"device_model_args_pv", LIST, IGNORED, "any", "for PV domains only"},
    {"device_model_override", STRING, REFUSED, "", "the VMM is the only device model"},
    {"device_model_stubdomain_override", BOOLEAN, IGNORED, "any",
     "each VMM is a process of its own without privileges"},
    {"device_model_stubdomain_seclabel", STRING, REFUSED, "", "there are no XSM labels"},
    {"device_model_user", STRING, IGNORED, "any", "each VMM is a process of its own without privileges"},
    {"device_model_version", STRING, IGNORED, "any", "the VMM is the only device model"},
    {"device_tree", STRING, REFUSED, "", "ARM only"},
    {"disk", LIST, HONOURED, "[ \"file:NAME,hdc:cdrom,r\", \"ram:SIZE,hda,w\", ... ], four at most",
     "images aboard and disks in memory; all spellings of xl-disk-configuration(5) are read"},
    {"display", STRING, IGNORED, "any", "for an X window, which there is not"},
    {"dm_restrict", BOOLEAN, IGNORED, "any", "each VMM is a process of its own without privileges"},
    {"driver_domain", BOOLEAN, REFUSED, "0", "drivers are servers of dom0"},
    {"dtdev", LIST, REFUSED, "[]", "ARM only"},
    {"e820_host", BOOLEAN, REFUSED, "0", "for PV domains only"},
    {"extra", STRING, HONOURED, "up to 2047 printable characters", "command line of kernel, after root"},
    {"extratime", NUMBER, IGNORED, "any", "there is no RTDS scheduler"},
    {"firmware", STRING, FIXED, "\"bios\", \"seabios\"", "the firmware is SeaBIOS"},
    {"firmware_override", STRING, REFUSED, "", "the firmware is the one aboard"},
    {"gfx_passthru", BOOLEAN_OR_STRING, REFUSED, "0", "devices cannot be assigned to guests"},
    {"gic_version", STRING, IGNORED, "any", "ARM only"},
    {"hap", BOOLEAN, FIXED, "1", "guest memory is mapped by nested page tables always"},
    {"hdtype", STRING, FIXED, "\"ide\"", "the disk controller is IDE"},
    {"hpet", BOOLEAN, REFUSED, "0", "there is no HPET"},
    {"init_seclabel", STRING, REFUSED, "", "there are no XSM labels"},
    {"iomem", LIST, REFUSED, "[]", "devices cannot be assigned to guests"},
    {"ioports", LIST, REFUSED, "[]", "devices cannot be assigned to guests"},
    {"irqs", LIST, REFUSED, "[]", "devices cannot be assigned to guests"},
    {"kernel", STRING, HONOURED, "name of a bzImage aboard", "started directly, without firmware"},
    {"keymap", STRING, IGNORED, "any", "there is no VNC display"},
    {"latency", NUMBER, IGNORED, "any", "there is no SEDF scheduler"},
    {"localtime", BOOLEAN, HONOURED, "0, 1", "the real time clock shows local time instead of UTC; 0 if absent"},
    {"max_event_channels", NUMBER, IGNORED, "any", "there are no Xen event channels"},
    {"max_grant_frames", NUMBER, IGNORED, "any", "there are no Xen grant tables"},
    {"max_grant_version", NUMBER, IGNORED, "any", "there are no Xen grant tables"},
    {"max_maptrack_frames", NUMBER, IGNORED, "any", "there are no Xen grant tables"},
    {"maxmem", NUMBER, HONOURED, "the value of memory", "there is no balloon yet"},
    {"maxvcpus", NUMBER, HONOURED, "the value of vcpus", "vCPUs cannot be plugged in yet"},
    {"mca_caps", LIST, REFUSED, "[]", "guests get no machine checks"},
    {"memory", NUMBER, HONOURED, "8 to 1048576", "MiB of memory, 4 of them the screen's; 32 if absent"},
    {"mmio_hole", NUMBER, REFUSED, "", "the hole below 4 GiB has one size"},
    {"ms_vm_genid", STRING, REFUSED, "\"none\"", "there is no VM generation ID"},
    {"msr_relaxed", BOOLEAN, REFUSED, "0", "an unknown MSR gives #GP"},
    {"name", STRING, HONOURED, "1 to 63 of A-Z a-z 0-9 . _ + : @ -, not a number, not Domain-0",
     "the only key that must be there"},
    {"nestedhvm", BOOLEAN, REFUSED, "0", "a guest cannot be a hypervisor"},
    {"nographic", BOOLEAN, REFUSED, "0", "there is always a VGA"},
    {"nomigrate", BOOLEAN, IGNORED, "any", "domains cannot migrate yet"},
    {"nx", BOOLEAN, FIXED, "1", "the guest sees NX if the host has it"},
    {"on_crash", STRING, HONOURED, ACTIONS, "\"destroy\" if absent; there are no core dumps yet"},
    {"on_poweroff", STRING, HONOURED, ACTIONS, "\"destroy\" if absent; there are no core dumps yet"},
    {"on_reboot", STRING, HONOURED, ACTIONS, "\"restart\" if absent; there are no core dumps yet"},
    {"on_soft_reset", STRING, IGNORED, "any", "a guest cannot ask for Xen's soft reset"},
    {"on_watchdog", STRING, IGNORED, "any", "there is no Xen watchdog"},
    {"oos", BOOLEAN, IGNORED, "any", "there are no shadow page tables"},
    {"opengl", BOOLEAN, IGNORED, "any", "for an X window, which there is not"},
    {"p9", LIST, REFUSED, "[]", "there are no 9p file systems"},
    {"pae", BOOLEAN, FIXED, "1", "the guest sees PAE always"},
    {"passthrough", STRING, REFUSED, "\"default\", \"disabled\"", "devices cannot be assigned to guests"},
    {"pci", LIST, REFUSED, "[]", "devices cannot be assigned to guests"},
    {"pci_msitranslate", BOOLEAN, IGNORED, "any", "devices cannot be assigned to guests"},
    {"pci_permissive", BOOLEAN, IGNORED, "any", "devices cannot be assigned to guests"},
    {"pci_power_mgmt", BOOLEAN, IGNORED, "any", "devices cannot be assigned to guests"},
    {"pci_seize", BOOLEAN, IGNORED, "any", "devices cannot be assigned to guests"},
    {"period", NUMBER, IGNORED, "any", "there is no RTDS scheduler"},
    {"pool", STRING, REFUSED, "\"Pool-0\"", "there are no CPU pools"},
    {"pvcalls", LIST, REFUSED, "[]", "there are no paravirtual devices of Xen"},
    {"pvshim", BOOLEAN, REFUSED, "0", "there are no PV domains"},
    {"pvshim_cmdline", STRING, IGNORED, "any", "there are no PV domains"},
    {"pvshim_extra", STRING, IGNORED, "any", "there are no PV domains"},
    {"pvshim_path", STRING, IGNORED, "any", "there are no PV domains"},
    {"ramdisk", STRING, HONOURED, "name of a file aboard", "initial RAM disk of kernel"},
    {"rdm", STRING, REFUSED, "\"strategy=ignore\"", "devices cannot be assigned to guests"},
    {"rdm_mem_boundary", NUMBER, IGNORED, "any", "devices cannot be assigned to guests"},
    {"root", STRING, HONOURED, "up to 2042 printable characters", "root=STRING on the command line of kernel"},
    {"rtc_timeoffset", NUMBER, HONOURED, "-2147483647 to 2147483647",
     "seconds added to the real time clock; 0 if absent"},
    {"sdl", BOOLEAN, IGNORED, "any", "there is no X window; use the verb screen"},
    {"seclabel", STRING, REFUSED, "", "there are no XSM labels"},
    {"serial", STRING_OR_LIST, HONOURED, "\"pty\", \"none\", [], or a list with one of them",
     "\"pty\": COM1 is the domain's console; nothing is connected if absent"},
    {"shadow_memory", NUMBER, IGNORED, "any", "there are no shadow page tables"},
    {"slice", NUMBER, IGNORED, "any", "there is no SEDF scheduler"},
    {"smbios_firmware", STRING, REFUSED, "", "additional SMBIOS structures cannot be loaded"},
    {"soundhw", STRING, REFUSED, "\"\"", "there is no sound card"},
    {"spice", BOOLEAN, IGNORED, "any", "there is no SPICE display; use the verb screen"},
    {"spice_clipboard_sharing", BOOLEAN, REFUSED, "0", "there is no SPICE display"},
    {"spice_image_compression", STRING, IGNORED, "any", "there is no SPICE display"},
    {"spice_streaming_video", STRING, IGNORED, "any", "there is no SPICE display"},
    {"spiceagent_mouse", BOOLEAN, IGNORED, "any", "there is no SPICE display"},
    {"spicedisable_ticketing", BOOLEAN, IGNORED, "any", "there is no SPICE display"},
    {"spicehost", STRING, IGNORED, "any", "there is no SPICE display"},
    {"spicepasswd", STRING, IGNORED, "any", "there is no SPICE display"},
    {"spiceport", NUMBER, IGNORED, "any", "there is no SPICE display"},
    {"spicetls_port", NUMBER, IGNORED, "any", "there is no SPICE display"},
    {"spiceusbredirection", NUMBER, REFUSED, "0", "there is no USB"},
    {"spicevdagent", BOOLEAN, REFUSED, "0", "there is no SPICE display"},
    {"stdvga", BOOLEAN, FIXED, "1", "the VGA is a standard VGA with VBE"},
    {"stubdomain_cmdline", STRING, IGNORED, "any", "each VMM is a process of its own without privileges"},
    {"stubdomain_kernel", STRING, IGNORED, "any", "each VMM is a process of its own without privileges"},
    {"stubdomain_memory", NUMBER, IGNORED, "any", "each VMM is a process of its own without privileges"},
    {"stubdomain_ramdisk", STRING, IGNORED, "any", "each VMM is a process of its own without privileges"},
    {"tee", STRING, REFUSED, "\"none\"", "ARM only"},
    {"timer_mode", BOOLEAN_OR_STRING, REFUSED, "\"no_delay_for_missed_ticks\", 1", "guest time follows real time"},
    {"tsc_mode", BOOLEAN_OR_STRING, REFUSED, "\"default\", \"native\", 0, 2", "the TSC is the CPU's with an offset"},
    {"type", STRING, HONOURED, "\"hvm\"",
     "\"hvm\" if absent, where Xen's is \"pv\"; PV and PVH need guests made for Xen"},
    {"usb", BOOLEAN, REFUSED, "0", "there is no USB"},
    {"usbctrl", LIST, REFUSED, "[]", "there is no USB"},
    {"usbdev", LIST, REFUSED, "[]", "there is no USB"},
    {"usbdevice", STRING_OR_LIST, REFUSED, "[], \"\"", "there is no USB; the mouse is PS/2"},
    {"usbversion", NUMBER, REFUSED, "0", "there is no USB"},
    {"uuid", STRING, HONOURED, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in hexadecimal", "a fresh one if absent"},
    {"vcpus", NUMBER, HONOURED, "1 to 4", "virtual CPUs; 1 if absent"},
    {"vdispl", LIST, REFUSED, "[]", "there are no paravirtual devices of Xen"},
    {"vendor_device", STRING, REFUSED, "\"none\"", "there are no paravirtual devices of Xen"},
    {"vfb", LIST, REFUSED, "[]", "there are no paravirtual devices of Xen"},
    {"vga", STRING, FIXED, "\"stdvga\"", "the VGA is a standard VGA with VBE"},
    {"videoram", NUMBER, FIXED, "4", "the VGA has 4 MiB, the last of memory"},
    {"vif", LIST, REFUSED, "[]", "there are no network devices"},
    {"vif2", LIST, REFUSED, "[]", "there are no network devices"},
    {"viridian", BOOLEAN_OR_LIST, REFUSED, "0, []", "there are no Hyper-V enlightenments"},
    {"vkb", LIST, REFUSED, "[]", "there are no paravirtual devices of Xen"},
    {"vkb_device", BOOLEAN, IGNORED, "any",
     "there are no paravirtual devices of Xen, and without their driver none is missed"},
    {"vmtrace_buf_kb", NUMBER, REFUSED, "0", "vCPUs cannot be traced"},
    {"vnc", BOOLEAN, IGNORED, "any", "there is no VNC display; use the verb screen"},
    {"vncdisplay", NUMBER, IGNORED, "any", "there is no VNC display"},
    {"vnclisten", STRING, IGNORED, "any", "there is no VNC display"},
    {"vncpasswd", STRING, IGNORED, "any", "there is no VNC display"},
    {"vncunused", BOOLEAN, IGNORED, "any", "there is no VNC display"},
    {"vncviewer", BOOLEAN, IGNORED, "any", "there is no VNC display (xl ignores the key too)"},
    {"vnuma", LIST, REFUSED, "[]", "guests have one NUMA node"},
    {"vpmu", BOOLEAN, IGNORED, "any", "ARM only"},
    {"vpt_align", BOOLEAN, IGNORED, "any", "timers are exact"},
    {"vsnd", LIST, REFUSED, "[]", "there are no paravirtual devices of Xen"},
    {"vtpm", LIST, REFUSED, "[]", "there is no TPM"},
    {"vuart", STRING, IGNORED, "any", "ARM only"},
    {"xauthority", STRING, IGNORED, "any", "for an X window, which there is not"},
    {"xen_platform_pci", BOOLEAN, REFUSED, "0", "there are no paravirtual devices of Xen"},
    {"xend_suspend_evtchn_compat", BOOLEAN, IGNORED, "any", "there is no xenstore"},
};
// clang-format on

const size_t config_key_count = sizeof config_keys / sizeof config_keys[0];

static const char *const type_names[] = {
    [STRING] = "STRING",
    [NUMBER] = "NUMBER",
    [BOOLEAN] = "BOOLEAN",
    [LIST] = "LIST",
    [STRING_OR_LIST] = "STRING or LIST",
    [BOOLEAN_OR_STRING] = "NUMBER or STRING",
    [BOOLEAN_OR_LIST] = "BOOLEAN or LIST",
};

static const char *const class_names[] = {
    [HONOURED] = "honoured",
    [FIXED] = "honoured",
    [IGNORED] = "ignored with a warning",
    [REFUSED] = "refused",
};

const char *config_key_type_name(enum config_key_type type) {
    return type_names[type];
}

const char *config_key_class_name(enum config_key_class class) {
    return class_names[class];
}

void config_key_row(const struct config_key *key, char *to, size_t size) {
    snprintf(to, size, "| `%s` | %s | %s | %s | %s |", key->name, type_names[key->type], class_names[key->class],
             key->accepted[0] != '\0' ? key->accepted : "none", key->reason);
}

const struct config_key *config_key_find(const char *name) {
    for (size_t i = 0; i < config_key_count; i++) {
        if (strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    }
    return NULL;
}

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* The number of letters to insert, leave out or replace to come from `a` to `b` (Levenshtein), both at most
 * CONFIG_KEY_MAX long. */
static unsigned edit_distance(const char *a, const char *b) {
    unsigned row[CONFIG_KEY_MAX + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < width; j++) {
            unsigned replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(replaced, least(row[j], row[j + 1]) + 1);
        }
    }
    return row[width];
}

const struct config_key *config_key_nearest(const char *name) {
    const struct config_key *nearest = NULL;
    unsigned distance = strlen(name) < 5 ? 2 : 3; /* nearer than this */
    if (strlen(name) > CONFIG_KEY_MAX)
        return NULL;
    for (size_t i = 0; i < config_key_count; i++) {
        unsigned other = edit_distance(name, config_keys[i].name);
        if (other < distance) {
            distance = other;
            nearest = &config_keys[i];
        }
    }
    return nearest;
}

const char *config_key_type_error(const struct config_key *key, const struct config_document *document,
                                  const struct config_value *value) {
    int64_t number;
    if (value->type == CONFIG_VALUE_LIST) {
        bool list = key->type == LIST || key->type == STRING_OR_LIST || key->type == BOOLEAN_OR_LIST;
        return list ? NULL : "is a list where one value is needed";
    }
    if (key->type == LIST)
        return "is one value where a list [ ... ] is needed";
    if (key->type != NUMBER && key->type != BOOLEAN && key->type != BOOLEAN_OR_LIST)
        return NULL;
    switch (config_number(config_value_text(document, value), &number)) {
    case CONFIG_NUMBER_INVALID:
        return "is not a number";
    case CONFIG_NUMBER_TOO_LARGE:
        return "is too large for a number";
    default:
        return NULL;
    }
}

/* Whether `value` is what the words `word` of an `accepted` text mean: "text" in quotes, a number, or []. */
static bool word_accepts(const struct config_key *key, const char *word, size_t length,
                         const struct config_document *document, const struct config_value *value) {
    const char *text = config_value_text(document, value);
    int64_t number;
    if (word[0] == '[')
        return value->type == CONFIG_VALUE_LIST && value->first == CONFIG_NO_VALUE;
    if (value->type == CONFIG_VALUE_LIST)
        return false;
    if (word[0] == '"')
        return strlen(text) == length - 2 && memcmp(text, word + 1, length - 2) == 0;
    if (config_number(text, &number) != CONFIG_NUMBER_OK)
        return false;
    bool boolean = key->type == BOOLEAN || key->type == BOOLEAN_OR_LIST;
    int64_t wanted = 0;
    for (size_t i = 0; i < length; i++)
        wanted = wanted * 10 + (word[i] - '0');
    return number == wanted || (boolean && wanted == 1 && number != 0);
}

bool config_key_accepts(const struct config_key *key, const struct config_document *document,
                        const struct config_value *value) {
    for (const char *word = key->accepted; *word != '\0';) {
        size_t length = strcspn(word, ",");
        if (word_accepts(key, word, length, document, value))
            return true;
        word += length;
        word += strspn(word, ", ");
    }
    return false;
}
