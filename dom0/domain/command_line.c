// Splitting the shell's lines into commands and words.
#include "dom0/domain/command_line.h"

#include <string.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_end(char c) {
    return c == '\0' || c == ';' || c == '\n';
}

struct splitter {
    struct command_line *line;
    const char *at;
    size_t used;
};

static void put(struct splitter *s, char c) {
    if (s->used < sizeof s->line->text)
        s->line->text[s->used++] = c;
    else
        s->line->error = "the command is longer than 1023 characters";
}

// Text up to the closing QUOTE; the opening one has been read.
static void read_quoted(struct splitter *s, char quote) {
    for (;; s->at++) {
        if (!*s->at || *s->at == '\n') {
            s->line->error = quote == '"' ? "a \" is not closed" : "a ' is not closed";
            return;
        }
        if (*s->at == quote) {
            s->at++;
            return;
        }
        if (quote == '"' && *s->at == '\\' && (s->at[1] == '"' || s->at[1] == '\\'))
            s->at++;
        put(s, *s->at);
    }
}

static void read_word(struct splitter *s) {
    while (!is_blank(*s->at) && !is_end(*s->at) && !s->line->error) {
        char c = *s->at++;
        if (c == '\'' || c == '"')
            read_quoted(s, c);
        else if (c == '\\' && *s->at && *s->at != '\n')
            put(s, *s->at++);
        else
            put(s, c);
    }
    put(s, '\0');
}

static void skip_comment(struct splitter *s) {
    while (*s->at && *s->at != '\n')
        s->at++;
}

static void skip_line_on_error(struct splitter *s) {
    if (s->line->error) {
        s->line->words = 0;
        skip_comment(s);
    }
}

bool command_line_read(struct command_line *line, const char **rest) {
    struct splitter s = {.line = line, .at = *rest, .used = 0};
    line->words = 0;
    line->error = NULL;
    if (!*s.at)
        return false;
    while (!line->error) {
        while (is_blank(*s.at))
            s.at++;
        if (*s.at == '#')
            skip_comment(&s);
        if (is_end(*s.at))
            break;
        if (line->words == COMMAND_WORDS) {
            line->error = "the command has more than 64 words";
            break;
        }
        line->word[line->words++] = line->text + s.used;
        read_word(&s);
    }
    skip_line_on_error(&s);
    line->word[line->words] = NULL;
    *rest = *s.at ? s.at + 1 : s.at;
    return true;
}

void command_line_source(const char *rest, char *to, size_t size) {
    struct command_line line;
    const char *end = rest;
    bool more = command_line_read(&line, &end);
    if (more && end > rest && is_end(end[-1]))
        end--;
    while (rest < end && is_blank(*rest))
        rest++;
    while (end > rest && is_blank(end[-1]))
        end--;
    size_t length = (size_t)(end - rest) < size ? (size_t)(end - rest) : size - 1;
    memcpy(to, rest, length);
    to[length] = '\0';
}

void command_line_cursor(const char *text, size_t *command, size_t *word, int *index) {
    char quote = 0;
    bool in_word = false;
    *command = *word = 0;
    *index = -1;
    for (size_t i = 0; text[i]; i++) {
        char c = text[i];
        if (!quote && is_end(c)) {
            *command = i + 1;
            *index = -1;
            in_word = false;
            continue;
        }
        if (!quote && is_blank(c)) {
            in_word = false;
            continue;
        }
        if (!in_word) {
            in_word = true;
            *word = i;
            ++*index;
        }
        if (quote ? c == quote : c == '\'' || c == '"')
            quote = quote ? 0 : c;
        else if (c == '\\' && quote != '\'' && text[i + 1])
            i++;
    }
    if (!in_word) {
        *word = strlen(text);
        ++*index;
    }
}
