// Operands of verbs, and refusals.
#include "dom0/domain/verb_operand.h"

#include <stdarg.h>
#include <string.h>

#include "dom0/domain/host.h"
#include "dom0/domain/name_list.h"
#include "dom0/domain/terminal.h"
#include "lib/format.h"

int verb_fails(const struct invocation *invocation, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vformat(text, sizeof text, fmt, args);
    va_end(args);
    terminal_print("%s: ", invocation->verb->name);
    terminal_write(text, strlen(text));
    terminal_print("\n");
    return STATUS_FAILED;
}

static void refuse_name(const struct invocation *invocation, const char *name) {
    char names[NAME_LIST_BYTES];
    struct name_list list = name_list_begin(names, sizeof names, "");
    for (struct domain *domain = NULL; (domain = domain_next(domain));)
        name_list_add(&list, domain->config.name);
    if (names[0])
        verb_fails(invocation, "%s is an invalid domain identifier; domains are: %s", word_shown(name).text, names);
    else
        verb_fails(invocation, "%s is an invalid domain identifier; there are no domains", word_shown(name).text);
}

int refuse_server(const struct invocation *invocation, const char *name, const char *first) {
    char names[NAME_LIST_BYTES];
    struct init_server server;
    struct name_list list = name_list_begin(names, sizeof names, "none");
    if (first[0])
        name_list_add(&list, first);
    for (uint64_t i = 0; host_server_get(i, &server); i++)
        name_list_add(&list, server.name);
    return verb_fails(invocation, "%s is neither a domain (see list) nor a server; servers are: %s",
                      word_shown(name).text, names);
}

struct domain *operand_domain(const struct invocation *invocation, int index) {
    struct domain *domain = domain_find(invocation->operand[index]);
    if (!domain)
        refuse_name(invocation, invocation->operand[index]);
    return domain;
}

int operands_check(const struct invocation *invocation) {
    int status = 0;
    for (int i = 0; i < invocation->operands; i++)
        if (!operand_domain(invocation, i))
            status = STATUS_FAILED;
    return status;
}

struct domain *operand_next(const struct invocation *invocation, int first, int *cursor, int *status) {
    if (invocation->operands <= first) { // all: the cursor is the number that was last
        struct domain *domain = domain_after((uint32_t)*cursor);
        if (domain)
            *cursor = (int)domain->id;
        return domain;
    }
    while (first + *cursor < invocation->operands) {
        struct domain *domain = operand_domain(invocation, first + (*cursor)++);
        if (domain)
            return domain;
        *status = STATUS_FAILED;
    }
    return NULL;
}

struct table verb_table(const struct invocation *invocation, const struct column *columns, size_t count) {
    return (struct table){
        .columns = columns, .count = count, .sink = terminal_sink, .json = option_name(invocation, "json") != NULL};
}

bool seconds_parse(const char *text, uint64_t *ms) {
    uint64_t value = 0;
    unsigned fraction = 1000;
    bool digits = false, point = false;
    for (; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || value > 1000000000)
            return false;
        digits = true;
        if (!point)
            value = value * 10 + (uint64_t)(*text - '0') * 1000;
        else
            value += (uint64_t)(*text - '0') * (fraction /= 10);
    }
    *ms = value;
    return digits && value <= 1000000000;
}
