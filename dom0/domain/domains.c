// The table of domains, and what becomes of them.
#include "dom0/domain/domains.h"

#include <string.h>

#include "dom0/domain/account.h"
#include "dom0/domain/domain_check.h"
#include "dom0/domain/manager.h"
#include "lib/format.h"

#define START_TIMEOUT_MS 20000u

static struct domain domains[DOMAINS_MAX];

struct domain *domain_after(uint32_t id) {
    struct domain *next = NULL;
    for (size_t i = 0; i < DOMAINS_MAX; i++) {
        struct domain *domain = &domains[i];
        if (domain->state != DOMAIN_STATE_NONE && domain->id > id && (!next || domain->id < next->id))
            next = domain;
    }
    return next;
}

struct domain *domain_next(const struct domain *previous) {
    return domain_after(previous ? previous->id : 0);
}

struct domain *domain_find_id(uint32_t id) {
    for (size_t i = 0; i < DOMAINS_MAX; i++)
        if (domains[i].state != DOMAIN_STATE_NONE && domains[i].id == id)
            return &domains[i];
    return NULL;
}

static struct domain *find_name(const char *name) {
    for (size_t i = 0; i < DOMAINS_MAX; i++)
        if (domains[i].state != DOMAIN_STATE_NONE && !strcmp(domains[i].config.name, name))
            return &domains[i];
    return NULL;
}

static bool parse_id(const char *text, uint32_t *id) {
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > UINT32_MAX / 10)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *id = (uint32_t)value;
    return value <= UINT32_MAX;
}

struct domain *domain_find(const char *name_or_id) {
    uint32_t id;
    struct domain *domain = find_name(name_or_id);
    if (!domain && parse_id(name_or_id, &id))
        domain = domain_find_id(id);
    return domain;
}

static struct domain_vcpu vcpu_of(const struct domain *domain, unsigned vcpu) {
    return domain_page_vcpu(domain->page, vcpu, manager_page_clock());
}

static bool is_idle(const struct domain *domain) {
    for (unsigned i = 0; i < domain->config.vcpus && i < VMM_VCPUS_MAX; i++)
        if (vcpu_of(domain, i).state == VMM_VCPU_RUNNING)
            return false;
    return true;
}

static const struct {
    const char *name, *flags;
} states[] = {
    [DOMAIN_STATE_NONE] = {"gone", "------"},       [DOMAIN_STATE_RUNNING] = {"running", "r-----"},
    [DOMAIN_STATE_PAUSED] = {"paused", "--p---"},   [DOMAIN_STATE_SHUTDOWN] = {"shutdown", "---s--"},
    [DOMAIN_STATE_CRASHED] = {"crashed", "----c-"}, [DOMAIN_STATE_DYING] = {"dying", "-----d"},
};

const char *domain_state_name(const struct domain *domain) {
    return domain->state == DOMAIN_STATE_RUNNING && is_idle(domain) ? "blocked" : states[domain->state].name;
}

const char *domain_state_flags(const struct domain *domain) {
    return domain->state == DOMAIN_STATE_RUNNING && is_idle(domain) ? "-b----" : states[domain->state].flags;
}

struct vcpu_facts domain_vcpu_facts(const struct domain *domain, unsigned vcpu) {
    struct domain_vcpu from = vcpu_of(domain, vcpu);
    struct vcpu_facts facts = {.cpu = from.cpu, .cpu_ns = manager_ns_of_tsc(from.run_tsc), .exits = from.exits};
    const char *flags = from.state == VMM_VCPU_RUNNING ? "r--" : from.state == VMM_VCPU_HALTED ? "-b-" : "---";
    if (domain->state != DOMAIN_STATE_RUNNING)
        flags = domain->state == DOMAIN_STATE_PAUSED ? "--p" : "---";
    memcpy(facts.flags, flags, sizeof facts.flags);
    return facts;
}

uint64_t domain_cpu_ns(const struct domain *domain) {
    uint64_t ns = 0;
    for (unsigned i = 0; i < domain->config.vcpus && i < VMM_VCPUS_MAX; i++)
        ns += manager_ns_of_tsc(vcpu_of(domain, i).run_tsc);
    return ns;
}

// Waits until the VMM has set the machine up. What it misses it says in its page.
static bool wait_for_start(const struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    char message[DOMAIN_PAGE_MESSAGE];
    uint64_t deadline = manager_deadline_ms(START_TIMEOUT_MS);
    while (account_is_alive(domain->id) && domain_page_state(domain->page) == VMM_STARTING &&
           manager_now_tsc() < deadline)
        manager_wait(manager_deadline_ms(2));
    if (domain_page_ready(domain->page))
        return true;
    domain_page_message(domain->page, message);
    if (message[0])
        format(error, DOMAIN_ERROR_SIZE, "%s", message);
    else if (!account_is_alive(domain->id))
        format(error, DOMAIN_ERROR_SIZE, "its VMM died while it was starting; see dmesg");
    else
        format(error, DOMAIN_ERROR_SIZE, "its VMM was not ready after %u s", START_TIMEOUT_MS / 1000);
    return false;
}

static struct domain *unused_slot(void) {
    for (size_t i = 0; i < DOMAINS_MAX; i++)
        if (domains[i].state == DOMAIN_STATE_NONE)
            return &domains[i];
    return NULL;
}

static void take_account(struct domain *domain, const struct init_domain *account, const struct domain_config *config) {
    *domain = (struct domain){.state = DOMAIN_STATE_PAUSED, // as VMMs start
                              .id = account->domid,
                              .config = *config,
                              .page = (const volatile struct domain_page *)account->page_address,
                              .control = account->control,
                              .channel = account->channel,
                              .log_channel = account->log_channel,
                              .started_ms = manager_now_ms()};
}

// The VMM waits paused when it is ready.
static bool start(struct domain *domain, bool paused, char error[DOMAIN_ERROR_SIZE]) {
    domain->starting = true;
    bool started = wait_for_start(domain, error) && (paused || domain_unpause(domain, error));
    domain->starting = false;
    return started;
}

static struct domain *create(const struct domain_config *config, bool paused, unsigned short_lives,
                             char error[DOMAIN_ERROR_SIZE]) {
    struct domain *domain = unused_slot();
    if (!domain) {
        format(error, DOMAIN_ERROR_SIZE, "there are %u domains, and there cannot be more", DOMAINS_MAX);
        return NULL;
    }
    struct init_domain account;
    if (!account_create(config, &account, error))
        return NULL;
    take_account(domain, &account, config);
    domain->short_lives = short_lives;
    if (start(domain, paused, error)) {
        manager_log("domain %u (%s) created%s", domain->id, domain->config.name, paused ? ", paused" : "");
        return domain;
    }
    domain_destroy(domain);
    return NULL;
}

struct domain *domain_create(const struct domain_config *config, bool paused, char error[DOMAIN_ERROR_SIZE]) {
    return create(config, paused, 0, error);
}

void domain_destroy(struct domain *domain) {
    domain->state = DOMAIN_STATE_DYING;
    account_destroy(domain->id);
    manager_log("domain %u (%s) destroyed", domain->id, domain->config.name);
    domain->state = DOMAIN_STATE_NONE;
}

static bool set_name(struct domain *domain, const char *name, char error[DOMAIN_ERROR_SIZE]) {
    struct domain_config config = domain->config;
    memset(config.name, 0, sizeof config.name); // equal configurations are equal bytes
    memcpy(config.name, name, strlen(name));
    if (!account_write_config(domain->id, &config)) {
        format(error, DOMAIN_ERROR_SIZE, "init refused");
        return false;
    }
    domain->config = config;
    return true;
}

bool domain_rename(struct domain *domain, const char *name, char error[DOMAIN_ERROR_SIZE]) {
    const struct domain *other = find_name(name);
    if (other && other != domain)
        format(error, DOMAIN_ERROR_SIZE, "domain %s already exists, with id %u", name, other->id);
    else if (!domain_name_is_valid(name))
        format(error, DOMAIN_ERROR_SIZE,
               "%s is no name; accepted: 1 to %d of A-Z a-z 0-9 . _ + : @ -, no number, no - at its beginning", name,
               DOMAIN_NAME_MAX);
    else
        return set_name(domain, name, error);
    return false;
}

// What is kept stays kept: a restarted domain manager shall not carry out its policy again.
static void preserve(struct domain *domain, enum domain_end end) {
    domain->state = end == DOMAIN_END_CRASH ? DOMAIN_STATE_CRASHED : DOMAIN_STATE_SHUTDOWN;
    domain->config.on_poweroff = domain->config.on_reboot = domain->config.on_crash = DOMAIN_PRESERVE;
    if (!account_write_config(domain->id, &domain->config))
        manager_log("domain %u (%s): init did not take its configuration", domain->id, domain->config.name);
}

static void keep_under_other_name(struct domain *domain, enum domain_end end) {
    char name[DOMAIN_NAME_MAX + 1], error[DOMAIN_ERROR_SIZE];
    unsigned number = 1;
    while (find_name(policy_kept_name(domain->config.name, number, name)))
        number++;
    preserve(domain, end);
    if (!domain_rename(domain, name, error))
        manager_log("domain %u: %s", domain->id, error);
}

static void start_again(const struct domain_config *config, unsigned short_lives) {
    char error[DOMAIN_ERROR_SIZE];
    if (!create(config, false, short_lives, error))
        manager_log("domain %s was not started again: %s", config->name, error);
}

static void carry_out(struct domain *domain, enum domain_end end, struct policy_decision decision) {
    struct domain_config config = domain->config; // the slot is another domain's after destroy
    switch (decision.step) {
    case POLICY_DESTROY:
        domain_destroy(domain);
        break;
    case POLICY_RESTART:
        domain_destroy(domain);
        start_again(&config, decision.short_lives);
        break;
    case POLICY_RENAME_RESTART:
        keep_under_other_name(domain, end);
        start_again(&config, decision.short_lives);
        break;
    case POLICY_PRESERVE:
        preserve(domain, end);
        break;
    }
}

static bool has_ended(const struct domain *domain, enum domain_end *end) {
    static const uint8_t ends[] = {
        [VMM_POWERED_OFF] = DOMAIN_END_POWEROFF + 1,
        [VMM_REBOOTING] = DOMAIN_END_REBOOT + 1,
        [VMM_CRASHED] = DOMAIN_END_CRASH + 1,
        [VMM_FAILED] = DOMAIN_END_CRASH + 1,
    };
    enum vmm_state state = domain_page_state(domain->page);
    if (state < sizeof ends && ends[state])
        *end = (enum domain_end)(ends[state] - 1);
    else if (!account_is_alive(domain->id))
        *end = DOMAIN_END_CRASH;
    else
        return false;
    return true;
}

// Why it ended: what the VMM said, or how it died.
static void end_text(const struct domain *domain, char to[DOMAIN_ERROR_SIZE]) {
    char message[DOMAIN_PAGE_MESSAGE];
    struct init_domain account;
    domain_page_message(domain->page, message);
    to[0] = '\0';
    if (message[0])
        format(to, DOMAIN_ERROR_SIZE, ": %s", message);
    else if (!account_find(domain->id, &account) || account.state != INIT_DOMAIN_DEAD)
        return;
    else if (account.fault_vector == PD_FAULT_EXIT)
        format(to, DOMAIN_ERROR_SIZE, ": its VMM ended with status %llu", (unsigned long long)account.exit_status);
    else
        format(to, DOMAIN_ERROR_SIZE, ": its VMM died of exception %llu at %#llx",
               (unsigned long long)account.fault_vector, (unsigned long long)account.fault_rip);
}

static void end_domain(struct domain *domain, enum domain_end end) {
    char text[DOMAIN_ERROR_SIZE];
    uint64_t lived_ms = manager_now_ms() - domain->started_ms;
    struct policy_decision decision =
        policy_decide(&domain->config, end, domain->reboot_wanted, lived_ms, domain->short_lives);
    end_text(domain, text);
    manager_log("domain %u (%s) %s%s", domain->id, domain->config.name, domain_end_name(end), text);
    if (decision.note)
        manager_log("domain %u (%s): %s", domain->id, domain->config.name, decision.note);
    carry_out(domain, end, decision);
}

static bool is_watched(const struct domain *domain) {
    return !domain->starting && (domain->state == DOMAIN_STATE_RUNNING || domain->state == DOMAIN_STATE_PAUSED);
}

// Starting a domain again waits for events, and so comes here again: that one leaves the rest to the first.
void domains_look(void) {
    static bool looking;
    enum domain_end end;
    if (looking)
        return;
    looking = true;
    for (size_t i = 0; i < DOMAINS_MAX; i++)
        if (is_watched(&domains[i]) && has_ended(&domains[i], &end))
            end_domain(&domains[i], end);
    looking = false;
}

// What has ended meanwhile looks as if it ended now, and its policy is carried out.
static void recover(const struct init_domain *account) {
    static struct domain_config config;
    struct domain *domain = unused_slot();
    if (!domain || !account_read_config(account->domid, &config)) {
        manager_log("domain %u: its configuration is lost", account->domid);
        return;
    }
    take_account(domain, account, &config);
    domain->started_ms = manager_ms_of_tsc(domain_page_started(domain->page, manager_page_clock()));
    enum vmm_state state = domain_page_state(domain->page);
    if (state != VMM_PAUSED && state != VMM_STARTING)
        domain->state = DOMAIN_STATE_RUNNING;
    manager_log("domain %u (%s) taken up again", domain->id, domain->config.name);
}

void domains_recover(void) {
    struct init_domain account;
    for (uint64_t index = 0; account_get(index, &account); index++)
        recover(&account);
    domains_look();
}
