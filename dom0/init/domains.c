// Domains' accounts and VMMs.
#include "dom0/init/domains.h"
#include "dom0/domain/domain_config.h"
#include "dom0/init/channels.h"
#include "dom0/init/report.h"
#include "dom0/init/servers.h"
#include "lib/format.h"
#include "lib/protocol_vmm.h"
#include "lib/string.h"

// Kernel memory of a VMM: a running one with 1 vCPU uses 125 KiB, one with 4 188 KiB. Guest memory is mapped twice, in
// large pages; the share is enough for a quarter of it in pages of 4 KiB.
#define QUOTA_BASE     (384ull << 10)
#define QUOTA_PER_VCPU (64ull << 10)
#define QUOTA_SHARE    1024u // of guest memory

static struct domain {
    bool used, dead;
    uint32_t domid;
    struct domain_config *config; // page of the slot
    struct process *process;
    unsigned channel, log_channel;
    uint64_t control;         // portal, in init's table
    uint64_t manager_kick_at; // selector of "manager.kick" in the VMM's table
    struct pd_fault fault;
} domains[INIT_DOMAINS];

static uint32_t next_domid = 1;
static struct process *manager;
static uint64_t manager_kick = NO_SELECTOR;
static uint64_t exchange_frame = LEDGER_NONE;
// Frames of each slot's domain page, 0: none yet. What the manager was ever shown stays that. Some slots have theirs,
// and a page for the configuration, from the start.
static uint64_t page_frames[INIT_DOMAINS];
#define SLOTS_AT_ONCE 29u

static struct domain *find(uint32_t domid) {
    for (unsigned i = 0; i < INIT_DOMAINS; i++)
        if (domains[i].used && domains[i].domid == domid)
            return &domains[i];
    return NULL;
}

uint32_t domains_count(void) {
    uint32_t n = 0;
    for (unsigned i = 0; i < INIT_DOMAINS; i++)
        n += domains[i].used;
    return n;
}

static unsigned slot_of(const struct domain *domain) {
    return (unsigned)(domain - domains);
}

static uint64_t config_address(unsigned slot) {
    return INIT_CONFIGS + slot * PAGE_SIZE;
}

static uint64_t manager_page_address(const struct domain *domain) {
    return MANAGER_DOMAIN_PAGES + slot_of(domain) * MANAGER_DOMAIN_STRIDE;
}

// Shows a domain to the manager: its page and the way to its VMM.
static bool show_to_manager(struct domain *domain) {
    if (!manager)
        return true;
    return physical_map(manager->pd, manager_page_address(domain), page_frames[slot_of(domain)] * PAGE_SIZE,
                        DOMAIN_PAGE_BYTES, DELEGATE_READ, false) &&
           process_give_at(manager, MANAGER_CONTROL + slot_of(domain), domain->control, RIGHT_USE);
}

static void hide_from_manager(struct domain *domain) {
    if (!manager)
        return;
    physical_unmap(manager->pd, manager_page_address(domain), DOMAIN_PAGE_BYTES);
    (void)sys_delegate(SELECTOR_SELF, 0, manager->pd, MANAGER_CONTROL + slot_of(domain), DELEGATE_CAPABILITY);
}

// ---- what a VMM is given

static bool give_file(struct process *process, const char *window, const char *directory, const char *name,
                      char *missing, enum init_status *status) {
    char path[ARCHIVE_NAME_BYTES] = "";
    struct archive_file file;
    format(path, sizeof(path), "%s/%s", directory, name);
    if (!file_find(path, &file) && !file_find(name, &file)) {
        memcpy(missing, path, sizeof(path));
        *status = INIT_NO_FILE;
        return false;
    }
    *status = INIT_NO_KERNEL_MEMORY;
    return process_map_window(process, window, archive_hpa(&file), file.size, DELEGATE_READ) != 0;
}

static bool give_disks(struct domain *domain, char *missing, enum init_status *status) {
    for (unsigned i = 0; i < domain->config->disk_count && i < DOMAIN_DISKS_MAX; i++) {
        const struct domain_disk *disk = &domain->config->disks[i];
        char window[16];
        format(window, sizeof(window), "disk%u", i);
        if (disk->kind == DOMAIN_DISK_IMAGE &&
            !give_file(domain->process, window, "images", disk->name, missing, status))
            return false;
        *status = INIT_NO_MEMORY;
        if (disk->kind == DOMAIN_DISK_RAM && !process_give_window(domain->process, window, 0, disk->size_bytes))
            return false;
    }
    return true;
}

static bool give_firmware(struct domain *domain, char *missing, enum init_status *status) {
    struct process *process = domain->process;
    if (domain->config->builder == DOMAIN_BUILDER_FIRMWARE)
        return give_file(process, "file:bios-256k.bin", "firmware", "bios-256k.bin", missing, status) &&
               give_file(process, "file:vgabios-stdvga.bin", "firmware", "vgabios-stdvga.bin", missing, status);
    if (!give_file(process, "kernel", "images", domain->config->kernel, missing, status))
        return false;
    return !domain->config->ramdisk[0] ||
           give_file(process, "ramdisk", "images", domain->config->ramdisk, missing, status);
}

static bool give_shared(struct domain *domain) {
    struct process *process = domain->process;
    uint64_t config_first = physical_take(1, process->account);
    if (config_first == LEDGER_NONE || !physical_zero(page_frames[slot_of(domain)], DOMAIN_PAGE_BYTES / PAGE_SIZE) ||
        !physical_map(SELECTOR_SELF, INIT_PEEK, config_first * PAGE_SIZE, PAGE_SIZE, DELEGATE_READ | DELEGATE_WRITE,
                      false))
        return false;
    memcpy((void *)INIT_PEEK, domain->config, sizeof(*domain->config));
    physical_unmap(SELECTOR_SELF, INIT_PEEK, PAGE_SIZE);
    domain->manager_kick_at = process->next_selector;
    return process_map_window(process, "config", config_first * PAGE_SIZE, PAGE_SIZE, DELEGATE_READ) &&
           process_map_window(process, "domain.page", page_frames[slot_of(domain)] * PAGE_SIZE, DOMAIN_PAGE_BYTES,
                              DELEGATE_READ | DELEGATE_WRITE) &&
           process_give(process, "manager.kick", manager_kick, RIGHT_USE);
}

static bool give_channels(struct domain *domain) {
    char title[48];
    format(title, sizeof(title), "%s", domain->config->name);
    domain->log_channel =
        channel_create(domain->process, "log", CONSOLE_CHANNEL_LOG, title, domain->domid, CHANNEL_EVENT_LOG);
    domain->channel =
        channel_create(domain->process, "console", CONSOLE_CHANNEL_DOMAIN, title, domain->domid, CHANNEL_EVENT_CONSOLE);
    return domain->log_channel < CONSOLE_CHANNELS && domain->channel < CONSOLE_CHANNELS;
}

static bool equip(struct domain *domain, char *missing, enum init_status *status) {
    uint64_t memory = (uint64_t)domain->config->memory_mib << 20;
    if (!give_firmware(domain, missing, status) || !give_disks(domain, missing, status))
        return false;
    *status = INIT_NO_MEMORY;
    if (!process_give_window(domain->process, "guest.ram", 0, memory) || !give_shared(domain))
        return false;
    *status = INIT_NO_KERNEL_MEMORY;
    domain->control = selector_take();
    return give_channels(domain) && sys_create_portal(domain->control, domain->process->thread, domain->domid) == OK &&
           show_to_manager(domain) && process_start(domain->process);
}

static void release(struct domain *domain) {
    hide_from_manager(domain);
    channel_destroy(domain->channel);
    channel_destroy(domain->log_channel);
    if (domain->control != NO_SELECTOR)
        selector_give(domain->control);
    if (domain->process)
        process_destroy(domain->process);
    domain->used = false;
}

// Leaves of the CPUs that each vCPU may use those that there are.
static void trim_cpus(struct domain_config *config) {
    uint64_t there = boot_page->cpus < 64 ? (1ull << boot_page->cpus) - 1 : UINT64_MAX;
    for (unsigned i = 0; i < DOMAIN_VCPUS_MAX; i++)
        config->cpus[i] &= there;
}

// Host CPU of a VMM's first thread: those that vCPU 0 may use, in turn by domid.
static unsigned first_cpu(const struct domain_config *config, uint32_t domid) {
    uint64_t there = boot_page->cpus < 64 ? (1ull << boot_page->cpus) - 1 : UINT64_MAX, mask = config->cpus[0] & there;
    mask = mask ? mask : there;
    for (uint32_t nth = domid % (uint32_t)__builtin_popcountll(mask); nth > 0; nth--)
        mask &= mask - 1;
    return (unsigned)__builtin_ctzll(mask);
}

static enum init_status start_vmm(struct domain *domain, char *missing) {
    const struct manifest_server *template = servers_template("vmm");
    enum init_status status = INIT_NO_FILE;
    char name[32];
    if (!template)
        return status;
    format(name, sizeof(name), "vmm-%s", domain->config->name);
    format(missing, ARCHIVE_NAME_BYTES, "%s", template->file);
    struct process_plan plan = {
        .name = name,
        .file = template->file,
        .priority = template->priority,
        .weight = domain->config->cpu_weight,
        .cap_percent = domain->config->cap_percent,
        .cpu = first_cpu(domain->config, domain->domid),
        .heap_bytes = template->heap_bytes,
        .selectors = SELECTOR_NUMBERED,
        .quota_bytes = QUOTA_BASE + domain->config->vcpus * QUOTA_PER_VCPU +
                       ((uint64_t)domain->config->memory_mib << 20) / QUOTA_SHARE,
    };
    domain->process = process_create(&plan, &status);
    return domain->process && equip(domain, missing, &status) ? INIT_OK : status;
}

// Memory that a domain needs beside what cannot be said before.
static uint64_t memory_needed(const struct domain_config *config) {
    uint64_t bytes = (uint64_t)config->memory_mib << 20;
    const struct manifest_server *template = servers_template("vmm");
    for (unsigned i = 0; i < config->disk_count && i < DOMAIN_DISKS_MAX; i++)
        bytes += config->disks[i].kind == DOMAIN_DISK_RAM ? config->disks[i].size_bytes : 0;
    return bytes + (template ? template->heap_bytes : 0) + (2ull << 20);
}

// Copies the configuration in the exchange window, which its writer may change at any time, and looks at what init uses
// of it.
static bool take_config(struct domain_config *config) {
    if (exchange_frame == LEDGER_NONE)
        return false;
    memcpy(config, (const void *)INIT_EXCHANGE, sizeof(*config));
    config->name[DOMAIN_NAME_MAX] = config->kernel[DOMAIN_FILE_NAME_MAX] = config->ramdisk[DOMAIN_FILE_NAME_MAX] = 0;
    config->command_line[DOMAIN_COMMAND_LINE_MAX] = 0;
    for (unsigned i = 0; i < DOMAIN_DISKS_MAX; i++) {
        config->disks[i].name[DOMAIN_FILE_NAME_MAX] = 0;
        if (config->disks[i].kind == DOMAIN_DISK_RAM && config->disks[i].size_bytes > DOMAIN_DISK_RAM_MAX)
            return false;
    }
    return config->version == DOMAIN_CONFIG_VERSION && config->disk_count <= DOMAIN_DISKS_MAX &&
           config->memory_mib <= DOMAIN_MEMORY_MIB_MAX && config->cap_percent <= 100 * DOMAIN_VCPUS_MAX;
}

// Frames for a slot that has none. False: no memory.
static bool equip_slot(unsigned slot) {
    if (page_frames[slot])
        return true;
    const uint64_t pages = DOMAIN_PAGE_BYTES / PAGE_SIZE;
    uint64_t first = ledger_take(&ledger, pages, pages, ACCOUNT_INIT), config = physical_take(1, ACCOUNT_INIT);
    if (first != LEDGER_NONE && config != LEDGER_NONE &&
        physical_map(SELECTOR_SELF, config_address(slot), config * PAGE_SIZE, PAGE_SIZE, DELEGATE_READ | DELEGATE_WRITE,
                     false)) {
        page_frames[slot] = first;
        return true;
    }
    if (first != LEDGER_NONE)
        ledger_give(first, pages);
    if (config != LEDGER_NONE)
        ledger_give(config, 1);
    return false;
}

enum init_status domain_create(struct init_domain *out, char *missing, uint64_t *missing_bytes) {
    struct domain *domain = NULL;
    for (unsigned i = 0; i < INIT_DOMAINS && !domain; i++)
        domain = domains[i].used ? NULL : &domains[i];
    if (!domain)
        return INIT_TOO_MANY;
    if (!boot_page->vendor)
        return INIT_NO_VIRTUALIZATION;
    unsigned slot = slot_of(domain);
    *missing_bytes = DOMAIN_PAGE_BYTES + PAGE_SIZE;
    if (!equip_slot(slot))
        return INIT_NO_MEMORY;
    *domain = (struct domain){.config = (struct domain_config *)config_address(slot)};
    if (!take_config(domain->config))
        return INIT_BAD_REQUEST;
    trim_cpus(domain->config);
    uint64_t needed = memory_needed(domain->config), there = ledger_pages(&ledger, LEDGER_FREE) * PAGE_SIZE;
    *missing_bytes = needed > there ? needed - there : 0;
    if (*missing_bytes)
        return INIT_NO_MEMORY;
    domain->used = true;
    domain->domid = next_domid++;
    domain->control = NO_SELECTOR;
    domain->channel = domain->log_channel = CONSOLE_CHANNELS;
    enum init_status status = start_vmm(domain, missing);
    if (status != INIT_OK) {
        release(domain);
        return status;
    }
    domain_get(slot_of(domain), out);
    return INIT_OK;
}

enum init_status domain_destroy(uint32_t domid) {
    struct domain *domain = find(domid);
    if (!domain)
        return INIT_ABSENT;
    release(domain);
    return INIT_OK;
}

static void describe(const struct domain *domain, struct init_domain *out) {
    struct pd_statistics statistics;
    process_statistics(domain->process, &statistics);
    *out = (struct init_domain){
        .domid = domain->domid,
        .state = domain->dead ? INIT_DOMAIN_DEAD : INIT_DOMAIN_ALIVE,
        .memory_bytes = ledger_pages(&ledger, domain->process->account) * PAGE_SIZE,
        .kernel_bytes = statistics.used_bytes,
        .run_tsc = statistics.run_tsc,
        .control = MANAGER_CONTROL + slot_of(domain),
        .page_address = manager_page_address(domain),
        .channel = domain->channel,
        .log_channel = domain->log_channel,
        .fault_vector = domain->fault.vector,
        .fault_rip = domain->fault.rip,
        .exit_status = domain->fault.exit_status,
    };
    memcpy(out->name, domain->config->name, sizeof(out->name));
}

// `index` counts the slots in use. domain_create takes the first empty one, so that its slot is its index.
bool domain_get(uint64_t index, struct init_domain *out) {
    for (uint64_t i = 0; i < INIT_DOMAINS; i++)
        if (domains[i].used && index-- == 0) {
            describe(&domains[i], out);
            return true;
        }
    return false;
}

bool domain_find(uint32_t domid, struct init_domain *out) {
    const struct domain *domain = find(domid);
    if (domain)
        describe(domain, out);
    return domain != NULL;
}

enum init_status domain_config_read(uint32_t domid) {
    const struct domain *domain = find(domid);
    if (!domain || exchange_frame == LEDGER_NONE)
        return INIT_ABSENT;
    memcpy((void *)INIT_EXCHANGE, domain->config, sizeof(*domain->config));
    return INIT_OK;
}

enum init_status domain_config_update(uint32_t domid) {
    struct domain *domain = find(domid);
    if (!domain)
        return INIT_ABSENT;
    static struct domain_config update;
    if (!take_config(&update) || update.memory_mib != domain->config->memory_mib)
        return INIT_BAD_REQUEST;
    *domain->config = update;
    channel_rename(domain->channel, domain->config->name);
    channel_rename(domain->log_channel, domain->config->name);
    return INIT_OK;
}

bool domain_crash(const char *name) {
    for (unsigned i = 0; i < INIT_DOMAINS; i++)
        if (domains[i].used && !domains[i].dead && strcmp(domains[i].config->name, name) == 0) {
            process_break(domains[i].process);
            return true;
        }
    return false;
}

static void tell_manager(void) {
    if (manager_kick != NO_SELECTOR)
        (void)sys_semaphore_control(manager_kick, SEMAPHORE_UP, 0);
}

void domains_supervise(void) {
    for (unsigned i = 0; i < INIT_DOMAINS; i++) {
        struct domain *domain = &domains[i];
        if (!domain->used || domain->dead || !process_fault(domain->process, &domain->fault))
            continue;
        char name[80];
        format(name, sizeof(name), "the VMM of domain %s", domain->config->name);
        report_end(name, domain->process, &domain->fault);
        domain->dead = true;
        tell_manager();
    }
}

// ---- the manager

static bool renew_kick(void) {
    if (manager_kick != NO_SELECTOR)
        selector_give(manager_kick);
    manager_kick = selector_take();
    if (sys_create_semaphore(manager_kick, SELECTOR_SELF, 0, manager->thread, INIT_EVENT_DOMAIN) != OK)
        return false;
    for (unsigned i = 0; i < INIT_DOMAINS; i++) {
        if (!domains[i].used)
            continue;
        (void)sys_delegate(SELECTOR_SELF, 0, domains[i].process->pd, domains[i].manager_kick_at, DELEGATE_CAPABILITY);
        if (!process_give_at(domains[i].process, domains[i].manager_kick_at, manager_kick, RIGHT_USE) ||
            !show_to_manager(&domains[i]))
            return false;
    }
    return true;
}

bool domains_give_manager(struct process *new_manager) {
    manager = new_manager;
    for (unsigned slot = 0; slot < SLOTS_AT_ONCE; slot++)
        if (!equip_slot(slot))
            return false;
    if (exchange_frame == LEDGER_NONE) {
        uint64_t frame = physical_take(1, ACCOUNT_INIT);
        if (frame == LEDGER_NONE || !physical_map(SELECTOR_SELF, INIT_EXCHANGE, frame * PAGE_SIZE, PAGE_SIZE,
                                                  DELEGATE_READ | DELEGATE_WRITE, false))
            return false;
        exchange_frame = frame;
    }
    return process_map_window(manager, "exchange", exchange_frame * PAGE_SIZE, PAGE_SIZE,
                              DELEGATE_READ | DELEGATE_WRITE) &&
           renew_kick();
}

void domains_manager_gone(const struct process *process) {
    if (process == manager)
        manager = NULL;
}
