// Names of keys, and their bytes on a terminal.
#include "dom0/domain/terminal_keys.h"

#include <string.h>

#include "lib/format.h"

#define ESCAPE '\x1b'

struct key_bytes {
    const char *name;
    const char *bytes;
};

static const struct key_bytes keys[] = {
    {"enter", "\r"},       {"tab", "\t"},           {"backspace", "\x7f"}, {"esc", "\x1b"},       {"lt", "<"},
    {"gt", ">"},           {"space", " "},          {"up", "\x1b[A"},      {"down", "\x1b[B"},    {"right", "\x1b[C"},
    {"left", "\x1b[D"},    {"home", "\x1b[H"},      {"end", "\x1b[F"},     {"insert", "\x1b[2~"}, {"delete", "\x1b[3~"},
    {"pageup", "\x1b[5~"}, {"pagedown", "\x1b[6~"}, {"f1", "\x1bOP"},      {"f2", "\x1bOQ"},      {"f3", "\x1bOR"},
    {"f4", "\x1bOS"},      {"f5", "\x1b[15~"},      {"f6", "\x1b[17~"},    {"f7", "\x1b[18~"},    {"f8", "\x1b[19~"},
    {"f9", "\x1b[20~"},    {"f10", "\x1b[21~"},     {"f11", "\x1b[23~"},   {"f12", "\x1b[24~"},
};
#define KEYS (sizeof keys / sizeof *keys)

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *bytes_of_name(const char *name, size_t length, char buffer[3]) {
    for (size_t i = 0; i < KEYS; i++)
        if (strlen(keys[i].name) == length && !memcmp(keys[i].name, name, length))
            return keys[i].bytes;
    buffer[0] = buffer[1] = buffer[2] = '\0';
    if (length == 6 && !memcmp(name, "ctrl-", 5) && (is_letter(name[5]) || strchr("@[\\]^_", name[5])))
        buffer[0] = (char)(name[5] & 0x1f);
    else if (length == 5 && !memcmp(name, "alt-", 4))
        memcpy(buffer, (char[]){ESCAPE, name[4]}, 2);
    return buffer[0] ? buffer : NULL;
}

bool terminal_keys_encode(const char *text, char *to, size_t size, size_t *length, char *error, size_t error_size) {
    char buffer[3] = "";
    *length = 0;
    while (*text) {
        const char *bytes = buffer;
        const char *close = *text == '<' ? strchr(text, '>') : text;
        buffer[0] = *text;
        buffer[1] = '\0';
        if (*text == '<' && close)
            bytes = bytes_of_name(text + 1, (size_t)(close - text) - 1, buffer);
        if (!bytes || !close) {
            format(error, error_size, "%.*s is no key; a < is written <lt>", close ? (int)(close - text) + 1 : 12,
                   text);
            return false;
        }
        if (*length + strlen(bytes) > size) {
            format(error, error_size, "longer than %zu bytes", size);
            return false;
        }
        memcpy(to + *length, bytes, strlen(bytes));
        *length += strlen(bytes);
        text = close + 1;
    }
    return true;
}
