// A domain configuration that is being read: messages about its settings, and the checks over several keys at its end.
#include "dom0/domain/domain_setting.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct config_place setting_place(const struct draft *draft, const struct config_setting *setting) {
    const char *file = setting->from_override ? CONFIG_COMMAND_LINE : draft->file_name;
    return (struct config_place){file, setting->line, 0};
}

void draft_error(struct draft *draft, const struct config_setting *setting, const char *accepted, const char *reason,
                 ...) {
    char text[sizeof((struct config_message *)NULL)->reason];
    va_list arguments;
    va_start(arguments, reason);
    vsnprintf(text, sizeof text, reason, arguments);
    va_end(arguments);
    config_report_add(draft->report, CONFIG_ERROR, setting_place(draft, setting), setting->key, accepted, "%s", text);
}

void draft_warning(struct draft *draft, const struct config_setting *setting, const char *accepted, const char *reason,
                   ...) {
    char text[sizeof((struct config_message *)NULL)->reason];
    va_list arguments;
    va_start(arguments, reason);
    vsnprintf(text, sizeof text, reason, arguments);
    va_end(arguments);
    config_report_add(draft->report, CONFIG_WARNING, setting_place(draft, setting), setting->key, accepted, "%s", text);
}

struct config_quoted draft_quote(const struct draft *draft, const struct config_value *value) {
    if (value->type == CONFIG_VALUE_LIST)
        return (struct config_quoted){"[ ... ]"};
    return config_quote(config_value_text(draft->document, value), value->length);
}

/* A message about a key that is not there. */
static void missing(struct draft *draft, enum config_severity severity, const char *key, const char *reason) {
    struct config_place place = {draft->file_name, 0, 0};
    const char *accepted = severity == CONFIG_ERROR ? config_key_find(key)->accepted : "";
    config_report_add(draft->report, severity, place, key, accepted, "%s", reason);
}

static const struct config_setting *find(const struct draft *draft, const char *key) {
    return config_find(draft->document, key);
}

/* Xen's memory defaults to maxmem, and the other way round; different values need a balloon. */
static void finish_memory(struct draft *draft) {
    struct domain_config *config = &draft->config;
    bool memory = find(draft, "memory") != NULL;
    if (draft->maxmem_mib == 0 && !memory)
        missing(draft, CONFIG_WARNING, "memory", "is missing; the domain gets 32 MiB, as in Xen");
    if (draft->maxmem_mib == 0)
        return;
    if (!memory)
        config->memory_mib = draft->maxmem_mib;
    if (config->memory_mib != draft->maxmem_mib)
        draft_error(draft, find(draft, "maxmem"), "the value of memory",
                    "%u is not memory's %u, and there is no balloon yet", draft->maxmem_mib, config->memory_mib);
}

static void finish_cpus(struct draft *draft) {
    struct domain_config *config = &draft->config;
    if (draft->maxvcpus != 0 && draft->maxvcpus != config->vcpus)
        draft_error(draft, find(draft, "maxvcpus"), "the value of vcpus",
                    "%u is not vcpus' %u, and vCPUs cannot be plugged in yet", draft->maxvcpus, config->vcpus);
    if (config->cap_percent > config->vcpus * 100)
        draft_error(draft, find(draft, "cap"), "0 to 100 times vcpus", "%u is more than %u vCPUs can use",
                    config->cap_percent, config->vcpus);
}

/* Appends to the command line; false if it does not fit. */
static bool append(struct domain_config *config, const char *text) {
    size_t used = strlen(config->command_line);
    if (strlen(text) > DOMAIN_COMMAND_LINE_MAX - used)
        return false;
    memcpy(config->command_line + used, text, strlen(text) + 1);
    return true;
}

static const char *setting_text(const struct draft *draft, const struct config_setting *setting) {
    return config_value_text(draft->document, config_setting_value(draft->document, setting));
}

/* cmdline alone, or root=ROOT and extra with a blank between them, as xl composes them. */
static void finish_command_line(struct draft *draft) {
    const struct config_setting *cmdline = find(draft, "cmdline");
    const struct config_setting *root = find(draft, "root");
    const struct config_setting *extra = find(draft, "extra");
    struct domain_config *config = &draft->config;
    bool fits = true;
    if (cmdline != NULL) {
        fits = append(config, setting_text(draft, cmdline));
        if (root != NULL)
            draft_warning(draft, root, "", "is ignored, because cmdline is given");
        if (extra != NULL)
            draft_warning(draft, extra, "", "is ignored, because cmdline is given");
    } else if (root != NULL || extra != NULL) {
        if (root != NULL)
            fits = append(config, "root=") && append(config, setting_text(draft, root));
        if (root != NULL && extra != NULL)
            fits = fits && append(config, " ");
        if (extra != NULL)
            fits = fits && append(config, setting_text(draft, extra));
    }
    if (!fits)
        draft_error(draft,
                    cmdline != NULL ? cmdline
                    : extra != NULL ? extra
                                    : root,
                    "2047 characters in all", "makes the command line too long");
}

/* Old configurations name hvmloader as the kernel of an HVM domain; xl ignores that, too. */
static bool is_hvmloader(const char *kernel) {
    const char *slash = strrchr(kernel, '/');
    return strcmp(slash != NULL ? slash + 1 : kernel, "hvmloader") == 0;
}

static void finish_kernel(struct draft *draft) {
    struct domain_config *config = &draft->config;
    const struct config_setting *kernel = find(draft, "kernel");
    if (kernel != NULL && is_hvmloader(config->kernel)) {
        draft_warning(draft, kernel, "", "is ignored, because hvmloader is Xen's firmware and no kernel");
        memset(config->kernel, 0, sizeof config->kernel);
    }
    if (config->kernel[0] != '\0') {
        config->builder = DOMAIN_BUILDER_KERNEL;
        finish_command_line(draft);
        return;
    }
    if (find(draft, "ramdisk") != NULL)
        draft_error(draft, find(draft, "ramdisk"), "", "needs kernel, which is missing");
    static const char *const keys[] = {"cmdline", "root", "extra"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (find(draft, keys[i]) != NULL)
            draft_warning(draft, find(draft, keys[i]), "", "has no effect without kernel");
    }
}

void domain_settings_finish(struct draft *draft) {
    if (find(draft, "name") == NULL)
        missing(draft, CONFIG_ERROR, "name", "is missing");
    if (draft->report->errors > 0)
        return; /* the checks below would only repeat what is wrong with single keys */
    if (find(draft, "type") == NULL && find(draft, "builder") == NULL)
        missing(draft, CONFIG_WARNING, "type", "is missing; Xen's \"pv\" is not supported, so the domain is \"hvm\"");
    finish_memory(draft);
    finish_cpus(draft);
    finish_kernel(draft);
}
