// What verbs have in common: finding the domains that operands name, and saying what is wrong.
#pragma once
#include "dom0/domain/domains.h"
#include "dom0/domain/table.h"
#include "dom0/domain/verb.h"

// The domain that operand INDEX names; if there is none, says so with the names there are and returns NULL.
struct domain *operand_domain(const struct invocation *invocation, int index);

// Says that NAME is neither a domain nor a server, and which servers there are: FIRST (or "") and those that init
// watches. Returns STATUS_FAILED.
int refuse_server(const struct invocation *invocation, const char *name, const char *first);

// Says which operands name no domain: before a table is begun, whose JSON would break with a message in it. Returns the
// status.
int operands_check(const struct invocation *invocation);

// The domains to go through: those that the operands from FIRST name, or all without operands. Begin with *CURSOR = 0;
// NULL ends. With an unknown name it says so, sets *STATUS and goes on to the next.
struct domain *operand_next(const struct invocation *invocation, int first, int *cursor, int *status);

// "VERB: text\n". Returns STATUS_FAILED.
int verb_fails(const struct invocation *invocation, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// A table on the terminal, as JSON if --json was given.
struct table verb_table(const struct invocation *invocation, const struct column *columns, size_t count);

// "1.5" to 1500. False if TEXT is no time of up to 1,000,000 seconds.
bool seconds_parse(const char *text, uint64_t *ms);
