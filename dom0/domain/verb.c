// Finding verbs and parsing their options and operands.
#include "dom0/domain/verb.h"

#include <string.h>

#include "lib/format.h"

struct word_shown word_shown(const char *word) {
    struct word_shown shown;
    format(shown.text, sizeof shown.text, "%.*s%s", WORD_SHOWN_MAX, word,
           strnlen(word, WORD_SHOWN_MAX + 1) > WORD_SHOWN_MAX ? "..." : "");
    return shown;
}

const struct verb *verb_find(const char *name) {
    for (size_t i = 0; i < verb_count; i++)
        if (!strcmp(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

static size_t least_of(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

// Edits (insert, delete, change of one character) that make A into B: Levenshtein's distance.
static size_t edit_distance(const char *a, const char *b) {
    size_t row[32];
    size_t length = strlen(b);
    if (length >= sizeof row / sizeof *row || strlen(a) >= sizeof row / sizeof *row)
        return sizeof row / sizeof *row;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least_of(change, diagonal + 1, row[j] + 1);
        }
    }
    return row[length];
}

const struct verb *verb_nearest(const char *name) {
    const struct verb *nearest = NULL;
    size_t least = strlen(name) <= 3 ? 2 : 3; // farther than this minus one is another word
    for (size_t i = 0; i < verb_count; i++) {
        if (strlen(name) >= 2 && !strncmp(verbs[i].name, name, strlen(name)))
            return &verbs[i];
        size_t distance = edit_distance(name, verbs[i].name);
        if (distance < least) {
            least = distance;
            nearest = &verbs[i];
        }
    }
    return nearest;
}

struct option_parser {
    struct invocation *invocation;
    const struct command_line *line;
    int at; // the next word
    char *error;
    size_t error_size;
};

static bool is_option(const struct verb_option *option) {
    return option->letter || option->name;
}

static bool take_argument(struct option_parser *parser, int option, const char *written, const char *attached) {
    if (!parser->invocation->verb->options[option].argument) {
        parser->invocation->value[option] = "";
        return true;
    }
    const char *value = attached ? attached : parser->line->word[parser->at];
    if (!value) {
        format(parser->error, parser->error_size, "option %s needs a value: %s", written,
               parser->invocation->verb->options[option].argument);
        return false;
    }
    if (!attached)
        parser->at++;
    parser->invocation->value[option] = value;
    return true;
}

static bool parse_long(struct option_parser *parser, const char *word) {
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    const struct verb *verb = parser->invocation->verb;
    for (int i = 0; i < VERB_OPTIONS && is_option(&verb->options[i]); i++) {
        const char *name = verb->options[i].name;
        if (!name || strlen(name) != length || strncmp(name, word + 2, length) != 0)
            continue;
        if (equals && !verb->options[i].argument) {
            format(parser->error, parser->error_size, "option --%s takes no value", name);
            return false;
        }
        return take_argument(parser, i, word, equals ? equals + 1 : NULL);
    }
    format(parser->error, parser->error_size, "unknown option %s", word);
    return false;
}

static int find_letter(const struct verb *verb, char letter) {
    for (int i = 0; i < VERB_OPTIONS && is_option(&verb->options[i]); i++)
        if (verb->options[i].letter == letter)
            return i;
    return -1;
}

// -pc, -n3, -n 3
static bool parse_letters(struct option_parser *parser, const char *word) {
    const struct verb *verb = parser->invocation->verb;
    for (const char *letter = word + 1; *letter; letter++) {
        int option = find_letter(verb, *letter);
        if (option < 0) {
            format(parser->error, parser->error_size, "unknown option -%c", *letter);
            return false;
        }
        if (verb->options[option].argument)
            return take_argument(parser, option, (char[]){'-', *letter, 0}, letter[1] ? letter + 1 : NULL);
        parser->invocation->value[option] = "";
    }
    return true;
}

static bool check_operands(const struct option_parser *parser) {
    const struct invocation *invocation = parser->invocation;
    if (invocation->operands < invocation->verb->least) {
        format(parser->error, parser->error_size, "too few operands");
        return false;
    }
    if (invocation->operands > invocation->verb->most) {
        format(parser->error, parser->error_size, "too many operands: %s", invocation->operand[invocation->verb->most]);
        return false;
    }
    return true;
}

bool invocation_parse(struct invocation *invocation, const struct verb *verb, const struct command_line *line,
                      int first, char *error, size_t error_size) {
    struct option_parser parser = {invocation, line, first, error, error_size};
    bool options_end = false;
    memset(invocation, 0, sizeof *invocation);
    invocation->verb = verb;
    while (parser.at < line->words) {
        const char *word = line->word[parser.at++];
        if (options_end || word[0] != '-' || !word[1])
            invocation->operand[invocation->operands++] = word;
        else if (!strcmp(word, "--"))
            options_end = true;
        else if (!(word[1] == '-' ? parse_long(&parser, word) : parse_letters(&parser, word)))
            return false;
    }
    return check_operands(&parser);
}

const char *option_letter(const struct invocation *invocation, char letter) {
    int option = find_letter(invocation->verb, letter);
    return option < 0 ? NULL : invocation->value[option];
}

const char *option_name(const struct invocation *invocation, const char *name) {
    for (int i = 0; i < VERB_OPTIONS && is_option(&invocation->verb->options[i]); i++)
        if (invocation->verb->options[i].name && !strcmp(invocation->verb->options[i].name, name))
            return invocation->value[i];
    return NULL;
}

const char *verb_synopsis(const struct verb *verb, char *to, size_t size) {
    size_t used = (size_t)format(to, size, "%s", verb->name);
    for (int i = 0; i < VERB_OPTIONS && is_option(&verb->options[i]) && used < size; i++) {
        const struct verb_option *option = &verb->options[i];
        char spelled[32];
        if (option->letter)
            format(spelled, sizeof spelled, "-%c", option->letter);
        else
            format(spelled, sizeof spelled, "--%s", option->name);
        used += (size_t)format(to + used, size - used, " [%s%s%s]", spelled, option->argument ? " " : "",
                               option->argument ? option->argument : "");
    }
    if (verb->operands[0] && used < size)
        format(to + used, size - used, " %s", verb->operands);
    return to;
}
