// Words of the core's command line.
#include "kernel/options.h"
#include "lib/string.h"

static bool is(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

const char *option_find(const char *command_line, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = command_line; (at = strstr(at, name)); at += length) {
        char end = at[length];
        if ((at == command_line || at[-1] == ' ') && (end == '\0' || end == ' ' || end == '='))
            return at + length + (end == '=');
    }
    return NULL;
}

static enum speculation_wish boolean(const char *text, size_t length) {
    static const char *const words[] = {"no", "off", "false", "disable", "0", "yes", "on", "true", "enable", "1"};
    for (unsigned i = 0; i < 10; i++)
        if (is(text, length, words[i]))
            return i < 5 ? SPECULATION_UNWANTED : SPECULATION_WANTED;
    return SPECULATION_AS_NEEDED;
}

static bool read_item(const char *item, size_t length, struct speculation_wishes *wishes) {
    const struct {
        const char *name;
        uint8_t *wish;
    } known[] = {{"ibpb", &wishes->ibpb},          {"ibrs", &wishes->ibrs},     {"stibp", &wishes->stibp},
                 {"verw", &wishes->verw},          {"md-clear", &wishes->verw}, // Xen's name until 4.18
                 {"l1d-flush", &wishes->l1d_flush}};
    enum speculation_wish all = boolean(item, length), wish = SPECULATION_WANTED;
    if (all) { // "yes" is what is done without the option
        uint8_t each = all == SPECULATION_WANTED ? SPECULATION_AS_NEEDED : SPECULATION_UNWANTED;
        *wishes = (struct speculation_wishes){each, each, each, each, each};
        return true;
    }
    size_t name = 0;
    while (name < length && item[name] != '=')
        name++;
    if (name < length)
        wish = boolean(item + name + 1, length - name - 1);
    if (name > 3 && memcmp(item, "no-", 3) == 0) {
        wish = name == length ? SPECULATION_UNWANTED : SPECULATION_AS_NEEDED;
        item += 3;
        name -= 3;
    }
    for (unsigned i = 0; wish && i < sizeof(known) / sizeof(known[0]); i++)
        if (is(item, name, known[i].name)) {
            *known[i].wish = (uint8_t)wish;
            return true;
        }
    return false;
}

const char *option_read_speculation(const char *list, struct speculation_wishes *wishes, size_t *length) {
    for (;;) {
        size_t end = 0;
        while (list[end] && list[end] != ',' && list[end] != ' ')
            end++;
        *length = end;
        if (!read_item(list, end, wishes))
            return list;
        if (list[end] != ',')
            return NULL;
        list += end + 1;
    }
}
