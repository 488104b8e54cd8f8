// Completion of the shell's lines.
#include "dom0/domain/completion.h"

#include <string.h>

#include "dom0/domain/verb.h"
#include "lib/format.h"

struct completion {
    const char *text;
    size_t word; // offset of the word being typed
    completion_add *add;
    void *to;
};

static void offer(void *context, const char *name) {
    const struct completion *completion = context;
    char line[COMMAND_BYTES];
    const char *typed = completion->text + completion->word;
    if (strncmp(name, typed, strlen(typed)))
        return;
    int length = format(line, sizeof line, "%.*s%s ", (int)completion->word, completion->text, name);
    if ((size_t)length < sizeof line)
        completion->add(completion->to, line);
}

static void offer_verbs(struct completion *completion) {
    for (size_t i = 0; i < verb_count; i++)
        offer(completion, verbs[i].name);
}

static void offer_options(struct completion *completion, const struct verb *verb) {
    char text[32];
    for (int i = 0; i < VERB_OPTIONS; i++) {
        if (!verb->options[i].name)
            continue;
        format(text, sizeof text, "--%s", verb->options[i].name);
        offer(completion, text);
    }
}

static void offer_operands(struct completion *completion, const struct verb *verb) {
    if (verb->operand_kind == OPERAND_VERB)
        offer_verbs(completion);
    if (verb->operand_kind == OPERAND_FILE)
        completion_files(offer, completion);
    if (verb->operand_kind == OPERAND_DOMAIN || verb->operand_kind == OPERAND_SERVER)
        completion_domains(offer, completion);
}

void completion_offer(const char *text, completion_add *add, void *to) {
    struct completion completion = {.text = text, .add = add, .to = to};
    struct command_line line;
    size_t command;
    int index;
    if (strlen(text) >= COMMAND_BYTES)
        return;
    command_line_cursor(text, &command, &completion.word, &index);
    const char *rest = text + command;
    int first =
        command_line_read(&line, &rest) && line.words && (!strcmp(line.word[0], "xl") || !strcmp(line.word[0], "xm"));
    if (index <= first) {
        offer_verbs(&completion);
        return;
    }
    const struct verb *verb = line.words > first ? verb_find(line.word[first]) : NULL;
    if (!verb)
        return;
    if (text[completion.word] == '-')
        offer_options(&completion, verb);
    else
        offer_operands(&completion, verb);
}
