// Parser of the manifest: a block a server, a line a property, words separated by blanks, # starts a comment.
#include "dom0/init/manifest.h"
#include "lib/format.h"
#include "lib/string.h"

#define WORDS 4u
#define WORD  64u

struct line {
    unsigned number, words;
    char word[WORDS][WORD];
};

struct parser {
    struct manifest *manifest;
    struct line line;
    char *message;
    size_t message_size;
};

// Complains about a word of the line.
static bool fail_at(const struct parser *parser, unsigned word, const char *wrong, const char *right) {
    format(parser->message, parser->message_size, "etc/manifest:%u: %s '%s'; %s", parser->line.number, wrong,
           parser->line.words > word ? parser->line.word[word] : "", right);
    return false;
}

// Complains about what a property is set to.
static bool fail(const struct parser *parser, const char *wrong, const char *right) {
    return fail_at(parser, parser->line.words > 1, wrong, right);
}

static bool parse_number(const char *text, unsigned base, uint64_t *value) {
    *value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit = *text >= '0' && *text <= '9'   ? (unsigned)(*text - '0')
                         : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a') + 10
                                                        : 99;
        if (digit >= base || *value > UINT64_MAX / 32)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

static void copy_word(char *to, size_t size, const char *from) {
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    to[length] = 0;
}

static struct manifest_server *current(const struct parser *parser) {
    return parser->manifest->servers ? &parser->manifest->server[parser->manifest->servers - 1] : NULL;
}

static const struct manifest_server *find(const struct manifest *manifest, const char *name) {
    for (unsigned i = 0; i < manifest->servers; i++)
        if (strcmp(manifest->server[i].name, name) == 0)
            return &manifest->server[i];
    return NULL;
}

static bool begin_server(struct parser *parser, bool is_template) {
    if (parser->line.words != 2)
        return fail(parser, "a server needs a name:", "write: server NAME");
    if (parser->manifest->servers == MANIFEST_SERVERS)
        return fail(parser, "too many servers at", "at most 16 are possible");
    if (strlen(parser->line.word[1]) >= sizeof(parser->manifest->server[0].name))
        return fail(parser, "too long a name:", "at most 31 characters");
    if (find(parser->manifest, parser->line.word[1]))
        return fail(parser, "a second server", "names are used once");
    struct manifest_server *server = &parser->manifest->server[parser->manifest->servers++];
    memset(server, 0, sizeof(*server));
    copy_word(server->name, sizeof(server->name), parser->line.word[1]);
    server->is_template = is_template;
    return true;
}

static bool set_property(struct parser *parser, struct manifest_server *server, const char *key, bool *known) {
    uint64_t value = 0;
    *known = true;
    if (strcmp(key, "file") == 0) {
        if (parser->line.words != 2)
            return fail(parser, "no file name:", "write: file NAME");
        copy_word(server->file, sizeof(server->file), parser->line.word[1]);
        return true;
    }
    bool number = parser->line.words == 2 && parse_number(parser->line.word[1], 10, &value);
    if (strcmp(key, "priority") == 0) {
        server->priority = (unsigned)value;
        return (number && value <= 255) || fail(parser, "no priority:", "write: priority 0 to 255");
    }
    if (strcmp(key, "cpu") == 0) {
        server->cpu = (unsigned)value;
        return (number && value < 64) || fail(parser, "no CPU:", "write: cpu 0 to 63");
    }
    if (strcmp(key, "heap") == 0) {
        server->heap_bytes = value << 20;
        return (number && value <= 1024) || fail(parser, "no heap size:", "write: heap MEBIBYTES");
    }
    *known = false;
    return true;
}

// Grants: name, how many words follow, base of the first one if it is a number.
static const struct grant_form {
    const char *key;
    enum grant_kind kind;
    unsigned words, base_a;
    bool name;
    const char *form;
} forms[] = {
    {"ports", GRANT_PORTS, 2, 16, false, "write: ports BASE COUNT, the base hexadecimal"},
    {"irq", GRANT_IRQ, 2, 10, false, "write: irq GSI EVENT-BIT"},
    {"channel", GRANT_CHANNEL, 1, 0, true, "write: channel log, or channel shell"},
    {"portal", GRANT_PORTAL, 1, 0, true, "write: portal init, or portal SERVER"},
    {"directory", GRANT_DIRECTORY, 0, 0, false, "write: directory"},
    {"core-info", GRANT_CORE_INFO, 0, 0, false, "write: core-info"},
    {"exchange", GRANT_EXCHANGE, 0, 0, false, "write: exchange"},
    {"uart", GRANT_UART, 0, 0, false, "write: uart"},
};

static bool add_grant(struct parser *parser, struct manifest_server *server, const struct grant_form *form) {
    struct manifest_grant grant = {.kind = form->kind};
    if (server->is_template)
        return fail_at(parser, 0,
                       "not for a template:", "init gives a domain's VMM what the domain's configuration says");
    if (parser->line.words != form->words + 1)
        return fail_at(parser, 0, "wrong number of words after", form->form);
    if (form->base_a && (!parse_number(parser->line.word[1], form->base_a, &grant.a) ||
                         !parse_number(parser->line.word[2], 10, &grant.b)))
        return fail(parser, "no number:", form->form);
    if (form->kind == GRANT_PORTS &&
        (grant.b == 0 || (grant.b & (grant.b - 1)) || grant.a % grant.b || grant.a > 65535))
        return fail(parser, "ports misaligned:", "COUNT is a power of two that divides BASE");
    if (form->kind == GRANT_IRQ && (grant.a > 255 || grant.b > 63))
        return fail(parser, "out of range:", form->form);
    if (form->name)
        copy_word(grant.name, sizeof(grant.name), parser->line.word[1]);
    if (form->kind == GRANT_CHANNEL && strcmp(grant.name, "log") != 0 && strcmp(grant.name, "shell") != 0)
        return fail(parser, "no such channel:", form->form);
    if (server->grants == MANIFEST_GRANTS)
        return fail(parser, "too many grants at", "at most 16 a server");
    server->grant[server->grants++] = grant;
    return true;
}

static bool parse_line(struct parser *parser) {
    const char *key = parser->line.word[0];
    if (parser->line.words == 0)
        return true;
    if (strcmp(key, "server") == 0 || strcmp(key, "template") == 0)
        return begin_server(parser, key[0] == 't');
    struct manifest_server *server = current(parser);
    if (!server)
        return fail(parser, "before any server:", "begin with: server NAME");
    bool known;
    if (!set_property(parser, server, key, &known) || known)
        return known && current(parser) != NULL && parser->message[0] == 0;
    for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strcmp(key, forms[i].key) == 0)
            return add_grant(parser, server, &forms[i]);
    return fail_at(parser, 0, "unknown property",
                   "known: file priority cpu heap ports irq channel portal directory core-info exchange uart");
}

// Splits the line at *at into words. False: a word or the line is too long.
static bool split(struct line *line, const char *text, size_t size, size_t *at) {
    bool comment = false, fits = true;
    size_t length = 0;
    line->words = 0;
    for (; *at < size && text[*at] != '\n'; ++*at) {
        char c = text[*at];
        comment |= c == '#';
        if (comment || c == ' ' || c == '\t' || c == '\r') {
            length = 0;
            continue;
        }
        if (length == 0 && line->words == WORDS)
            fits = false;
        if (length == 0 && fits)
            memset(line->word[line->words++], 0, WORD);
        if (length + 1 >= WORD)
            fits = false;
        else if (fits)
            line->word[line->words - 1][length] = c;
        length++;
    }
    ++*at;
    return fits;
}

// What can be checked only when all is read.
static bool check_server(const struct manifest *manifest, const struct manifest_server *server, char *message,
                         size_t message_size) {
    if (!server->file[0]) {
        format(message, message_size, "etc/manifest: server '%s' has no line 'file NAME'", server->name);
        return false;
    }
    for (unsigned i = 0; i < server->grants; i++) {
        const struct manifest_grant *grant = &server->grant[i];
        const struct manifest_server *target = find(manifest, grant->name);
        if (grant->kind != GRANT_PORTAL || strcmp(grant->name, "init") == 0 || (target && !target->is_template))
            continue;
        format(message, message_size,
               "etc/manifest: server '%s': 'portal %s' names no server; known are init and those of this file",
               server->name, grant->name);
        return false;
    }
    return true;
}

bool manifest_parse(const char *text, size_t size, struct manifest *manifest, char *message, size_t message_size) {
    struct parser parser = {.manifest = manifest, .message = message, .message_size = message_size};
    memset(manifest, 0, sizeof(*manifest));
    message[0] = 0;
    for (size_t at = 0; at < size;) {
        parser.line.number++;
        if (!split(&parser.line, text, size, &at))
            return fail(&parser, "too many or too long words near", "at most 4 words of 63 characters");
        if (!parse_line(&parser))
            return false;
    }
    for (unsigned i = 0; i < manifest->servers; i++)
        if (!check_server(manifest, &manifest->server[i], message, message_size))
            return false;
    return true;
}
