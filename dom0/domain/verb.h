// A verb of the shell: what it is called, what it takes, what help says of it, and the function that does it. And how a
// line of words becomes an invocation of one.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "dom0/domain/command_line.h"

#define VERB_OPTIONS 6

// What the operands name, for completion.
enum operand_kind { OPERAND_NONE, OPERAND_DOMAIN, OPERAND_FILE, OPERAND_VERB, OPERAND_SERVER };

struct verb_option {
    char letter;          // 0 if it has a name only
    const char *name;     // without --
    const char *argument; // name of its argument, NULL if it takes none
    const char *meaning;
};

struct verb;
struct invocation {
    const struct verb *verb;
    const char *value[VERB_OPTIONS]; // per option of the verb: NULL if not given, "" if given without argument
    int operands;
    const char *operand[COMMAND_WORDS + 1];
};

// Returns the exit status: 0, or what went wrong after it was said.
typedef int verb_function(const struct invocation *invocation);

struct verb {
    const char *name;
    const char *operands; // as in a synopsis
    int least, most;      // how many operands
    enum operand_kind operand_kind;
    struct verb_option options[VERB_OPTIONS];
    const char *brief; // one line
    const char *help;
    verb_function *run;
};

extern const struct verb verbs[];
extern const size_t verb_count;

// Exit statuses of the shell beside those of verbs.
#define STATUS_FAILED 1 // it was said why
#define STATUS_USAGE  2 // not a command, or not so

#define WORD_SHOWN_MAX 80 // more than any name has

// A word of the user's for a message: so much of it that the rest of the message is not lost.
struct word_shown {
    char text[WORD_SHOWN_MAX + 4];
};
struct word_shown word_shown(const char *word);

// NULL if there is none of that name.
const struct verb *verb_find(const char *name);

// The verb whose name is nearest to NAME, or NULL if none is near.
const struct verb *verb_nearest(const char *name);

// Fills INVOCATION from the words behind the verb. Options may stand before and between operands, -- ends them.
// On an error returns false and writes to ERROR what is wrong with which word.
bool invocation_parse(struct invocation *invocation, const struct verb *verb, const struct command_line *line,
                      int first, char *error, size_t error_size);

// The value of the option with that letter or name; NULL if it was not given.
const char *option_letter(const struct invocation *invocation, char letter);
const char *option_name(const struct invocation *invocation, const char *name);

// "create [-p] [-c] [FILE]": returns TO.
const char *verb_synopsis(const struct verb *verb, char *to, size_t size);
