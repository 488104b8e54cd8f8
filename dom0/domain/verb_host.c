// Verbs about the host: info, files, counters, crash, debug-keys, poweroff, restart.
#include <string.h>

#include "dom0/domain/aboard.h"
#include "dom0/domain/cpu_text.h"
#include "dom0/domain/host.h"
#include "dom0/domain/manager.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"
#include "lib/format.h"
#include "lib/speculation_text.h"

#define MIB          (1024 * 1024)
#define SHUTDOWN_MS  30000u
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct column info_columns[] = {
    {"host", "host", COLUMN_TEXT, 0},
    {"version", "version", COLUMN_TEXT, 0},
    {"machine", "machine", COLUMN_TEXT, 0},
    {"nr_cpus", "nr_cpus", COLUMN_NUMBER, 0},
    {"cpu_name", "cpu_name", COLUMN_TEXT, 0},
    {"cpu_model", "cpu_model", COLUMN_TEXT, 0},
    {"cpu_errata", "cpu_errata", COLUMN_TEXT, 0},
    {"cpu_mhz", "cpu_mhz", COLUMN_NUMBER, 0},
    {"virtualization", "virtualization", COLUMN_TEXT, 0},
    {"speculation", "speculation", COLUMN_TEXT, 0},
    {"speculation_open", "speculation_open", COLUMN_TEXT, 0},
    {"iommu", "iommu", COLUMN_TEXT, 0},
    {"total_memory", "total_memory", COLUMN_NUMBER, 0},
    {"free_memory", "free_memory", COLUMN_NUMBER, 0},
    {"largest_free_range", "largest_free_range", COLUMN_NUMBER, 0},
    {"kernel_pool", "kernel_pool", COLUMN_NUMBER, 0},
    {"free_pages", "free_pages", COLUMN_NUMBER, 0},
    {"kernel_pool_pages", "kernel_pool_pages", COLUMN_NUMBER, 0},
    {"kernel_pool_used", "kernel_pool_used", COLUMN_NUMBER, 0},
    {"capabilities", "capabilities", COLUMN_NUMBER, 0},
    {"threads", "threads", COLUMN_NUMBER, 0},
    {"domains", "domains", COLUMN_NUMBER, 0},
};

static int64_t domain_count(void) {
    int64_t count = 0;
    for (struct domain *domain = NULL; (domain = domain_next(domain));)
        count++;
    return count;
}

// "AMD-V", or what is missing.
static void virtualization_text(const struct init_host *host, char *to, size_t size) {
    const char *name = host->vendor == HOST_VENDOR_SVM ? "AMD-V" : host->vendor == HOST_VENDOR_VMX ? "VT-x" : "none";
    format(to, size, "%s%s%s", name, host->vendor_reason[0] ? ": " : "", host->vendor_reason);
}

int verb_info(const struct invocation *invocation) {
    struct init_host host;
    char virtualization[160], model[CPU_TEXT_SIZE], errata[CPU_ERRATA_SIZE];
    char speculation[SPECULATION_TEXT_SIZE], open[SPECULATION_TEXT_SIZE];
    const volatile struct core_info *core = host_core_info();
    struct table table = verb_table(invocation, info_columns, COUNT(info_columns));
    table.single = true;
    if (!host_get(&host))
        return verb_fails(invocation, "init does not answer");
    virtualization_text(&host, virtualization, sizeof virtualization);
    cpu_text(host.cpu_signature, host.microcode, model, sizeof model);
    cpu_errata_text(host.vendor, host.cpu_signature, host.microcode, errata, sizeof errata);
    speculation_text(host.speculation, speculation, sizeof speculation);
    speculation_open_text(host.speculation, open, sizeof open);
    table_begin(&table);
    table_row(&table, (struct cell[]){
                          {"bulkhead", 0},
                          {HOST_VERSION, 0},
                          {"x86_64", 0},
                          {NULL, host.cpus},
                          {host.cpu_name, 0},
                          {model, 0},
                          {errata, 0},
                          {NULL, (int64_t)(host.tsc_hz / 1000000)},
                          {virtualization, 0},
                          {speculation, 0},
                          {open, 0},
                          {host.has_iommu ? "yes" : "none: device drivers are trusted", 0},
                          {NULL, (int64_t)(host.memory_bytes / MIB)},
                          {NULL, (int64_t)(host.free_bytes / MIB)},
                          {NULL, (int64_t)(host.largest_free_bytes / MIB)},
                          {NULL, (int64_t)(host.pool_bytes / MIB)},
                          {NULL, (int64_t)(host.free_bytes / PAGE_SIZE)},
                          {NULL, core ? (int64_t)core->pool_pages : 0},
                          {NULL, core ? (int64_t)core->pool_used : 0},
                          {NULL, (int64_t)host.capabilities},
                          {NULL, (int64_t)host.threads},
                          {NULL, domain_count()},
                      });
    table_end(&table);
    return 0;
}

static const struct column file_columns[] = {
    {"Name", "name", COLUMN_TEXT, 40},
    {"Bytes", "bytes", COLUMN_NUMBER, 12},
};

int verb_files(const struct invocation *invocation) {
    struct table table = verb_table(invocation, file_columns, COUNT(file_columns));
    struct aboard_file file;
    table_begin(&table);
    for (uint64_t cursor = 0; aboard_next(&cursor, &file);)
        table_row(&table, (struct cell[]){{file.name, 0}, {NULL, (int64_t)file.size}});
    table_end(&table);
    return 0;
}

static const struct column counter_columns[] = {
    {"Counter", "counter", COLUMN_TEXT, 24},
    {"Count", "count", COLUMN_NUMBER, 16},
};

static const char *const exit_names[] = {
    [VCPU_EXIT_POKE] = "poke",
    [VCPU_EXIT_EVENTS] = "events",
    [VCPU_EXIT_DEADLINE] = "deadline",
    [VCPU_EXIT_EXTINT] = "extint",
    [VCPU_EXIT_CPUID] = "cpuid",
    [VCPU_EXIT_HLT] = "hlt",
    [VCPU_EXIT_IO] = "io",
    [VCPU_EXIT_RDMSR] = "rdmsr",
    [VCPU_EXIT_WRMSR] = "wrmsr",
    [VCPU_EXIT_MEMORY] = "memory",
    [VCPU_EXIT_CR] = "cr",
    [VCPU_EXIT_EXCEPTION] = "exception",
    [VCPU_EXIT_SHUTDOWN] = "shutdown",
    [VCPU_EXIT_VMCALL] = "vmcall",
    [VCPU_EXIT_XSETBV] = "xsetbv",
    [VCPU_EXIT_WBINVD] = "wbinvd",
    [VCPU_EXIT_PAUSE] = "pause",
    [VCPU_EXIT_MWAIT] = "mwait",
    [VCPU_EXIT_VIRTUALIZATION] = "virtualization",
    [VCPU_EXIT_TASK_SWITCH] = "task-switch",
    [VCPU_EXIT_RDPMC] = "rdpmc",
    [VCPU_EXIT_INVALID] = "invalid",
    [VCPU_EXIT_EOI] = "eoi",
    [VCPU_EXIT_APIC_WRITE] = "apic-write",
};
_Static_assert(COUNT(exit_names) == VCPU_EXIT_COUNT, "a name for every exit");

static const char *const counter_names[] = {
    [COUNTER_EXIT_TOTAL] = "exits",
    [COUNTER_EXIT_INTERRUPT] = "exits-interrupt",
    [COUNTER_INJECT_INTERRUPT] = "injected-interrupts",
    [COUNTER_INJECT_EVENT] = "injected-events",
    [COUNTER_WINDOW] = "windows",
    [COUNTER_HALT] = "halts",
    [COUNTER_SWITCH] = "switches",
    [COUNTER_CALL] = "calls",
    [COUNTER_SYSCALL] = "syscalls",
    [COUNTER_IPI] = "ipis",
    [COUNTER_SHOOTDOWN] = "shootdowns",
    [COUNTER_FAULT] = "faults",
    [COUNTER_GUEST_TSC] = "guest-tsc",
    [COUNTER_GUEST_TLB] = "guest-tlb",
    [COUNTER_BARRIER] = "barriers",
};

static void counter_row(struct table *table, const char *prefix, const char *name, uint64_t value) {
    char text[64];
    format(text, sizeof text, "%s%s", prefix, name);
    if (value)
        table_row(table, (struct cell[]){{text, 0}, {NULL, (int64_t)value}});
}

int verb_counters(const struct invocation *invocation) {
    const volatile struct core_info *core = host_core_info();
    struct table table = verb_table(invocation, counter_columns, COUNT(counter_columns));
    if (!core)
        return verb_fails(invocation, "the domain manager was not given the core's counters");
    table_begin(&table);
    for (size_t i = 0; i < COUNT(counter_names); i++)
        counter_row(&table, "", counter_names[i], core->counters[i]);
    for (size_t i = 0; i < COUNT(exit_names); i++)
        counter_row(&table, "exit-", exit_names[i], core->exits[i]);
    table_end(&table);
    return 0;
}

int verb_crash(const struct invocation *invocation) {
    char name[DOMAIN_NAME_MAX + 16];
    const char *operand = invocation->operand[0];
    const struct domain *domain = domain_find(operand);
    struct init_server server;
    if (!domain && !host_server_find(operand, &server))
        return refuse_server(invocation, operand, "");
    format(name, sizeof name, domain ? "domain %s" : "%s", domain ? domain->config.name : operand);
    terminal_drain(); // it may be the domain manager's own end
    const char *refusal = host_crash(name);
    return refusal ? verb_fails(invocation, "%s: %s", operand, refusal) : 0;
}

int verb_debug_keys(const struct invocation *invocation) {
    static const struct {
        char key;
        const char *what;
    } keys[] = {{'C', "end the core with a panic"}, {'R', "reset the machine at once"}, {'h', "list the keys"}};
    for (const char *at = invocation->operand[0]; *at; at++) {
        size_t i = 0;
        while (i < COUNT(keys) && keys[i].key != *at)
            i++;
        if (i == COUNT(keys))
            return verb_fails(invocation, "'%c' is no debug key; h lists them", *at);
    }
    for (const char *at = invocation->operand[0]; *at; at++) {
        for (size_t i = 0; *at == 'h' && i < COUNT(keys); i++)
            terminal_print("%c  %s\n", keys[i].key, keys[i].what);
        terminal_drain();
        const char *refusal = *at == 'h' ? NULL : host_debug_key(*at);
        if (refusal)
            return verb_fails(invocation, "%c: %s", *at, refusal);
    }
    return 0;
}

// Presses all power buttons, waits, destroys what is left.
static void end_domains(void) {
    char error[DOMAIN_ERROR_SIZE];
    uint64_t deadline = manager_deadline_ms(SHUTDOWN_MS);
    struct domain *domain = NULL;
    while ((domain = domain_next(domain))) {
        domain->config.on_poweroff = domain->config.on_reboot = domain->config.on_crash = DOMAIN_DESTROY;
        domain->reboot_wanted = false;
        if (domain->state != DOMAIN_STATE_RUNNING || !domain_press_power(domain, error))
            domain_destroy(domain);
    }
    while (domain_next(NULL) && manager_now_tsc() < deadline && !terminal_interrupted())
        manager_wait(deadline);
}

static int end_host(const struct invocation *invocation, bool restart) {
    if (!option_letter(invocation, 'f') && domain_next(NULL)) {
        terminal_print("waiting up to %u s for domains to shut down (%lld); Ctrl-C goes on at once\n",
                       SHUTDOWN_MS / 1000, (long long)domain_count());
        end_domains();
    }
    for (struct domain *domain; (domain = domain_next(NULL));)
        domain_destroy(domain);
    terminal_drain();
    host_end(restart);
    return verb_fails(invocation, "init refused");
}

int verb_poweroff(const struct invocation *invocation) {
    return end_host(invocation, false);
}

int verb_restart(const struct invocation *invocation) {
    return end_host(invocation, true);
}
