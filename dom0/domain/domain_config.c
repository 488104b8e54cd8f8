// The configuration of a domain from Xen's syntax: each key to its class, the honoured ones to their setters.
#include "dom0/domain/domain_config.h"
#include "dom0/domain/config_keys.h"
#include "dom0/domain/domain_setting.h"

#include <string.h>

/* Too large for a stack of a server; the domain manager is one event loop. */
static struct config_document document;

/* The class of a key decides; returns whether a setter is to be called. */
static bool setting_classify(struct draft *draft, const struct config_key *key, const struct config_setting *setting) {
    const struct config_value *value = config_setting_value(draft->document, setting);
    const char *wrong = config_key_type_error(key, draft->document, value);
    bool fixed_type = key->class == CONFIG_HONOURED || key->class == CONFIG_FIXED;
    const char *accepted = fixed_type || key->class == CONFIG_REFUSED ? key->accepted : "";
    if (setting->added && (key->type == CONFIG_TYPE_NUMBER || key->type == CONFIG_TYPE_BOOLEAN)) {
        draft_error(draft, setting, accepted, "+= adds to strings and lists, not to numbers");
        return false;
    }
    if (key->class == CONFIG_IGNORED) {
        draft_warning(draft, setting, "", "has no effect: %s", key->reason);
        return false;
    }
    if (key->class == CONFIG_REFUSED) {
        if (!config_key_accepts(key, draft->document, value))
            draft_error(draft, setting, accepted, "not supported yet: %s", key->reason);
        return false;
    }
    if (wrong != NULL) {
        draft_error(draft, setting, accepted, "%s %s", draft_quote(draft, value).text, wrong);
        return false;
    }
    if (key->class == CONFIG_FIXED && !config_key_accepts(key, draft->document, value))
        draft_error(draft, setting, accepted, "%s is not supported yet: %s", draft_quote(draft, value).text,
                    key->reason);
    return key->class == CONFIG_HONOURED;
}

static void setting_apply(struct draft *draft, const struct config_setting *setting) {
    const struct config_key *key = config_key_find(setting->key);
    if (key == NULL) {
        const struct config_key *nearest = config_key_nearest(setting->key);
        if (nearest != NULL)
            draft_error(draft, setting, "", "is no key of xl.cfg(5); did you mean %s?", nearest->name);
        else
            draft_error(draft, setting, "", "is no key of xl.cfg(5)");
        return;
    }
    if (setting_classify(draft, key, setting))
        domain_setting_apply(draft, key, setting);
}

static void defaults(struct domain_config *config) {
    *config = (struct domain_config){
        .version = DOMAIN_CONFIG_VERSION,
        .memory_mib = DOMAIN_MEMORY_MIB,
        .builder = DOMAIN_BUILDER_FIRMWARE,
        .vcpus = 1,
        .acpi = 1,
        .apic = 1,
        .on_poweroff = DOMAIN_DESTROY,
        .on_reboot = DOMAIN_RESTART,
        .on_crash = DOMAIN_DESTROY,
        .boot = "cd",
        .cpu_weight = 256,
    };
    for (int i = 0; i < DOMAIN_VCPUS_MAX; i++)
        config->cpus[i] = UINT64_MAX;
}

int domain_config_parse(const char *file_name, const char *text, size_t size, const char *const *overrides,
                        size_t override_count, struct domain_config *out, struct config_report *report) {
    static struct draft draft; /* of a few kilobytes too */
    config_report_clear(report);
    config_document_clear(&document);
    memset(&draft, 0, sizeof draft);
    draft.file_name = file_name;
    draft.document = &document;
    draft.report = report;
    defaults(&draft.config);

    bool good = config_parse_file(&document, file_name, text, size, report);
    for (size_t i = 0; i < override_count; i++)
        good = config_parse_override(&document, (uint32_t)i + 1, overrides[i], report) && good;
    for (uint16_t i = 0; i < document.setting_count; i++) {
        if (!document.settings[i].superseded)
            setting_apply(&draft, &document.settings[i]);
    }
    if (good)
        domain_settings_finish(&draft); /* a line that could not be read may be what seems to be missing */
    if (!good || report->errors > 0)
        return -1;
    memcpy(out, &draft.config, sizeof *out);
    return 0;
}
