// Verbs about a domain's life and its name.
#include "dom0/domain/manager.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"
#include "lib/format.h"

#define SHUTDOWN_WAIT_MS 120000u

typedef bool domain_function(struct domain *domain, char error[DOMAIN_ERROR_SIZE]);

static int with_domain(const struct invocation *invocation, domain_function *function) {
    char error[DOMAIN_ERROR_SIZE];
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    return function(domain, error) ? 0 : verb_fails(invocation, "%s: %s", domain->config.name, error);
}

int verb_pause(const struct invocation *invocation) {
    return with_domain(invocation, domain_pause);
}

int verb_unpause(const struct invocation *invocation) {
    return with_domain(invocation, domain_unpause);
}

int verb_reset(const struct invocation *invocation) {
    return with_domain(invocation, domain_reset);
}

int verb_destroy(const struct invocation *invocation) {
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    domain_destroy(domain);
    return 0;
}

static bool has_ended(uint32_t id) {
    const struct domain *domain = domain_find_id(id);
    return !domain || domain->state == DOMAIN_STATE_SHUTDOWN || domain->state == DOMAIN_STATE_CRASHED;
}

// Waits until the domain of that number has ended, whatever became of it then.
static int wait_for_end(const struct invocation *invocation, uint32_t id, const char *name) {
    uint64_t deadline = manager_deadline_ms(SHUTDOWN_WAIT_MS);
    while (!has_ended(id)) {
        if (terminal_interrupted())
            return verb_fails(invocation, "interrupted; domain %s still runs", name);
        if (manager_now_tsc() >= deadline)
            return verb_fails(invocation, "domain %s did not power off within %u s; see destroy", name,
                              SHUTDOWN_WAIT_MS / 1000);
        manager_wait(deadline);
    }
    return 0;
}

// What is waited for: a domain may be gone by the time that it is asked about.
struct pressed {
    uint32_t id;
    char name[DOMAIN_NAME_MAX + 1];
};

static int press_power(const struct invocation *invocation, struct domain *domain, bool reboot,
                       struct pressed *pressed) {
    char error[DOMAIN_ERROR_SIZE];
    pressed->id = domain->id;
    format(pressed->name, sizeof pressed->name, "%s", domain->config.name);
    if (!domain_press_power(domain, error))
        return verb_fails(invocation, "%s: %s", pressed->name, error);
    domain->reboot_wanted = reboot;
    return 0;
}

int verb_shutdown(const struct invocation *invocation) {
    static struct pressed pressed[DOMAINS_MAX];
    size_t count = 0;
    int status = 0, cursor = 0, all = option_letter(invocation, 'a') ? invocation->operands : 0;
    struct domain *domain;
    if (!invocation->operands && !option_letter(invocation, 'a'))
        return verb_fails(invocation, "which domain? -a is for all");
    if (all)
        return verb_fails(invocation, "-a is for all domains, %s is one; give either",
                          word_shown(invocation->operand[0]).text);
    while (count < DOMAINS_MAX && (domain = operand_next(invocation, 0, &cursor, &status))) {
        if (press_power(invocation, domain, false, &pressed[count]))
            status = STATUS_FAILED;
        else
            count++;
    }
    for (size_t i = 0; i < count && option_letter(invocation, 'w'); i++)
        if (wait_for_end(invocation, pressed[i].id, pressed[i].name))
            status = STATUS_FAILED;
    return status;
}

int verb_reboot(const struct invocation *invocation) {
    struct pressed pressed;
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain || press_power(invocation, domain, true, &pressed))
        return STATUS_FAILED;
    return option_letter(invocation, 'w') ? wait_for_end(invocation, pressed.id, pressed.name) : 0;
}

int verb_rename(const struct invocation *invocation) {
    char error[DOMAIN_ERROR_SIZE];
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    return domain_rename(domain, invocation->operand[1], error) ? 0 : verb_fails(invocation, "%s", error);
}

int verb_domid(const struct invocation *invocation) {
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    terminal_print("%u\n", domain->id);
    return 0;
}

int verb_domname(const struct invocation *invocation) {
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    terminal_print("%s\n", domain->config.name);
    return 0;
}
