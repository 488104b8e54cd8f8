// Every key of xl.cfg(5) of Xen 4.17, and what becomes of it here.
#pragma once

#include "dom0/domain/config_syntax.h"

enum config_key_type {
    CONFIG_TYPE_STRING,
    CONFIG_TYPE_NUMBER,
    CONFIG_TYPE_BOOLEAN,
    CONFIG_TYPE_LIST,
    CONFIG_TYPE_STRING_OR_LIST,
    CONFIG_TYPE_BOOLEAN_OR_STRING,
    CONFIG_TYPE_BOOLEAN_OR_LIST
};

enum config_key_class {
    CONFIG_HONOURED, /* domain_config reads it */
    CONFIG_FIXED,    /* honoured, but there is only what `accepted` lists */
    CONFIG_IGNORED,  /* accepted with a warning: the guest cannot notice */
    CONFIG_REFUSED   /* not supported yet; what `accepted` lists asks for nothing and passes */
};

struct config_key {
    const char *name;
    enum config_key_type type;
    enum config_key_class class;
    const char *accepted; /* FIXED, REFUSED: the values that pass, as they are written, separated by ", " */
    const char *reason;   /* one line: what it does, why it is ignored or refused */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The key of that name, or NULL. */
const struct config_key *config_key_find(const char *name);

/* The known key that is closest to a wrong one, or NULL if none is close. */
const struct config_key *config_key_nearest(const char *name);

/* Whether `value` has the key's type, numbers being allowed as strings and the other way round: NULL, or what is wrong.
 */
const char *config_key_type_error(const struct config_key *key, const struct config_document *document,
                                  const struct config_value *value);

/* Whether `accepted` lists `value`. */
bool config_key_accepts(const struct config_key *key, const struct config_document *document,
                        const struct config_value *value);

/* "NUMBER", "honoured": the words of the manual. */
const char *config_key_type_name(enum config_key_type type);
const char *config_key_class_name(enum config_key_class class);

/* The line of docs/configuration.md's table that describes the key, without a newline. */
void config_key_row(const struct config_key *key, char *to, size_t size);
