// Help and reference of the verbs, from their table.
#include "dom0/domain/verb_document.h"

#include <string.h>

#include "lib/format.h"

static void put(const struct text_sink *sink, const char *text) {
    sink->put(sink->to, text, strlen(text));
}

// "-p, --paused", "--json", "-n, --iterations N"
static const char *option_spelling(const struct verb_option *option, char *to, size_t size) {
    const char *gap = option->argument ? " " : "";
    const char *argument = option->argument ? option->argument : "";
    if (option->letter && option->name)
        format(to, size, "-%c, --%s%s%s", option->letter, option->name, gap, argument);
    else if (option->letter)
        format(to, size, "-%c%s%s", option->letter, gap, argument);
    else
        format(to, size, "--%s%s%s", option->name, gap, argument);
    return to;
}

static bool has_option(const struct verb *verb, int i) {
    return i < VERB_OPTIONS && (verb->options[i].letter || verb->options[i].name);
}

void verb_help_all(const struct text_sink *sink) {
    for (size_t i = 0; i < verb_count; i++)
        sink_print(sink, "  %-10s  %s\n", verbs[i].name, verbs[i].brief);
    put(sink, "help VERB explains one. Tab completes, arrows recall, Ctrl-] leaves a console or screen.\n");
}

void verb_help_one(const struct text_sink *sink, const struct verb *verb) {
    char text[256];
    sink_print(sink, "%s\n  %s.\n", verb_synopsis(verb, text, sizeof text), verb->brief);
    for (int i = 0; has_option(verb, i); i++)
        sink_print(sink, "  %-22s %s\n", option_spelling(&verb->options[i], text, sizeof text),
                   verb->options[i].meaning);
    put(sink, verb->help);
    put(sink, "\n");
}

// Angle brackets and bars are Markdown's; the help writes them as they are typed.
static void put_escaped(const struct text_sink *sink, const char *text) {
    for (; *text; text++) {
        if (*text == '<' || *text == '>' || *text == '|' || *text == '*' || *text == '[' || *text == ']')
            put(sink, "\\");
        sink->put(sink->to, text, 1);
    }
}

static void markdown_verb(const struct text_sink *sink, const struct verb *verb) {
    char text[256];
    sink_print(sink, "\n### %s\n`%s`: ", verb->name, verb_synopsis(verb, text, sizeof text));
    put_escaped(sink, verb->brief);
    put(sink, ".\n\n");
    for (int i = 0; has_option(verb, i); i++) {
        sink_print(sink, "- `%s`: ", option_spelling(&verb->options[i], text, sizeof text));
        put_escaped(sink, verb->options[i].meaning);
        put(sink, "\n");
    }
    if (has_option(verb, 0))
        put(sink, "\n");
    put_escaped(sink, verb->help);
    put(sink, "\n");
}

void verb_markdown(const struct text_sink *sink) {
    put(sink, "| verb | what it does |\n|---|---|\n");
    for (size_t i = 0; i < verb_count; i++) {
        sink_print(sink, "| [%s](#%s) | ", verbs[i].name, verbs[i].name);
        put_escaped(sink, verbs[i].brief);
        put(sink, " |\n");
    }
    for (size_t i = 0; i < verb_count; i++)
        markdown_verb(sink, &verbs[i]);
}
