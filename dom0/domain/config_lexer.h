// The words of a domain configuration: tokens of xl.cfg(5)'s syntax with their places.
#pragma once

#include "dom0/domain/config_syntax.h"

enum config_token_type {
    CONFIG_TOKEN_END,
    CONFIG_TOKEN_NEWLINE, /* a comment ends in one too */
    CONFIG_TOKEN_SEMICOLON,
    CONFIG_TOKEN_COMMA,
    CONFIG_TOKEN_OPEN,
    CONFIG_TOKEN_CLOSE,
    CONFIG_TOKEN_EQUALS,
    CONFIG_TOKEN_PLUS_EQUALS,
    CONFIG_TOKEN_KEY,
    CONFIG_TOKEN_NUMBER,
    CONFIG_TOKEN_STRING,
    CONFIG_TOKEN_ERROR /* a message has been added to the report */
};

struct config_token {
    enum config_token_type type;
    uint32_t line;
    uint32_t column;
    size_t start;        /* key, number: place and length in the text */
    size_t length;       /* string: length of its value */
    uint32_t pool_start; /* string: place of its value in the pool, NUL-terminated */
};

struct config_lexer {
    struct config_document *document; /* strings go to its pool */
    struct config_report *report;
    const char *file;
    const char *text;
    size_t size;
    size_t at;
    size_t line_start;
    uint32_t line;
};

struct config_token config_token_next(struct config_lexer *lexer);

/* Goes on behind the end of the current line, to find the errors of the next ones as well. */
void config_line_skip(struct config_lexer *lexer);
