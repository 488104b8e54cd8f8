// The words of a domain configuration: the lexer of xl.cfg(5)'s syntax, with C's escapes in strings.
#include "dom0/domain/config_lexer.h"
#include "dom0/domain/config_document.h"

#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* What makes an unquoted word, so that a message can show all of it. */
static bool is_word(char c) {
    return is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == ':' || c == '/';
}

static bool at_end(const struct config_lexer *lexer) {
    return lexer->at >= lexer->size;
}

static char peek(const struct config_lexer *lexer) {
    return at_end(lexer) ? '\0' : lexer->text[lexer->at];
}

static struct config_token token_error(struct config_lexer *lexer, struct config_token token, const char *reason,
                                       const char *accepted) {
    struct config_place place = {lexer->file, token.line, token.column};
    size_t shown = lexer->at - token.start;
    config_report_add(lexer->report, CONFIG_ERROR, place, "", accepted, "%s %s",
                      config_quote(lexer->text + token.start, shown).text, reason);
    token.type = CONFIG_TOKEN_ERROR;
    return token;
}

void config_line_skip(struct config_lexer *lexer) {
    while (!at_end(lexer) && lexer->text[lexer->at] != '\n')
        lexer->at++;
}

/* A key or a number: Xen's [a-z][_0-9a-z]* and [0-9][0-9a-fx]*. */
static struct config_token token_word(struct config_lexer *lexer, struct config_token token) {
    bool key = true, number = true;
    while (!at_end(lexer) && is_word(peek(lexer))) {
        char c = lexer->text[lexer->at++];
        key = key && ((c >= 'a' && c <= 'z') || is_digit(c) || c == '_');
        number = number && (is_digit(c) || (c >= 'a' && c <= 'f') || c == 'x' || (c >= 'A' && c <= 'F') || c == 'X');
    }
    token.length = lexer->at - token.start;
    if (is_digit(lexer->text[token.start])) {
        token.type = CONFIG_TOKEN_NUMBER;
        return number ? token : token_error(lexer, token, "is not a number", "digits, 0x.., or a string in quotes");
    }
    token.type = CONFIG_TOKEN_KEY;
    if (!key)
        return token_error(lexer, token, "is neither a key nor a value", "keys in lower case, strings in quotes");
    return token;
}

static int digit_value(char c) {
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* The number after \x (two hexadecimal digits) or \ (one to three octal ones), or -1. */
static int escape_number(struct config_lexer *lexer, int base, int digits_min, int digits_max) {
    int value = 0, digits = 0;
    while (digits < digits_max && digit_value(peek(lexer)) < base) {
        value = value * base + digit_value(peek(lexer));
        lexer->at++;
        digits++;
    }
    return digits >= digits_min && value > 0 && value <= 255 ? value : -1;
}

/* The byte that an escape stands for (its backslash has been read), or -1. */
static int escape_value(struct config_lexer *lexer) {
    static const char letters[] = "abfnrtv\"'\\";
    static const char values[] = "\a\b\f\n\r\t\v\"'\\";
    char c = peek(lexer);
    if (c >= '0' && c <= '7')
        return escape_number(lexer, 8, 1, 3);
    if (at_end(lexer) || c == '\n')
        return -1;
    lexer->at++;
    if (c == 'x')
        return escape_number(lexer, 16, 2, 2);
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    return letter == NULL ? -1 : values[letter - letters];
}

static struct config_token token_string(struct config_lexer *lexer, struct config_token token) {
    static const char full[] = "makes the values too large (32768 bytes in all)";
    char quote = lexer->text[lexer->at++];
    token.type = CONFIG_TOKEN_STRING;
    token.pool_start = lexer->document->pool_used;
    for (;;) {
        char c = peek(lexer);
        if (at_end(lexer) || c == '\n')
            return token_error(lexer, token, "has no closing quote", "");
        if (c == '\0') {
            lexer->at++;
            return token_error(lexer, token, "contains a NUL byte", "");
        }
        lexer->at++;
        if (c == quote)
            break;
        if (c == '\\') {
            int value = escape_value(lexer);
            if (value < 0)
                return token_error(lexer, token, "contains an unknown escape",
                                   "\\\\ \\' \\\" \\a \\b \\f \\n \\r \\t \\v \\xHH \\OOO");
            c = (char)value;
        }
        if (!config_pool_append(lexer->document, &c, 1))
            return token_error(lexer, token, full, "");
    }
    token.length = lexer->document->pool_used - token.pool_start;
    return config_pool_append(lexer->document, "", 1) ? token : token_error(lexer, token, full, "");
}

static void blanks_skip(struct config_lexer *lexer) {
    for (; !at_end(lexer); lexer->at++) {
        char c = lexer->text[lexer->at];
        bool line_end = c == '\r' && lexer->at + 1 < lexer->size && lexer->text[lexer->at + 1] == '\n';
        if (c != ' ' && c != '\t' && !line_end)
            return;
    }
}

/* One of the signs, or an error about a byte that means nothing here. */
static struct config_token token_sign(struct config_lexer *lexer, struct config_token token) {
    static const char signs[] = ";,[]=";
    static const enum config_token_type types[] = {CONFIG_TOKEN_SEMICOLON, CONFIG_TOKEN_COMMA, CONFIG_TOKEN_OPEN,
                                                   CONFIG_TOKEN_CLOSE, CONFIG_TOKEN_EQUALS};
    char c = lexer->text[lexer->at++];
    const char *sign = c == '\0' ? NULL : strchr(signs, c);
    if (sign != NULL) {
        token.type = types[sign - signs];
        return token;
    }
    if (c == '+' && peek(lexer) == '=') {
        lexer->at++;
        token.type = CONFIG_TOKEN_PLUS_EQUALS;
        return token;
    }
    if (c == '\0')
        return token_error(lexer, token, "is a NUL byte: this is not a text file", "");
    return token_error(lexer, token, "means nothing here", "KEY = VALUE with strings in quotes");
}

struct config_token config_token_next(struct config_lexer *lexer) {
    blanks_skip(lexer);
    if (peek(lexer) == '#')
        config_line_skip(lexer);
    struct config_token token = {.line = lexer->line, .column = (uint32_t)(lexer->at - lexer->line_start) + 1};
    token.start = lexer->at;
    if (at_end(lexer))
        return token;
    char c = peek(lexer);
    if (c == '\n') {
        token.type = CONFIG_TOKEN_NEWLINE;
        lexer->line_start = ++lexer->at;
        lexer->line++;
        return token;
    }
    if (c == '"' || c == '\'')
        return token_string(lexer, token);
    if (is_digit(c) || is_letter(c))
        return token_word(lexer, token);
    return token_sign(lexer, token);
}
