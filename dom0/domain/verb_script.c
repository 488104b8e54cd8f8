// Verbs for scripts: echo, sleep, type, wait.
#include <string.h>

#include "dom0/domain/manager.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/terminal_keys.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"
#include "lib/format.h"
#include "lib/keyboard_text.h"
#include "lib/text_screen.h"

#define LOOK_MS       100u
#define CONSOLE_BYTES 65536u // of the console's output are looked at
#define SHOWN_BYTES   2000u  // of it are printed when a wait fails

int verb_echo(const struct invocation *invocation) {
    for (int i = 0; i < invocation->operands; i++)
        terminal_print("%s%s", i ? " " : "", invocation->operand[i]);
    terminal_print("\n");
    return 0;
}

int verb_sleep(const struct invocation *invocation) {
    uint64_t ms;
    if (!seconds_parse(invocation->operand[0], &ms))
        return verb_fails(invocation, "%s is no time in seconds; as in 5 or 0.5", invocation->operand[0]);
    return manager_sleep_ms(ms) ? 0 : verb_fails(invocation, "interrupted");
}

int verb_type(const struct invocation *invocation) {
    char error[DOMAIN_ERROR_SIZE], bytes[COMMAND_BYTES];
    size_t length;
    const char *keys = invocation->operand[1];
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    bool done;
    if (!option_name(invocation, "console"))
        done = domain_type(domain, keys, strlen(keys), KEYBOARD_TEXT_NAMES | KEYBOARD_TEXT_FINAL, &length, error);
    else
        done = terminal_keys_encode(keys, bytes, sizeof bytes, &length, error, sizeof error) &&
               domain_console_write(domain, bytes, length, error);
    return done ? 0 : verb_fails(invocation, "%s: %s", domain->config.name, error);
}

// What a wait looks at. `found` says whether TEXT is there now; `show` prints what was there instead.
struct watched {
    const char *name;
    bool (*found)(struct domain *domain, const char *wanted);
    void (*show)(struct domain *domain);
};

static const char *const state_names[] = {"running", "blocked", "paused", "shutdown", "crashed", "dying", "gone"};

// A running domain is one that is not paused, whether it uses a CPU at the moment or not.
static bool state_found(struct domain *domain, const char *wanted) {
    const char *state = domain ? domain_state_name(domain) : "gone";
    return !strcmp(wanted, state) || (!strcmp(wanted, "running") && !strcmp(state, "blocked"));
}

static void state_show(struct domain *domain) {
    terminal_print("its state is %s\n", domain ? domain_state_name(domain) : "gone");
}

static char watched_text[CONSOLE_BYTES > TEXT_SCREEN_UTF8_BYTES ? CONSOLE_BYTES : TEXT_SCREEN_UTF8_BYTES];

static bool screen_text(struct domain *domain) {
    static struct vga_text_screen screen;
    char error[DOMAIN_ERROR_SIZE];
    if (!domain || !domain_screen(domain, &screen, error)) {
        format(watched_text, sizeof watched_text, "%s\n", domain ? error : "the domain is gone");
        return false;
    }
    text_screen_utf8(&screen, watched_text, sizeof watched_text);
    return true;
}

static bool screen_found(struct domain *domain, const char *wanted) {
    return screen_text(domain) && strstr(watched_text, wanted);
}

static void screen_show(struct domain *domain) {
    screen_text(domain);
    terminal_print("its screen shows:\n");
    terminal_write(watched_text, strlen(watched_text));
}

// Where TEXT stands in output that may hold NUL bytes; LENGTH if nowhere.
static size_t find_bytes(const char *text, size_t length, const char *wanted) {
    size_t size = strlen(wanted);
    for (size_t i = 0; i + size <= length; i++)
        if (!memcmp(text + i, wanted, size))
            return i;
    return length;
}

// What the console printed since what earlier waits have seen, from *POSITION on. A console server that was started
// again counts from the beginning.
static size_t read_unseen(struct domain *domain, uint64_t *position) {
    *position = domain->console_seen;
    size_t length = domain_console_read(domain, position, watched_text, sizeof watched_text);
    if (*position >= domain->console_seen)
        return length;
    *position = domain->console_seen = 0;
    return domain_console_read(domain, position, watched_text, sizeof watched_text);
}

static bool console_found(struct domain *domain, const char *wanted) {
    uint64_t position;
    if (!domain)
        return false;
    size_t size = strlen(wanted);
    size_t length = read_unseen(domain, &position);
    size_t at = find_bytes(watched_text, length, wanted);
    if (at + size <= length) {
        domain->console_seen = position + at + size;
        return true;
    }
    if (length == sizeof watched_text) // there is more behind it; its end may be the beginning of what is wanted
        domain->console_seen = position + length - size;
    return false;
}

static void console_show(struct domain *domain) {
    uint64_t position;
    size_t length = domain ? read_unseen(domain, &position) : 0;
    size_t from = length > SHOWN_BYTES ? length - SHOWN_BYTES : 0;
    terminal_print(length ? "its console has printed since:\n" : "its console has printed nothing since\n");
    terminal_write(watched_text + from, length - from);
    if (length && watched_text[length - 1] != '\n')
        terminal_print("\n");
}

static const struct watched watches[] = {
    {"state", state_found, state_show},
    {"console", console_found, console_show},
    {"screen", screen_found, screen_show},
};

static const struct watched *find_watched(const struct invocation *invocation) {
    for (size_t i = 0; i < sizeof watches / sizeof *watches; i++)
        if (!strcmp(watches[i].name, invocation->operand[1]))
            return &watches[i];
    verb_fails(invocation, "%s cannot be waited for; accepted: state, console, screen", invocation->operand[1]);
    return NULL;
}

static bool state_known(const struct invocation *invocation, const char *state) {
    for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++)
        if (!strcmp(state_names[i], state))
            return true;
    verb_fails(invocation, "%s is no state; accepted: running, blocked, paused, shutdown, crashed, dying, gone", state);
    return false;
}

static int watch(const struct invocation *invocation, const struct watched *watched, uint64_t ms) {
    const char *name = invocation->operand[0], *wanted = invocation->operand[2];
    uint64_t deadline = manager_deadline_ms(ms);
    for (;;) {
        // By name each time: a domain that is started again goes on being waited for.
        struct domain *domain = domain_find(name);
        if (watched->found(domain, wanted))
            return 0;
        bool late = manager_now_tsc() >= deadline;
        if (late || terminal_interrupted()) {
            verb_fails(invocation, late ? "%s: no \"%s\" within %s s" : "%s: no \"%s\" (of %s s; interrupted)", name,
                       wanted, invocation->operand[3]);
            watched->show(domain_find(name));
            return STATUS_FAILED;
        }
        uint64_t look = manager_deadline_ms(LOOK_MS);
        manager_wait(look < deadline ? look : deadline);
    }
}

int verb_wait(const struct invocation *invocation) {
    uint64_t ms;
    const struct watched *watched = find_watched(invocation);
    if (!watched)
        return STATUS_FAILED;
    bool of_state = watched->found == state_found;
    if (of_state && !state_known(invocation, invocation->operand[2]))
        return STATUS_FAILED;
    if (!seconds_parse(invocation->operand[3], &ms))
        return verb_fails(invocation, "%s is no time in seconds; as in 5 or 0.5", invocation->operand[3]);
    const struct domain *domain = of_state ? NULL : operand_domain(invocation, 0);
    if (!of_state && !domain)
        return STATUS_FAILED;
    if (watched->found == console_found && !domain_has_console(domain))
        return verb_fails(invocation, "%s has no serial console; see the key serial, and wait DOM screen",
                          domain->config.name);
    return watch(invocation, watched, ms);
}
