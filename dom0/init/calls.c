// Calls to init: one handler an operation.
#include "dom0/init/calls.h"
#include "dom0/init/domains.h"
#include "dom0/init/init.h"
#include "dom0/init/last_log.h"
#include "dom0/init/servers.h"
#include "lib/string.h"

#define WORDS_OF(type) (1 + (sizeof(type) + 7) / 8)

// A request: the words, and what the reply will be.
struct request {
    uint64_t *data; // the message's words
    uint64_t words;
    struct process *caller;
};

static uint64_t reply(const struct request *request, enum init_status status) {
    request->data[0] = status;
    return 1;
}

static uint64_t reply_with(const struct request *request, const void *what, uint64_t bytes) {
    request->data[0] = INIT_OK;
    memcpy(&request->data[1], what, bytes);
    return 1 + (bytes + 7) / 8;
}

static uint64_t serve_host(const struct request *request) {
    struct init_host host = {
        .free_bytes = ledger_pages(&ledger, LEDGER_FREE) * PAGE_SIZE,
        .largest_free_bytes = ledger_largest_free(&ledger) * PAGE_SIZE,
        .cpus = boot_page->cpus,
        .vendor = boot_page->vendor,
        .has_iommu = boot_page->has_iommu,
        .domains = domains_count(),
        .speculation = boot_page->speculation,
        .cpu_signature = boot_page->cpu_signature,
        .microcode = boot_page->microcode,
        .tsc_hz = boot_page->tsc_hz,
        .boot_tsc = boot_page->kernel_start_tsc,
        .pool_bytes = boot_page->kernel_pool_bytes,
    };
    for (uint32_t i = 0; i < boot_page->memory_ranges; i++)
        host.memory_bytes += boot_page->memory[i].kind == BOOT_MEMORY_FREE ? boot_page->memory[i].size : 0;
    host.dom0_bytes = servers_memory_bytes(&host.dom0_run_tsc);
    process_totals(&host.capabilities, &host.threads);
    memcpy(host.vendor_reason, boot_page->vendor_reason, sizeof(host.vendor_reason));
    memcpy(host.cpu_name, boot_page->cpu_name, sizeof(host.cpu_name));
    return reply_with(request, &host, sizeof(host));
}

static uint64_t serve_domain_create(const struct request *request) {
    struct init_domain domain;
    char missing[ARCHIVE_NAME_BYTES] = "";
    uint64_t missing_bytes = 0;
    enum init_status status = domain_create(&domain, missing, &missing_bytes);
    if (status == INIT_OK)
        return reply_with(request, &domain, sizeof(domain));
    request->data[0] = status;
    if (status == INIT_NO_FILE) {
        memcpy(&request->data[1], missing, sizeof(missing));
        return 1 + sizeof(missing) / 8;
    }
    request->data[1] = missing_bytes;
    return 2;
}

static uint64_t serve_domain_destroy(const struct request *request) {
    return reply(request, domain_destroy((uint32_t)request->data[1]));
}

static uint64_t serve_domain_get(const struct request *request) {
    struct init_domain domain;
    return domain_get(request->data[1], &domain) ? reply_with(request, &domain, sizeof(domain))
                                                 : reply(request, INIT_ABSENT);
}

static uint64_t serve_domain_find(const struct request *request) {
    struct init_domain domain;
    return domain_find((uint32_t)request->data[1], &domain) ? reply_with(request, &domain, sizeof(domain))
                                                            : reply(request, INIT_ABSENT);
}

static uint64_t serve_domain_config(const struct request *request) {
    return reply(request, domain_config_read((uint32_t)request->data[1]));
}

static uint64_t serve_domain_update(const struct request *request) {
    return reply(request, domain_config_update((uint32_t)request->data[1]));
}

static uint64_t serve_file_get(const struct request *request) {
    struct archive_file file;
    if (!file_by_index(request->data[1], &file))
        return reply(request, INIT_ABSENT);
    request->data[0] = INIT_OK;
    request->data[1] = file.size;
    memcpy(&request->data[2], file.name, sizeof(file.name));
    return 2 + sizeof(file.name) / 8;
}

// The name that a request carries from data[1] on, terminated.
static bool request_name(const struct request *request, char name[ARCHIVE_NAME_BYTES]) {
    uint64_t bytes = (request->words - 1) * 8;
    bytes = bytes < ARCHIVE_NAME_BYTES ? bytes : ARCHIVE_NAME_BYTES - 1;
    memcpy(name, &request->data[1], bytes);
    name[bytes] = 0;
    return name[0] != 0;
}

static uint64_t mapped_bytes; // of the manager's file window
static uint64_t mapped_process_account;

static uint64_t serve_file_map(const struct request *request) {
    struct archive_file file;
    char name[ARCHIVE_NAME_BYTES];
    if (!request_name(request, name) || !file_find(name, &file))
        return reply(request, INIT_ABSENT);
    if (mapped_bytes && mapped_process_account == request->caller->startup_hpa)
        physical_unmap(request->caller->pd, MANAGER_FILE_WINDOW, mapped_bytes);
    uint64_t hpa = archive_hpa(&file), inside = hpa % PAGE_SIZE;
    mapped_bytes = file.size + inside;
    mapped_process_account = request->caller->startup_hpa;
    if (!physical_map(request->caller->pd, MANAGER_FILE_WINDOW, hpa - inside, mapped_bytes, DELEGATE_READ, false)) {
        mapped_bytes = 0;
        return reply(request, INIT_NO_KERNEL_MEMORY);
    }
    request->data[0] = INIT_OK;
    request->data[1] = MANAGER_FILE_WINDOW + inside;
    request->data[2] = file.size;
    return 3;
}

static uint64_t serve_server_get(const struct request *request) {
    struct init_server server;
    return servers_get(request->data[1], &server) ? reply_with(request, &server, sizeof(server))
                                                  : reply(request, INIT_ABSENT);
}

static uint64_t serve_power_off(const struct request *request) {
    power_off();
    return reply(request, INIT_ABSENT);
}

static uint64_t serve_restart(const struct request *request) {
    (void)request;
    power_restart();
}

static uint64_t serve_crash(const struct request *request) {
    char name[ARCHIVE_NAME_BYTES];
    if (!request_name(request, name))
        return reply(request, INIT_BAD_REQUEST);
    if (strncmp(name, "domain ", 7) == 0)
        return reply(request, domain_crash(name + 7) ? INIT_OK : INIT_ABSENT);
    return reply(request, servers_crash(name) ? INIT_OK : INIT_ABSENT);
}

static uint64_t serve_last_log(const struct request *request) {
    uint64_t *reply = request->data, total;
    uint64_t bytes = last_log_read(request->data[1], &reply[4], INIT_LAST_LOG_BYTES, &total);
    reply[0] = total ? INIT_OK : INIT_ABSENT;
    reply[1] = bytes;
    reply[2] = total;
    reply[3] = ((const struct core_info *)INIT_CORE_INFO)->last_log_end;
    return 4 + (bytes + 7) / 8;
}

static uint64_t serve_debug_key(const struct request *request) {
    switch (request->data[1]) {
    case 'C':
        (void)sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_PANIC, 0, 0);
        return reply(request, INIT_BAD_REQUEST);
    case 'R':
        power_restart();
    default:
        return reply(request, INIT_ABSENT);
    }
}

static const struct {
    uint64_t words; // of the request, at least
    uint64_t (*serve)(const struct request *request);
} handlers[] = {
    [INIT_HOST] = {1, serve_host},
    [INIT_DOMAIN_CREATE] = {1, serve_domain_create},
    [INIT_DOMAIN_DESTROY] = {2, serve_domain_destroy},
    [INIT_DOMAIN_GET] = {2, serve_domain_get},
    [INIT_DOMAIN_FIND] = {2, serve_domain_find},
    [INIT_DOMAIN_CONFIG] = {2, serve_domain_config},
    [INIT_DOMAIN_UPDATE] = {2, serve_domain_update},
    [INIT_FILE_GET] = {2, serve_file_get},
    [INIT_FILE_MAP] = {2, serve_file_map},
    [INIT_SERVER_GET] = {2, serve_server_get},
    [INIT_POWER_OFF] = {1, serve_power_off},
    [INIT_RESTART] = {1, serve_restart},
    [INIT_LAST_LOG] = {2, serve_last_log},
    [INIT_DEBUG_KEY] = {2, serve_debug_key},
    [INIT_CRASH] = {2, serve_crash},
};

uint64_t calls_serve(void) {
    struct message_buffer *buffer = init_buffer();
    struct request request = {buffer->data, buffer->words, process_by_index((uint32_t)buffer->badge)};
    uint64_t operation = buffer->words ? buffer->data[0] : 0;
    bool known = operation < sizeof(handlers) / sizeof(handlers[0]) && handlers[operation].serve;
    if (!known || !request.caller || request.words < handlers[operation].words)
        return reply(&request, INIT_BAD_REQUEST);
    return handlers[operation].serve(&request);
}
