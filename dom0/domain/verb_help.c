// The verb help.
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb_document.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"

int verb_help(const struct invocation *invocation) {
    if (!invocation->operands) {
        verb_help_all(&terminal_sink);
        return 0;
    }
    const char *name = invocation->operand[0];
    const struct verb *verb = verb_find(name), *near = verb_nearest(name);
    if (verb)
        verb_help_one(&terminal_sink, verb);
    else if (near)
        verb_fails(invocation, "no such verb: %s; did you mean %s?", word_shown(name).text, near->name);
    else
        verb_fails(invocation, "no such verb: %s; help without operand lists all", word_shown(name).text);
    return verb ? 0 : STATUS_FAILED;
}
