// The syntax of domain configurations, as xl.cfg(5) of Xen 4.17 defines it: KEY = VALUE statements to settings.
// What keys there are and what their values mean is left to config_keys and domain_config.
#pragma once

#include "dom0/domain/config_report.h"

#define CONFIG_TEXT_MAX     65536 /* bytes of a configuration file */
#define CONFIG_SETTINGS_MAX 256
#define CONFIG_VALUES_MAX   1024
#define CONFIG_POOL_SIZE    32768 /* bytes of all values together, each with its NUL */
#define CONFIG_DEPTH_MAX    8     /* lists in lists */
#define CONFIG_KEY_MAX      47

enum config_value_type { CONFIG_VALUE_STRING, CONFIG_VALUE_NUMBER, CONFIG_VALUE_LIST };

#define CONFIG_NO_VALUE UINT16_MAX

struct config_value {
    uint8_t type;       /* enum config_value_type */
    bool from_override; /* of the command line, not of the file */
    uint16_t first;     /* list: index of its first element, or CONFIG_NO_VALUE */
    uint16_t next;      /* element of a list: index of the next one, or CONFIG_NO_VALUE */
    uint32_t text;      /* string, number: place in the pool, NUL-terminated, without NUL inside */
    uint32_t length;    /* string, number: bytes without the NUL */
    uint32_t line;
    uint32_t column;
};

struct config_setting {
    char key[CONFIG_KEY_MAX + 1];
    uint16_t value;     /* index of the value */
    bool added;         /* by += */
    bool superseded;    /* a later setting of the same key counts instead */
    bool from_override; /* of the command line, not of the file */
    uint32_t line;      /* in the file, or number of the pair on the command line */
};

/* All settings of one configuration in the order of their reading. Plain data without pointers. */
struct config_document {
    uint16_t setting_count;
    uint16_t value_count;
    uint32_t pool_used;
    struct config_setting settings[CONFIG_SETTINGS_MAX];
    struct config_value values[CONFIG_VALUES_MAX];
    char pool[CONFIG_POOL_SIZE];
};

void config_document_clear(struct config_document *document);

/* Reads `size` bytes of a configuration file into `document`, which may hold settings already (later ones win, `+=`
 * adds to them). The text is hostile: anything is allowed in it. Returns whether it was free of errors; errors, and
 * warnings about keys set twice, are added to `report`. */
__attribute__((warn_unused_result)) bool config_parse_file(struct config_document *document, const char *file_name,
                                                           const char *text, size_t size, struct config_report *report);

/* Reads the `number`th `key=value` or `key+=value` of the command line. A value that begins with a quote or `[` is read
 * as in a file; anything else is taken literally up to its end, so that the shell's quotes are enough. */
__attribute__((warn_unused_result)) bool config_parse_override(struct config_document *document, uint32_t number,
                                                               const char *text, struct config_report *report);

/* The setting of `key` that counts, or NULL. */
const struct config_setting *config_find(const struct config_document *document, const char *key);

/* The value of `setting`, and the text of a value that is no list. */
const struct config_value *config_setting_value(const struct config_document *document,
                                                const struct config_setting *setting);
const char *config_value_text(const struct config_document *document, const struct config_value *value);

/* The element after `element` (NULL: the first) of `list`, or NULL. */
const struct config_value *config_list_next(const struct config_document *document, const struct config_value *list,
                                            const struct config_value *element);

enum config_number_result { CONFIG_NUMBER_OK, CONFIG_NUMBER_INVALID, CONFIG_NUMBER_TOO_LARGE };

/* Reads decimal, octal (0..) or hexadecimal (0x..), with a sign, as strtol with base 0 does; nothing may follow. */
__attribute__((warn_unused_result)) enum config_number_result config_number(const char *text, int64_t *number);
