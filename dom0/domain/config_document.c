// The settings of a domain configuration: stored, added to, found again.
#include "dom0/domain/config_document.h"

#include <string.h>

void config_document_clear(struct config_document *document) {
    document->setting_count = 0;
    document->value_count = 0;
    document->pool_used = 0;
}

static struct config_setting *setting_find(struct config_document *document, const char *key) {
    for (uint16_t i = document->setting_count; i-- > 0;) {
        if (strcmp(document->settings[i].key, key) == 0)
            return &document->settings[i];
    }
    return NULL;
}

const struct config_setting *config_find(const struct config_document *document, const char *key) {
    for (uint16_t i = document->setting_count; i-- > 0;) {
        if (strcmp(document->settings[i].key, key) == 0)
            return &document->settings[i];
    }
    return NULL;
}

const struct config_value *config_setting_value(const struct config_document *document,
                                                const struct config_setting *setting) {
    return &document->values[setting->value];
}

const char *config_value_text(const struct config_document *document, const struct config_value *value) {
    return value->type == CONFIG_VALUE_LIST ? "" : document->pool + value->text;
}

const struct config_value *config_list_next(const struct config_document *document, const struct config_value *list,
                                            const struct config_value *element) {
    uint16_t next = element == NULL ? list->first : element->next;
    return next == CONFIG_NO_VALUE ? NULL : &document->values[next];
}

struct config_value *config_value_add(struct config_document *document, enum config_value_type type, uint32_t line,
                                      uint32_t column) {
    if (document->value_count == CONFIG_VALUES_MAX)
        return NULL;
    struct config_value *value = &document->values[document->value_count++];
    *value = (struct config_value){
        .type = (uint8_t)type, .first = CONFIG_NO_VALUE, .next = CONFIG_NO_VALUE, .line = line, .column = column};
    return value;
}

bool config_pool_append(struct config_document *document, const char *text, size_t length) {
    if (length > CONFIG_POOL_SIZE - document->pool_used)
        return false;
    memcpy(document->pool + document->pool_used, text, length);
    document->pool_used += (uint32_t)length;
    return true;
}

/* Puts the text of `before` in front of that of `value`. */
static bool text_join(struct config_document *document, const struct config_value *before, struct config_value *value) {
    uint32_t start = document->pool_used;
    if (!config_pool_append(document, document->pool + before->text, before->length) ||
        !config_pool_append(document, document->pool + value->text, value->length + 1))
        return false;
    value->text = start;
    value->length += before->length;
    return true;
}

/* Puts the elements of `before` in front of those of `value`. `before` is not used any more afterwards. */
static void list_join(struct config_document *document, const struct config_value *before, struct config_value *value) {
    if (before->first == CONFIG_NO_VALUE)
        return;
    uint16_t last = before->first;
    while (document->values[last].next != CONFIG_NO_VALUE)
        last = document->values[last].next;
    document->values[last].next = value->first;
    value->first = before->first;
}

const char *config_setting_store(struct config_document *document, const struct config_setting *setting,
                                 uint32_t *replaced_line) {
    struct config_setting *before = setting_find(document, setting->key);
    struct config_value *value = &document->values[setting->value];
    *replaced_line = 0;
    if (document->setting_count == CONFIG_SETTINGS_MAX)
        return "too many settings (256 at most)";
    if (before != NULL && setting->added) {
        const struct config_value *old = &document->values[before->value];
        bool lists = value->type == CONFIG_VALUE_LIST;
        if (lists != (old->type == CONFIG_VALUE_LIST))
            return "+= cannot add a list to a string or a string to a list";
        if (lists)
            list_join(document, old, value);
        else if (!text_join(document, old, value))
            return "the values are too large (32768 bytes in all)";
    } else if (before != NULL && before->from_override == setting->from_override) {
        *replaced_line = before->line;
    }
    if (before != NULL)
        before->superseded = true;
    document->settings[document->setting_count++] = *setting;
    return NULL;
}
