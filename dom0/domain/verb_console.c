// Verbs about consoles and logs: console, dmesg, log.
#include <string.h>

#include "dom0/domain/console_call.h"
#include "dom0/domain/host.h"
#include "dom0/domain/manager.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"
#include "lib/kept_log.h"
#include "lib/plain_text.h"
#include "lib/server.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

// The console server draws the scrollback and passes everything on; the shell waits until it is shown again.
int verb_console(const struct invocation *invocation) {
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    if (!domain_has_console(domain))
        return verb_fails(invocation, "%s has no serial console; see the key serial, and the verb screen",
                          domain->config.name);
    uint32_t id = domain->id;
    uint64_t channel = domain->channel;
    terminal_drain();
    if (!console_connect(channel))
        return verb_fails(invocation, "the console server does not connect to %s", domain->config.name);
    while (!terminal_connected() && domain_find_id(id))
        manager_wait(NO_DEADLINE);
    if (!domain_find_id(id))
        console_release(channel);
    terminal_print("\n");
    return domain_find_id(id) ? 0 : verb_fails(invocation, "domain %u has ended", id);
}

static char kept[CONSOLE_SCROLLBACK];
_Static_assert(sizeof kept >= DOMAIN_LOG_BYTES && sizeof kept >= INIT_LAST_LOG_BYTES, "any log, or a part of it");

// A part of a log for the terminal: what a VMM wrote may hold anything. Does it end with a line?
static bool print_part(char *text, size_t length) {
    plain_text(text, length);
    terminal_write(text, length);
    return !length || text[length - 1] == '\n';
}

static void print_log(char *text, size_t length) {
    if (!print_part(text, length))
        terminal_print("\n");
}

static int print_channel(uint64_t channel) {
    uint64_t position = 0;
    size_t length = console_read(channel, &position, kept, sizeof kept);
    print_log(kept, length);
    return 0;
}

// The log of the run before this one, with how it ended.
static int print_last_log(const struct invocation *invocation) {
    static const char *const ends[] = {
        [KEPT_LOG_RUNS] = "was cut off: no order to stop, no panic",
        [KEPT_LOG_STOPPED] = "was stopped in good order",
        [KEPT_LOG_PANIC] = "ended in a panic",
    };
    const char *text;
    uint64_t total, end = 0;
    size_t bytes = host_last_log(0, &text, &total, &end);
    if (!total)
        return verb_fails(invocation, "no log of an earlier run is in memory: it was switched on since, or its memory "
                                      "was used");
    terminal_print("The last run %s. Its log, the core's first, then init's:\n", end < COUNT(ends) ? ends[end] : "?");
    bool whole = true;
    for (uint64_t offset = 0; bytes > 0; bytes = host_last_log(offset, &text, &total, &end)) {
        memcpy(kept, text, bytes);
        whole = print_part(kept, bytes);
        offset += bytes;
    }
    if (!whole)
        terminal_print("\n");
    return 0;
}

int verb_dmesg(const struct invocation *invocation) {
    if (option_name(invocation, "last"))
        return print_last_log(invocation);
    print_channel(CONSOLE_CORE_LOG);
    return print_channel(CONSOLE_CHANNEL_INIT);
}

int verb_log(const struct invocation *invocation) {
    struct init_server server;
    const char *name = invocation->operands ? invocation->operand[0] : startup->name;
    const struct domain *domain = invocation->operands ? domain_find(name) : NULL;
    if (domain) {
        print_log(kept, domain_page_log(domain->page, kept)); // also when the VMM is dead
        return 0;
    }
    if (strcmp(name, "init") == 0)
        return print_channel(CONSOLE_CHANNEL_INIT);
    if (host_server_find(name, &server))
        return print_channel(server.channel);
    return refuse_server(invocation, name, "init");
}
