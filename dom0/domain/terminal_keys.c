// Names of keys, and their bytes on a terminal.
#include "dom0/domain/terminal_keys.h"

#include <string.h>

#include "lib/format.h"

#define ESCAPE '\x1b'

struct key_bytes {
    const char *name;
    const char *bytes;
};

// The first spelling of a name is what is sent; all of them are understood.
static const struct key_bytes keys[] = {
    {"enter", "\r"},      {"enter", "\n"},      {"tab", "\t"},       {"backspace", "\x7f"}, {"backspace", "\b"},
    {"esc", "\x1b"},      {"lt", "<"},          {"gt", ">"},         {"space", " "},        {"up", "\x1b[A"},
    {"up", "\x1bOA"},     {"down", "\x1b[B"},   {"down", "\x1bOB"},  {"right", "\x1b[C"},   {"right", "\x1bOC"},
    {"left", "\x1b[D"},   {"left", "\x1bOD"},   {"home", "\x1b[H"},  {"home", "\x1b[1~"},   {"home", "\x1bOH"},
    {"end", "\x1b[F"},    {"end", "\x1b[4~"},   {"end", "\x1bOF"},   {"insert", "\x1b[2~"}, {"delete", "\x1b[3~"},
    {"pageup", "\x1b[5~"}, {"pagedown", "\x1b[6~"}, {"f1", "\x1bOP"}, {"f1", "\x1b[11~"},    {"f2", "\x1bOQ"},
    {"f2", "\x1b[12~"},   {"f3", "\x1bOR"},     {"f3", "\x1b[13~"},  {"f4", "\x1bOS"},      {"f4", "\x1b[14~"},
    {"f5", "\x1b[15~"},   {"f6", "\x1b[17~"},   {"f7", "\x1b[18~"},  {"f8", "\x1b[19~"},    {"f9", "\x1b[20~"},
    {"f10", "\x1b[21~"},  {"f11", "\x1b[23~"},  {"f12", "\x1b[24~"},
};
#define KEYS (sizeof keys / sizeof *keys)

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The longest key that BYTES begins with, or NULL; *PARTIAL if a longer one could be on its way.
static const struct key_bytes *find_bytes(const char *bytes, size_t length, bool *partial) {
    const struct key_bytes *found = NULL;
    *partial = false;
    for (size_t i = 0; i < KEYS; i++) {
        size_t size = strlen(keys[i].bytes);
        if (size > length)
            *partial |= !memcmp(keys[i].bytes, bytes, length);
        else if (!memcmp(keys[i].bytes, bytes, size) && (!found || size > strlen(found->bytes)))
            found = &keys[i];
    }
    return found;
}

// The length of a control sequence that is no key of ours (ECMA-48 5.4), so that it is not taken for text.
static size_t sequence_length(const char *bytes, size_t length) {
    size_t at = 2;
    if (length < 2 || bytes[0] != ESCAPE || bytes[1] != '[')
        return 0;
    while (at < length && bytes[at] >= 0x20 && bytes[at] < 0x40)
        at++;
    return at < length ? at + 1 : at;
}

static size_t decode_plain(const char *bytes, size_t length, char to[TERMINAL_KEY_BYTES]) {
    unsigned char c = (unsigned char)bytes[0];
    to[0] = '\0';
    if (c == ESCAPE && length > 1 && bytes[1] > ' ' && bytes[1] < 0x7f) {
        format(to, TERMINAL_KEY_BYTES, "<alt-%c>", bytes[1]);
        return 2;
    }
    if (c >= 1 && c <= 26)
        format(to, TERMINAL_KEY_BYTES, "<ctrl-%c>", 'a' + c - 1);
    else if (c >= ' ' && c < 0x7f)
        format(to, TERMINAL_KEY_BYTES, "%c", c);
    return 1;
}

size_t terminal_key_decode(const char *bytes, size_t length, bool complete, char to[TERMINAL_KEY_BYTES]) {
    bool partial;
    to[0] = '\0';
    if (!length)
        return 0;
    const struct key_bytes *key = find_bytes(bytes, length, &partial);
    if (partial && !complete)
        return 0;
    bool alone = key && key->bytes[0] == ESCAPE && !key->bytes[1] && length > 1; // an ESC before something
    if (alone || !key) {
        size_t unknown = sequence_length(bytes, length);
        return unknown ? unknown : decode_plain(bytes, length, to);
    }
    if (key->bytes[1] || (key->bytes[0] != ' ' && key->bytes[0] != '>'))
        format(to, TERMINAL_KEY_BYTES, "<%s>", key->name);
    else
        format(to, TERMINAL_KEY_BYTES, "%s", key->bytes);
    return strlen(key->bytes);
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
            format(error, error_size, "%.*s is no key; a < is written <lt>", close ? (int)(close - text) + 1 : 12, text);
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
