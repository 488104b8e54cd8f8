// The honoured keys of a domain configuration: what each value means for a domain.
#pragma once

#include "dom0/domain/config_keys.h"
#include "dom0/domain/disk_spec.h"
#include "dom0/domain/domain_config.h"

/* A configuration that is being read. */
struct draft {
    struct domain_config config;
    struct disk_spec spec; /* the disk that is being read */
    uint32_t maxmem_mib;   /* 0: not given */
    uint8_t maxvcpus;      /* 0: not given */
    const char *file_name;
    const struct config_document *document;
    struct config_report *report;
};

/* Reads the value of an honoured key that has the key's type; errors go to the report. */
void domain_setting_apply(struct draft *draft, const struct config_key *key, const struct config_setting *setting);

/* Checks, and sets, what depends on several keys. */
void domain_settings_finish(struct draft *draft);

/* Add a message about a setting. */
__attribute__((format(printf, 4, 5))) void draft_error(struct draft *draft, const struct config_setting *setting,
                                                       const char *accepted, const char *reason, ...);
__attribute__((format(printf, 4, 5))) void draft_warning(struct draft *draft, const struct config_setting *setting,
                                                         const char *accepted, const char *reason, ...);

/* A value as a message shows it. */
struct config_quoted draft_quote(const struct draft *draft, const struct config_value *value);
