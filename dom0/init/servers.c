// Servers of the manifest.
#include "dom0/init/servers.h"
#include "dom0/init/channels.h"
#include "dom0/init/domains.h"
#include "dom0/init/report.h"
#include "lib/string.h"

#define QUOTA_BYTES     (2ull << 20)
#define RESTARTS_IN_ROW 5u
#define STEADY_SECONDS  10u // who ran this long did not end "in a row"

static struct manifest manifest;

static struct server {
    const struct manifest_server *plan;
    struct process *process;
    uint64_t restarts, in_row, started_tsc;
    bool crash_wanted;
    unsigned channel[2];                                          // log, shell; CONSOLE_CHANNELS: none yet
    uint64_t irq;                                                 // semaphore
    uint64_t portal[MANIFEST_GRANTS], portal_at[MANIFEST_GRANTS]; // per grant: in init's table, in its table
} servers[MANIFEST_SERVERS];
static unsigned server_count;

static struct server *find(const char *name) {
    for (unsigned i = 0; i < server_count; i++)
        if (strcmp(servers[i].plan->name, name) == 0)
            return &servers[i];
    return NULL;
}

bool servers_crash(const char *name) {
    struct server *server = find(name);
    if (!server || !server->process)
        return false;
    server->crash_wanted = true;
    process_break(server->process);
    return true;
}

const struct manifest_server *servers_template(const char *name) {
    for (unsigned i = 0; i < manifest.servers; i++)
        if (manifest.server[i].is_template && strcmp(manifest.server[i].name, name) == 0)
            return &manifest.server[i];
    return NULL;
}

static bool give_ports(struct server *server, const struct manifest_grant *grant) {
    unsigned order = (unsigned)__builtin_ctzll(grant->b);
    return sys_delegate(SELECTOR_PORTS, grant->a, server->process->pd, grant->a,
                        DELEGATE_READ | DELEGATE_WRITE | DELEGATE_ORDER(order) | DELEGATE_PORT) == OK;
}

static bool give_irq(struct server *server, const struct manifest_grant *grant) {
    if (server->irq != NO_SELECTOR)
        selector_give(server->irq);
    server->irq = selector_take();
    return sys_create_semaphore(server->irq, SELECTOR_SELF, 0, server->process->thread, grant->b) == OK &&
           sys_assign_interrupt(SELECTOR_HARDWARE, server->irq, INTERRUPT_GSI(grant->a), server->plan->cpu).status ==
               OK &&
           process_give(server->process, "irq", server->irq, RIGHT_CONTROL);
}

static bool give_channel(struct server *server, const struct manifest_grant *grant) {
    bool shell = strcmp(grant->name, "shell") == 0;
    unsigned *channel = &server->channel[shell];
    unsigned bit = shell ? CHANNEL_EVENT_SHELL : CHANNEL_EVENT_LOG;
    if (strcmp(server->plan->name, "console") == 0)
        bit = 63; // its thread's low bits are its own
    if (*channel < CONSOLE_CHANNELS)
        return channel_reopen(*channel, server->process, grant->name, bit);
    *channel = channel_create(server->process, grant->name, shell ? CONSOLE_CHANNEL_SHELL : CONSOLE_CHANNEL_LOG,
                              server->plan->name, 0, bit);
    return *channel < CONSOLE_CHANNELS;
}

// Portals to a server that is not running stay empty and are filled when it starts.
static bool make_portal(struct server *server, unsigned index) {
    const struct manifest_grant *grant = &server->plan->grant[index];
    const struct server *target = find(grant->name);
    uint64_t thread = strcmp(grant->name, "init") == 0 ? SELECTOR_THREAD
                      : target && target->process      ? target->process->thread
                                                       : NO_SELECTOR;
    if (server->portal[index] != NO_SELECTOR)
        selector_give(server->portal[index]);
    server->portal[index] = NO_SELECTOR;
    if (thread == NO_SELECTOR)
        return true;
    server->portal[index] = selector_take();
    return sys_create_portal(server->portal[index], thread, server->process->index) == OK &&
           process_give_at(server->process, server->portal_at[index], server->portal[index], RIGHT_USE);
}

static bool give_portal(struct server *server, unsigned index) {
    struct startup *startup = server->process->startup;
    const char *name = server->plan->grant[index].name;
    if (startup->capabilities == STARTUP_CAPABILITIES)
        return false;
    struct startup_capability *capability = &startup->capability[startup->capabilities++];
    memcpy(capability->name, name, strnlen(name, sizeof(capability->name) - 1));
    capability->selector = server->portal_at[index] = server->process->next_selector++;
    return make_portal(server, index);
}

static bool give_core_info(struct server *server) {
    uint64_t address = server->process->next_window;
    server->process->next_window += 4ull << 20;
    const struct core_info *info = (const struct core_info *)INIT_CORE_INFO;
    return sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_MAP_INFO, address, server->process->pd) == OK &&
           process_name_window(server->process, "core.info", address,
                               (1 + info->log_pages + info->trace_pages + info->last_log_pages) * PAGE_SIZE,
                               DELEGATE_READ);
}

static bool give(struct server *server, unsigned index) {
    const struct manifest_grant *grant = &server->plan->grant[index];
    switch (grant->kind) {
    case GRANT_PORTS:
        return give_ports(server, grant);
    case GRANT_IRQ:
        return give_irq(server, grant);
    case GRANT_CHANNEL:
        return give_channel(server, grant);
    case GRANT_PORTAL:
        return give_portal(server, index);
    case GRANT_DIRECTORY:
        return channels_give_console(server->process);
    case GRANT_CORE_INFO:
        return give_core_info(server);
    case GRANT_EXCHANGE:
        return domains_give_manager(server->process);
    case GRANT_UART:
        return sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_RELEASE_UART, 0, 0) == OK;
    default:
        return false;
    }
}

// Others' portals to a server that was started again lead to its new thread.
static void renew_portals(const char *name) {
    for (unsigned i = 0; i < server_count; i++)
        for (unsigned g = 0; servers[i].process && g < servers[i].plan->grants; g++)
            if (servers[i].plan->grant[g].kind == GRANT_PORTAL && strcmp(servers[i].plan->grant[g].name, name) == 0) {
                (void)sys_delegate(SELECTOR_SELF, 0, servers[i].process->pd, servers[i].portal_at[g],
                                   DELEGATE_CAPABILITY);
                (void)make_portal(&servers[i], g);
            }
}

static bool has_uart(const struct server *server) {
    for (unsigned i = 0; i < server->plan->grants; i++)
        if (server->plan->grant[i].kind == GRANT_UART)
            return true;
    return false;
}

// Destroys a server's process. Its channels stay, for the next start.
static void stop(struct server *server) {
    channels_process_gone(server->process);
    domains_manager_gone(server->process);
    process_destroy(server->process);
    server->process = NULL;
}

static bool start(struct server *server) {
    const struct manifest_server *plan = server->plan;
    struct process_plan process = {
        .name = plan->name,
        .file = plan->file,
        .priority = plan->priority,
        .cpu = plan->cpu < boot_page->cpus ? plan->cpu : 0,
        .heap_bytes = plan->heap_bytes,
        .quota_bytes = QUOTA_BYTES,
        .selectors = SELECTORS_SERVER,
        .incarnation = server->restarts,
    };
    enum init_status status;
    server->process = process_create(&process, &status);
    if (!server->process) {
        init_log("%s: cannot start %s: %s", plan->name, plan->file,
                 status == INIT_NO_FILE     ? "no such program aboard"
                 : status == INIT_NO_MEMORY ? "not enough memory"
                 : status == INIT_TOO_MANY  ? "too many servers and domains"
                                            : "not enough kernel memory");
        return false;
    }
    server->started_tsc = now_tsc();
    for (unsigned i = 0; i < plan->grants; i++)
        if (!give(server, i)) {
            init_log("%s: cannot be given what line %u of its grants in etc/manifest says; not started", plan->name,
                     i + 1);
            stop(server);
            return false;
        }
    renew_portals(plan->name);
    if (has_uart(server))
        init_log_console_runs();
    return process_start(server->process);
}

void servers_start(void) {
    struct archive_file file;
    char message[200];
    if (!file_find("etc/manifest", &file)) {
        init_log("the boot archive holds no etc/manifest: nothing to start");
        return;
    }
    if (!manifest_parse(archive_data(&file), file.size, &manifest, message, sizeof(message))) {
        init_log("%s", message);
        return;
    }
    for (unsigned i = 0; i < manifest.servers; i++) {
        if (manifest.server[i].is_template)
            continue;
        struct server *server = &servers[server_count++];
        server->plan = &manifest.server[i];
        server->channel[0] = server->channel[1] = CONSOLE_CHANNELS;
        server->irq = NO_SELECTOR;
        for (unsigned g = 0; g < MANIFEST_GRANTS; g++)
            server->portal[g] = NO_SELECTOR;
        (void)start(server);
    }
}

static void restart(struct server *server, const struct pd_fault *fault) {
    const char *name = server->plan->name;
    bool steady = now_tsc() - server->started_tsc > STEADY_SECONDS * boot_page->tsc_hz;
    server->restarts++;
    if (!server->crash_wanted) // an end that was asked for says nothing about the server
        server->in_row = steady ? 1 : server->in_row + 1;
    server->crash_wanted = false;
    if (has_uart(server))
        init_log_console_gone();
    report_end(name, server->process, fault);
    stop(server);
    if (server->in_row > RESTARTS_IN_ROW) {
        init_log("%s has ended %llu times in a row, each within %u s of its start: it is not started again", name,
                 (unsigned long long)server->in_row, STEADY_SECONDS);
        return;
    }
    init_log("%s is started again, restart %llu", name, (unsigned long long)server->restarts);
    (void)start(server);
}

void servers_supervise(void) {
    struct pd_fault fault;
    for (unsigned i = 0; i < server_count; i++)
        if (servers[i].process && process_fault(servers[i].process, &fault))
            restart(&servers[i], &fault);
}

bool servers_get(uint64_t index, struct init_server *out) {
    if (index >= server_count)
        return false;
    const struct server *server = &servers[index];
    memset(out, 0, sizeof(*out));
    memcpy(out->name, server->plan->name, sizeof(out->name));
    out->restarts = (uint32_t)server->restarts;
    out->channel = server->channel[0];
    if (!server->process)
        return true;
    struct pd_statistics statistics;
    process_statistics(server->process, &statistics);
    out->alive = 1;
    out->memory_bytes = ledger_pages(&ledger, server->process->account) * PAGE_SIZE;
    out->kernel_bytes = statistics.used_bytes;
    out->run_tsc = statistics.run_tsc;
    return true;
}

uint64_t servers_memory_bytes(uint64_t *run_tsc) {
    uint64_t bytes = ledger_pages(&ledger, ACCOUNT_INIT) * PAGE_SIZE;
    struct init_server server;
    *run_tsc = 0;
    for (unsigned i = 0; servers_get(i, &server); i++) {
        bytes += server.memory_bytes + server.kernel_bytes;
        *run_tsc += server.run_tsc;
    }
    return bytes;
}
