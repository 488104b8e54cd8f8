// The settings of a domain configuration as the parser of config_syntax stores them.
#pragma once

#include "dom0/domain/config_syntax.h"

/* A new value, or NULL if there are CONFIG_VALUES_MAX already. Its index is document->value_count - 1. */
struct config_value *config_value_add(struct config_document *document, enum config_value_type type, uint32_t line,
                                      uint32_t column);

/* Appends bytes at document->pool_used; false if they do not fit, and then nothing is changed. */
__attribute__((warn_unused_result)) bool config_pool_append(struct config_document *document, const char *text,
                                                            size_t length);

/* Stores a setting; one with `added` joins its value to that of the key's earlier one. Returns NULL, or what is wrong.
 * `replaced_line` is the line of an earlier setting from the same source that this one replaces, or 0. */
__attribute__((warn_unused_result)) const char *
config_setting_store(struct config_document *document, const struct config_setting *setting, uint32_t *replaced_line);
