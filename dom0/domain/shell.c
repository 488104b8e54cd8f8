// Reading, completing and dispatching commands.
#include "dom0/domain/shell.h"

#include <linenoise.h>
#include <string.h>

#include "dom0/domain/completion.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb.h"
#include "lib/format.h"

#define HISTORY_LINES 200

// "xl list" and "xm list" are list.
static int verb_word(const struct command_line *line) {
    return line->words > 1 && (!strcmp(line->word[0], "xl") || !strcmp(line->word[0], "xm"));
}

static int refuse_verb(const char *name) {
    const struct verb *near = verb_nearest(name);
    if (near)
        terminal_print("%s: no such verb; did you mean %s? help lists all\n", word_shown(name).text, near->name);
    else
        terminal_print("%s: no such verb; help lists all\n", word_shown(name).text);
    return STATUS_USAGE;
}

static int run_command(const struct command_line *line) {
    struct invocation invocation;
    char text[256];
    if (line->error) {
        terminal_print("error: %s\n", line->error);
        return STATUS_USAGE;
    }
    if (!line->words)
        return 0;
    int first = verb_word(line);
    const struct verb *verb = verb_find(line->word[first]);
    if (!verb)
        return refuse_verb(line->word[first]);
    if (!invocation_parse(&invocation, verb, line, first + 1, text, sizeof text)) {
        terminal_print("%s: %s\n", verb->name, text);
        terminal_print("usage: %s\n", verb_synopsis(verb, text, sizeof text));
        return STATUS_USAGE;
    }
    return verb->run(&invocation);
}

static int run_all(const char *text, bool echo) {
    char source[COMMAND_BYTES];
    for (const char *rest = text; *rest;) {
        struct command_line line;
        command_line_source(rest, source, sizeof source);
        command_line_read(&line, &rest);
        if (echo && (line.words || line.error))
            terminal_print("%s%s\n", SHELL_PROMPT, source);
        int status = run_command(&line);
        if (status)
            return status;
    }
    return 0;
}

int shell_run(const char *text) {
    return run_all(text, false);
}

int shell_run_echoed(const char *text) {
    return run_all(text, true);
}

static void add_completion(void *to, const char *text) {
    linenoiseAddCompletion(to, text);
}

static void complete(const char *text, linenoiseCompletions *completions) {
    completion_offer(text, add_completion, completions);
}

_Noreturn void shell_interact(void) {
    linenoiseHistorySetMaxLen(HISTORY_LINES);
    linenoiseSetCompletionCallback(complete);
    for (;;) {
        char *text = linenoise(SHELL_PROMPT);
        if (!text) // Ctrl-C or Ctrl-D: a fresh line
            continue;
        if (*text)
            linenoiseHistoryAdd(text);
        shell_run(text);
        linenoiseFree(text);
    }
}
