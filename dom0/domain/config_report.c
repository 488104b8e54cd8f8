// Messages about a domain configuration: kept in a fixed table, formatted for the shell.
#include "dom0/domain/config_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void config_report_clear(struct config_report *report) {
    memset(report, 0, sizeof *report);
}

/* The slot for a new message, or NULL if it can only be counted. */
static struct config_message *message_slot(struct config_report *report, enum config_severity severity) {
    if (report->count < CONFIG_REPORT_MESSAGES)
        return &report->messages[report->count++];
    if (severity != CONFIG_ERROR)
        return NULL;
    for (uint32_t i = report->count; i-- > 0;) {
        if (report->messages[i].severity == CONFIG_WARNING)
            return &report->messages[i];
    }
    return NULL;
}

void config_report_add(struct config_report *report, enum config_severity severity, struct config_place place,
                       const char *key, const char *accepted, const char *reason, ...) {
    struct config_message *message = message_slot(report, severity);
    if (severity == CONFIG_ERROR)
        report->errors++;
    else
        report->warnings++;
    if (message == NULL)
        return;
    memset(message, 0, sizeof *message);
    message->severity = (uint8_t)severity;
    message->line = place.line;
    message->column = place.column;
    snprintf(message->file, sizeof message->file, "%s", place.file);
    snprintf(message->key, sizeof message->key, "%s", key);
    snprintf(message->accepted, sizeof message->accepted, "%s", accepted);
    va_list arguments;
    va_start(arguments, reason);
    vsnprintf(message->reason, sizeof message->reason, reason, arguments);
    va_end(arguments);
}

size_t config_message_format(const struct config_message *message, char *to, size_t size) {
    char place[96];
    if (message->line == 0)
        snprintf(place, sizeof place, "%s", message->file);
    else if (message->column == 0)
        snprintf(place, sizeof place, "%s:%u", message->file, message->line);
    else
        snprintf(place, sizeof place, "%s:%u:%u", message->file, message->line, message->column);
    const char *key_end = message->key[0] != 0 ? ": " : "";
    const char *accepted = message->accepted[0] != 0 ? "; accepted: " : "";
    int length = snprintf(to, size, "%s: %s%s%s%s%s%s", place, message->severity == CONFIG_WARNING ? "warning: " : "",
                          message->key, key_end, message->reason, accepted, message->accepted);
    if (length < 0)
        return 0;
    return (size_t)length < size ? (size_t)length : size - 1;
}

struct config_quoted config_quote(const char *text, size_t length) {
    struct config_quoted quoted = {0};
    size_t shown = length <= 40 ? length : 37;
    size_t at = 0;
    quoted.text[at++] = '"';
    for (size_t i = 0; i < shown; i++)
        quoted.text[at++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    memcpy(quoted.text + at, length <= 40 ? "\"" : "...\"", length <= 40 ? 1 : 4);
    return quoted;
}
