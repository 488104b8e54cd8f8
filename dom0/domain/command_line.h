// One line of the shell as words: quoting, comments, commands separated by semicolons. Knows no verbs.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define COMMAND_WORDS 64
#define COMMAND_BYTES 1024

struct command_line {
    int words;                           // 0: an empty command
    const char *word[COMMAND_WORDS + 1]; // NULL after the last
    char text[COMMAND_BYTES];            // what the words point into
    const char *error;                   // why it could not be split, or NULL
};

// Reads one command from *REST, up to a semicolon, a line end or the end of the text, and moves *REST behind it.
// Blanks separate words. 'single quotes' keep everything; "double quotes" keep all but \" and \\; elsewhere a backslash
// keeps the next character; # at the start of a word begins a comment up to the line end.
// Returns false when nothing was left; `error` tells of an open quote, too many words or too long a command.
bool command_line_read(struct command_line *line, const char **rest);

// Writes the command that command_line_read() would read next, as it stands, without blanks around it, for an echo.
void command_line_source(const char *rest, char *to, size_t size);

// Where the end of TEXT stands in its commands, for completion:
// *WORD is the offset of the word being typed, *INDEX its number in its command (0 is the verb) and *COMMAND the
// offset of that command.
void command_line_cursor(const char *text, size_t *command, size_t *word, int *index);
