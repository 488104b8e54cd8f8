// The syntax of domain configurations: the parser of xl.cfg(5)'s statements over the tokens of config_lexer.
#include "dom0/domain/config_syntax.h"
#include "dom0/domain/config_document.h"
#include "dom0/domain/config_lexer.h"

#include <string.h>

struct parser {
    struct config_lexer lexer;
    struct config_token token; /* the one that is looked at */
    uint32_t override_number;  /* 0: a file */
    unsigned depth;            /* of lists */
};

static void advance(struct parser *parser) {
    parser->token = config_token_next(&parser->lexer);
}

/* Reports that something else was expected, unless the lexer has reported the token already. */
static bool expected(struct parser *parser, const char *what) {
    const struct config_token *token = &parser->token;
    struct config_place place = {parser->lexer.file, token->line, token->column};
    struct config_report *report = parser->lexer.report;
    size_t length = parser->lexer.at - token->start;
    if (token->type == CONFIG_TOKEN_END || token->type == CONFIG_TOKEN_NEWLINE)
        config_report_add(report, CONFIG_ERROR, place, "", "", "%s expected before the end of the %s", what,
                          token->type == CONFIG_TOKEN_END ? "text" : "line");
    else if (token->type != CONFIG_TOKEN_ERROR)
        config_report_add(report, CONFIG_ERROR, place, "", "", "%s expected, not %s", what,
                          config_quote(parser->lexer.text + token->start, length).text);
    return false;
}

static bool refused(struct parser *parser, const struct config_token *token, const char *reason) {
    struct config_place place = {parser->lexer.file, token->line, token->column};
    config_report_add(parser->lexer.report, CONFIG_ERROR, place, "", "", "%s", reason);
    return false;
}

/* A string or a number; the token is one. */
static bool parse_atom(struct parser *parser, uint16_t *index) {
    struct config_document *document = parser->lexer.document;
    struct config_token token = parser->token;
    bool number = token.type == CONFIG_TOKEN_NUMBER;
    struct config_value *value =
        config_value_add(document, number ? CONFIG_VALUE_NUMBER : CONFIG_VALUE_STRING, token.line, token.column);
    if (value == NULL)
        return refused(parser, &token, "too many values (1024 at most)");
    value->from_override = parser->override_number != 0;
    value->text = number ? document->pool_used : token.pool_start;
    value->length = (uint32_t)token.length;
    if (number && (!config_pool_append(document, parser->lexer.text + token.start, token.length) ||
                   !config_pool_append(document, "", 1)))
        return refused(parser, &token, "the values are too large (32768 bytes in all)");
    *index = (uint16_t)(value - document->values);
    advance(parser);
    return true;
}

static void newlines_skip(struct parser *parser) {
    while (parser->token.type == CONFIG_TOKEN_NEWLINE)
        advance(parser);
}

static bool parse_value(struct parser *parser, uint16_t *index);

/* `[ VALUE, VALUE, ... ]` over any number of lines, with or without a comma at its end; the token is `[`. */
static bool parse_list(struct parser *parser, uint16_t *index) {
    struct config_document *document = parser->lexer.document;
    struct config_token open = parser->token;
    if (parser->depth == CONFIG_DEPTH_MAX)
        return refused(parser, &open, "lists in lists are too deep (8 at most)");
    struct config_value *list = config_value_add(document, CONFIG_VALUE_LIST, open.line, open.column);
    if (list == NULL)
        return refused(parser, &open, "too many values (1024 at most)");
    list->from_override = parser->override_number != 0;
    uint16_t *link = &list->first;
    parser->depth++;
    for (;;) {
        advance(parser); /* over `[` or `,` */
        newlines_skip(parser);
        if (parser->token.type == CONFIG_TOKEN_CLOSE)
            break;
        uint16_t element;
        if (!parse_value(parser, &element))
            return false;
        *link = element;
        link = &document->values[element].next;
        newlines_skip(parser);
        if (parser->token.type == CONFIG_TOKEN_CLOSE)
            break;
        if (parser->token.type != CONFIG_TOKEN_COMMA)
            return expected(parser, "',' or ']'");
    }
    advance(parser);
    parser->depth--;
    *index = (uint16_t)(list - document->values);
    return true;
}

static bool parse_value(struct parser *parser, uint16_t *index) {
    switch (parser->token.type) {
    case CONFIG_TOKEN_STRING:
    case CONFIG_TOKEN_NUMBER:
        return parse_atom(parser, index);
    case CONFIG_TOKEN_OPEN:
        return parse_list(parser, index);
    default:
        return expected(parser, "a value (a number, a string in quotes, or [ a list ])");
    }
}

static bool setting_store(struct parser *parser, const struct config_setting *setting, struct config_token key) {
    uint32_t replaced;
    const char *wrong = config_setting_store(parser->lexer.document, setting, &replaced);
    if (wrong != NULL)
        return refused(parser, &key, wrong);
    if (replaced != 0) {
        struct config_place place = {parser->lexer.file, setting->line, 0};
        config_report_add(parser->lexer.report, CONFIG_WARNING, place, setting->key, "",
                          "replaces the value of line %u", replaced);
    }
    return true;
}

/* KEY = VALUE or KEY += VALUE; the token is KEY. */
static bool parse_assignment(struct parser *parser) {
    struct config_token key = parser->token;
    struct config_setting setting = {.from_override = parser->override_number != 0};
    setting.line = setting.from_override ? parser->override_number : key.line;
    if (key.length > CONFIG_KEY_MAX)
        return refused(parser, &key, "this key is longer than any key of xl.cfg(5)");
    memcpy(setting.key, parser->lexer.text + key.start, key.length);
    advance(parser);
    setting.added = parser->token.type == CONFIG_TOKEN_PLUS_EQUALS;
    if (!setting.added && parser->token.type != CONFIG_TOKEN_EQUALS)
        return expected(parser, "'=' or '+=' after the key");
    advance(parser);
    if (!parse_value(parser, &setting.value))
        return false;
    if (parser->token.type != CONFIG_TOKEN_NEWLINE && parser->token.type != CONFIG_TOKEN_SEMICOLON &&
        parser->token.type != CONFIG_TOKEN_END)
        return expected(parser, "the end of the line or ';' after the value");
    return setting_store(parser, &setting, key);
}

/* Statements up to the end. After an error it goes on with the next line, unless the error was inside a list, whose
 * other lines would only give senseless messages. */
static bool parse_statements(struct parser *parser) {
    bool good = true;
    for (;;) {
        advance(parser);
        enum config_token_type type = parser->token.type;
        if (type == CONFIG_TOKEN_END)
            return good;
        if (type == CONFIG_TOKEN_NEWLINE || type == CONFIG_TOKEN_SEMICOLON)
            continue;
        bool statement = type == CONFIG_TOKEN_KEY ? parse_assignment(parser) : expected(parser, "a key");
        good = good && statement;
        if (!statement && parser->depth > 0)
            return false;
        if (!statement && parser->token.type != CONFIG_TOKEN_NEWLINE)
            config_line_skip(&parser->lexer);
        if (statement && parser->token.type == CONFIG_TOKEN_END)
            return good;
    }
}

bool config_parse_file(struct config_document *document, const char *file_name, const char *text, size_t size,
                       struct config_report *report) {
    if (size > CONFIG_TEXT_MAX) {
        struct config_place place = {file_name, 0, 0};
        config_report_add(report, CONFIG_ERROR, place, "", "",
                          "%zu bytes are too large for a configuration (%u at most)", size, CONFIG_TEXT_MAX);
        return false;
    }
    struct parser parser = {
        .lexer = {.document = document, .report = report, .file = file_name, .text = text, .size = size, .line = 1}};
    return parse_statements(&parser);
}

/* Whether `text` is one number as the syntax knows it; with one, the words of a file and of the command line agree. */
static bool is_number(const char *text) {
    return text[0] >= '0' && text[0] <= '9' && strspn(text, "0123456789abcdefxABCDEFX") == strlen(text);
}

/* Stores the rest of an override, from `value` on, literally. */
static bool override_literal(struct config_document *document, const struct config_setting *pattern, const char *value,
                             struct config_place place, struct config_report *report) {
    const char *wrong = "the values are too large (32768 bytes in all)";
    struct config_setting setting = *pattern;
    struct config_value *stored =
        config_value_add(document, is_number(value) ? CONFIG_VALUE_NUMBER : CONFIG_VALUE_STRING, place.line, 0);
    if (stored != NULL) {
        uint32_t replaced;
        stored->from_override = true;
        stored->text = document->pool_used;
        stored->length = (uint32_t)strlen(value);
        setting.value = (uint16_t)(stored - document->values);
        if (config_pool_append(document, value, strlen(value) + 1))
            wrong = config_setting_store(document, &setting, &replaced);
    }
    if (wrong != NULL)
        config_report_add(report, CONFIG_ERROR, place, setting.key, "", "%s", wrong);
    return wrong == NULL;
}

bool config_parse_override(struct config_document *document, uint32_t number, const char *text,
                           struct config_report *report) {
    struct config_place place = {CONFIG_COMMAND_LINE, number, 0};
    struct config_setting setting = {.from_override = true, .line = number};
    size_t key_length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    size_t at = key_length + strspn(text + key_length, " \t");
    setting.added = text[at] == '+';
    at += setting.added;
    if (key_length == 0 || key_length > CONFIG_KEY_MAX || text[at] != '=' || strlen(text) > CONFIG_TEXT_MAX) {
        config_report_add(report, CONFIG_ERROR, place, "", "key=value, key+=value", "%s is not a setting",
                          config_quote(text, strnlen(text, 64)).text);
        return false;
    }
    memcpy(setting.key, text, key_length);
    at++;
    at += strspn(text + at, " \t");
    if (text[at] != '"' && text[at] != '\'' && text[at] != '[')
        return override_literal(document, &setting, text + at, place, report);
    struct parser parser = {.lexer = {.document = document,
                                      .report = report,
                                      .file = CONFIG_COMMAND_LINE,
                                      .text = text,
                                      .size = strlen(text),
                                      .line = number},
                            .override_number = number};
    return parse_statements(&parser);
}

enum config_number_result config_number(const char *text, int64_t *number) {
    text += strspn(text, " \t");
    bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    int base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && text[2] != '\0') {
        base = 16;
        text += 2;
    } else if (text[0] == '0') {
        base = 8;
    }
    if (*text == '\0')
        return CONFIG_NUMBER_INVALID;
    bool large = false;
    int64_t value = 0;
    for (; *text != '\0'; text++) {
        const char *digits = "0123456789abcdef";
        char lower = *text >= 'A' && *text <= 'F' ? (char)(*text - 'A' + 'a') : *text;
        const char *digit = strchr(digits, lower);
        if (digit == NULL || digit - digits >= base)
            return CONFIG_NUMBER_INVALID;
        large = large || value > (INT64_MAX - (digit - digits)) / base;
        if (!large)
            value = value * base + (digit - digits);
    }
    *number = negative ? -value : value;
    return large ? CONFIG_NUMBER_TOO_LARGE : CONFIG_NUMBER_OK;
}
