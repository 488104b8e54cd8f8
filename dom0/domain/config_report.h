// Messages about a domain configuration: what is wrong, where, and what would be right.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_REPORT_MESSAGES 24
#define CONFIG_REPORT_LINE_MAX 512 /* a formatted message with its NUL always fits */

/* The file name in messages about `key=value` pairs of the shell's command line; the line is the pair's number. */
#define CONFIG_COMMAND_LINE "command line"

enum config_severity { CONFIG_WARNING, CONFIG_ERROR };

struct config_place {
    const char *file; /* read while the message is added only */
    uint32_t line;    /* from 1; 0: the file as a whole */
    uint32_t column;  /* from 1; 0: the line as a whole */
};

struct config_message {
    uint8_t severity; /* enum config_severity */
    uint32_t line;
    uint32_t column;
    char file[64];
    char key[48];       /* "" for errors of syntax */
    char reason[192];   /* one sentence without a full stop */
    char accepted[160]; /* accepted values, "" if naming them would not help */
};

struct config_report {
    uint32_t count; /* messages kept, in the order of their finding */
    uint32_t errors;
    uint32_t warnings;
    struct config_message messages[CONFIG_REPORT_MESSAGES];
};

void config_report_clear(struct config_report *report);

/* Adds a message. When the report is full an error takes the place of the last warning; what does not fit is counted.
 */
__attribute__((format(printf, 6, 7))) void config_report_add(struct config_report *report,
                                                             enum config_severity severity, struct config_place place,
                                                             const char *key, const char *accepted, const char *reason,
                                                             ...);

/* Writes `guest.cfg:7: vcpus: "eight" is not a number; accepted: 1 to 4` (warnings carry `warning:` after the place)
 * without a newline into `to`, always terminated; returns the length written. */
size_t config_message_format(const struct config_message *message, char *to, size_t size);

/* Copies `length` bytes of hostile text as a quoted word for a message: at most 40 bytes, unprintable ones as '?'. */
struct config_quoted {
    char text[48];
};
struct config_quoted config_quote(const char *text, size_t length);
