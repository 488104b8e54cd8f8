// Verbs that print tables of domains: list, vcpu-list, uptime, top.
#include <string.h>

#include "dom0/domain/domain_document.h"
#include "dom0/domain/host.h"
#include "dom0/domain/manager.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"
#include "lib/format.h"

#define MIB          (1024 * 1024)
#define NS_PER_TENTH 100000000ull
#define TOP_DELAY_MS 3000u

#define COUNT(array) (sizeof(array) / sizeof *(array))

// xl's columns: 40, 5, 5, 5, and tabs before state and time.
static const struct column list_columns[] = {
    {"Name", "name", COLUMN_TEXT, 40},    {"ID", "domid", COLUMN_NUMBER, 5},  {"Mem", "memory", COLUMN_NUMBER, 5},
    {"VCPUs", "vcpus", COLUMN_NUMBER, 5}, {"State", "state", COLUMN_TEXT, 8}, {"Time(s)", "time", COLUMN_TENTHS, 8},
};

static void list_dom0(struct table *table) {
    struct init_host host;
    if (!host_get(&host))
        return;
    table_row(table, (struct cell[]){{"Domain-0", 0},
                                     {NULL, 0},
                                     {NULL, (int64_t)(host.dom0_bytes / MIB)},
                                     {NULL, host.cpus},
                                     {"r-----", 0},
                                     {NULL, (int64_t)(manager_ns_of_tsc(host.dom0_run_tsc) / NS_PER_TENTH)}});
}

static void list_domain(struct table *table, const struct domain *domain) {
    table_row(table, (struct cell[]){{domain->config.name, 0},
                                     {NULL, domain->id},
                                     {NULL, domain->config.memory_mib},
                                     {NULL, domain->config.vcpus},
                                     {domain_state_flags(domain), 0},
                                     {NULL, (int64_t)(domain_cpu_ns(domain) / NS_PER_TENTH)}});
}

static int list_long(const struct invocation *invocation) {
    int status = 0, cursor = 0;
    bool first = true;
    struct domain *domain;
    terminal_print("[");
    while ((domain = operand_next(invocation, 0, &cursor, &status))) {
        terminal_print("%s\n  {\"domid\": %u, \"state\": \"%s\", \"config\": ", first ? "" : ",", domain->id,
                       domain_state_name(domain));
        domain_document(&terminal_sink, &domain->config);
        terminal_print("}");
        first = false;
    }
    terminal_print("%s]\n", first ? "" : "\n");
    return status;
}

int verb_list(const struct invocation *invocation) {
    if (operands_check(invocation))
        return STATUS_FAILED;
    if (option_letter(invocation, 'l'))
        return list_long(invocation);
    int status = 0, cursor = 0;
    struct domain *domain;
    struct table table = verb_table(invocation, list_columns, COUNT(list_columns));
    table_begin(&table);
    if (!invocation->operands)
        list_dom0(&table);
    while ((domain = operand_next(invocation, 0, &cursor, &status)))
        list_domain(&table, domain);
    table_end(&table);
    return status;
}

static const struct column vcpu_columns[] = {
    {"Name", "name", COLUMN_TEXT, 32},     {"ID", "domid", COLUMN_NUMBER, 5},   {"VCPU", "vcpu", COLUMN_NUMBER, 5},
    {"CPU", "cpu", COLUMN_NUMBER, 5},      {"State", "state", COLUMN_TEXT, 6},  {"Time(s)", "time", COLUMN_TENTHS, 9},
    {"Exits", "exits", COLUMN_NUMBER, 11}, {NULL, "time_ns", COLUMN_NUMBER, 0},
};

static void list_vcpus(struct table *table, const struct domain *domain) {
    for (unsigned i = 0; i < domain->config.vcpus; i++) {
        struct vcpu_facts vcpu = domain_vcpu_facts(domain, i);
        table_row(table, (struct cell[]){{domain->config.name, 0},
                                         {NULL, domain->id},
                                         {NULL, i},
                                         {vcpu.cpu == DOMAIN_PAGE_NO_CPU ? "-" : NULL, vcpu.cpu},
                                         {vcpu.flags, 0},
                                         {NULL, (int64_t)(vcpu.cpu_ns / NS_PER_TENTH)},
                                         {NULL, (int64_t)vcpu.exits},
                                         {NULL, (int64_t)vcpu.cpu_ns}});
    }
}

int verb_vcpu_list(const struct invocation *invocation) {
    int status = 0, cursor = 0;
    struct domain *domain;
    struct table table = verb_table(invocation, vcpu_columns, COUNT(vcpu_columns));
    if (operands_check(invocation))
        return STATUS_FAILED;
    table_begin(&table);
    while ((domain = operand_next(invocation, 0, &cursor, &status)))
        list_vcpus(&table, domain);
    table_end(&table);
    return status;
}

static const struct column uptime_columns[] = {
    {"Name", "name", COLUMN_TEXT, 33},   {"ID", "domid", COLUMN_NUMBER, 5}, {"Uptime", NULL, COLUMN_TEXT, 16},
    {NULL, "seconds", COLUMN_NUMBER, 0}, {NULL, "ms", COLUMN_NUMBER, 0},
};

// xl's: "1 day, 2:03:04".
static void uptime_row(struct table *table, const char *name, uint32_t id, uint64_t ms) {
    char text[48];
    unsigned long long seconds = ms / 1000, days = seconds / 86400;
    size_t used = 0;
    if (days)
        used = (size_t)format(text, sizeof text, "%llu day%s, ", days, days == 1 ? "" : "s");
    format(text + used, sizeof text - used, "%2llu:%02llu:%02llu", seconds / 3600 % 24, seconds / 60 % 60,
           seconds % 60);
    table_row(table, (struct cell[]){{name, 0}, {NULL, id}, {text, 0}, {NULL, (int64_t)seconds}, {NULL, (int64_t)ms}});
}

int verb_uptime(const struct invocation *invocation) {
    int status = 0, cursor = 0;
    struct domain *domain;
    struct table table = verb_table(invocation, uptime_columns, COUNT(uptime_columns));
    uint64_t now = manager_now_ms();
    if (operands_check(invocation))
        return STATUS_FAILED;
    table_begin(&table);
    if (!invocation->operands)
        uptime_row(&table, "Domain-0", 0, now);
    while ((domain = operand_next(invocation, 0, &cursor, &status)))
        uptime_row(&table, domain->config.name, domain->id, now > domain->started_ms ? now - domain->started_ms : 0);
    table_end(&table);
    return status;
}

static const struct column top_columns[] = {
    {"Name", "name", COLUMN_TEXT, 24},    {"ID", "domid", COLUMN_NUMBER, 5},
    {"State", "state", COLUMN_TEXT, 6},   {"CPU(s)", "time", COLUMN_TENTHS, 10},
    {"CPU(%)", "cpu", COLUMN_TENTHS, 7},  {"Mem(MiB)", "memory", COLUMN_NUMBER, 9},
    {"VCPUs", "vcpus", COLUMN_NUMBER, 6},
};

struct top {
    uint64_t delay_ms, looks;
    uint64_t last_ms; // of the look before
    bool batch;
};

// Tenths of a percent of one CPU.
static int64_t cpu_share(uint64_t ns, uint64_t over_ms) {
    return over_ms ? (int64_t)(ns / over_ms / 1000) : 0;
}

static void top_look(const struct invocation *invocation, struct top *top) {
    struct table table = verb_table(invocation, top_columns, COUNT(top_columns));
    uint64_t now = manager_now_ms();
    if (!top->batch)
        terminal_print("\x1b[2J\x1b[Hq leaves\n");
    table_begin(&table);
    for (struct domain *domain = NULL; (domain = domain_next(domain));) {
        uint64_t ns = domain_cpu_ns(domain);
        uint64_t begun = domain->started_ms > top->last_ms ? domain->started_ms : top->last_ms;
        uint64_t used = ns > domain->top_cpu_ns ? ns - domain->top_cpu_ns : 0;
        table_row(&table, (struct cell[]){{domain->config.name, 0},
                                          {NULL, domain->id},
                                          {domain_state_flags(domain), 0},
                                          {NULL, (int64_t)(ns / NS_PER_TENTH)},
                                          {NULL, cpu_share(used, now - begun)},
                                          {NULL, domain->config.memory_mib},
                                          {NULL, domain->config.vcpus}});
        domain->top_cpu_ns = ns;
    }
    table_end(&table);
    top->last_ms = now;
}

static bool top_options(const struct invocation *invocation, struct top *top) {
    const char *looks = option_letter(invocation, 'n'), *delay = option_letter(invocation, 'd');
    *top = (struct top){.delay_ms = TOP_DELAY_MS, .batch = option_letter(invocation, 'b') != NULL};
    if (option_name(invocation, "json"))
        top->batch = true;
    if (looks && (!seconds_parse(looks, &top->looks) || top->looks % 1000 || !top->looks)) {
        verb_fails(invocation, "%s is no number of looks; accepted: 1 to 1000000", looks);
        return false;
    }
    if (delay && (!seconds_parse(delay, &top->delay_ms) || !top->delay_ms)) {
        verb_fails(invocation, "%s is no time in seconds; as in 5 or 0.5", delay);
        return false;
    }
    top->looks = looks ? top->looks / 1000 : UINT64_MAX;
    return true;
}

// The first look covers the time since each domain's start.
int verb_top(const struct invocation *invocation) {
    struct top top;
    char key;
    if (!top_options(invocation, &top))
        return STATUS_USAGE;
    for (struct domain *domain = NULL; (domain = domain_next(domain));)
        domain->top_cpu_ns = 0;
    for (uint64_t i = 0; i < top.looks; i++) {
        if (i && terminal_read(&key, 1, manager_deadline_ms(top.delay_ms)) && (key == 'q' || key == 3))
            break;
        top_look(invocation, &top);
    }
    return 0;
}
