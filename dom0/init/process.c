// Making, equipping and ending of protection domains.
#include "dom0/init/process.h"
#include "dom0/init/elf_file.h"
#include "dom0/init/wall_clock.h"
#include "lib/string.h"

#define STACK_BYTES  (64ull << 10)
#define HEAP_BASE    0x80000000ull
#define WINDOWS_BASE 0x4000000000ull
#define WINDOW_ROUND (2ull << 20)
#define AT_PHDR      3u
#define AT_PHENT     4u
#define AT_PHNUM     5u
#define AT_PAGESZ    6u
#define AT_RANDOM    25u
#define ELF_PHENT    56u
#define STACK_HEAD   256u // bytes at the stack's top for arguments and auxiliary vector

static struct process processes[PROCESSES];

struct process *process_by_index(uint32_t index) {
    return index < PROCESSES && processes[index].used ? &processes[index] : NULL;
}

static struct process *process_slot(void) {
    for (uint32_t i = 0; i < PROCESSES; i++)
        if (!processes[i].used) {
            memset(&processes[i], 0, sizeof(processes[i]));
            processes[i].index = i;
            processes[i].used = true;
            processes[i].account = ACCOUNT_FIRST + i;
            return &processes[i];
        }
    return NULL;
}

static void copy_name(char *to, size_t size, const char *from) {
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    memset(to + length, 0, size - length);
}

// Copies into frames through the scratch window, which shows 2 MiB at a time.
static bool fill(uint64_t hpa, const uint8_t *from, uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        uint64_t offset = (hpa + done) % (2ull << 20), room = (2ull << 20) - offset;
        uint64_t part = bytes - done < room ? bytes - done : room, page = offset % PAGE_SIZE;
        if (!physical_map(SELECTOR_SELF, INIT_SCRATCH + offset - page, hpa + done - page, part + page,
                          DELEGATE_READ | DELEGATE_WRITE, false))
            return false;
        memcpy((void *)(INIT_SCRATCH + offset), from + done, part);
        physical_unmap(SELECTOR_SELF, INIT_SCRATCH + offset - page, part + page);
        done += part;
    }
    return true;
}

static bool load_segment(struct process *process, const uint8_t *file, const struct elf_segment *segment) {
    uint64_t pages = (segment->memory_bytes + PAGE_SIZE - 1) / PAGE_SIZE;
    uint64_t first = physical_take(pages, process->account);
    return first != LEDGER_NONE && fill(first * PAGE_SIZE, file + segment->offset, segment->file_bytes) &&
           physical_map(process->pd, segment->address, first * PAGE_SIZE, pages * PAGE_SIZE, segment->rights, true);
}

// What a C library finds above its first stack pointer (System V psABI 3.4.1): argc, argv, envp, auxiliary vector.
static bool make_stack(struct process *process, const struct elf_program *program) {
    uint64_t first = physical_take(STACK_BYTES / PAGE_SIZE, process->account);
    if (first == LEDGER_NONE)
        return false;
    uint64_t name_at = STARTUP_STACK_TOP - 48, random_at = STARTUP_STACK_TOP - 16;
    uint64_t head[STACK_HEAD / 8] = {1, name_at, 0, 0, AT_PAGESZ, PAGE_SIZE, AT_RANDOM, random_at};
    if (program->headers_address) {
        const uint64_t vector[] = {AT_PHDR, program->headers_address, AT_PHENT, ELF_PHENT, AT_PHNUM, program->headers};
        memcpy(&head[8], vector, sizeof(vector)); // behind AT_RANDOM
    }
    memcpy((char *)head + STACK_HEAD - 48, process->name, sizeof(process->name));
    uint64_t noise = now_tsc() * 0x9e3779b97f4a7c15ull; // for hash seeds of the C library, not for secrets
    memcpy((char *)head + STACK_HEAD - 16, &noise, sizeof(noise));
    return fill(first * PAGE_SIZE + STACK_BYTES - STACK_HEAD, (const uint8_t *)head, sizeof(head)) &&
           physical_map(process->pd, STARTUP_STACK_TOP - STACK_BYTES, first * PAGE_SIZE, STACK_BYTES,
                        DELEGATE_READ | DELEGATE_WRITE, true);
}

static bool make_startup(struct process *process, const struct process_plan *plan) {
    uint64_t first = physical_take(1, process->account), address = INIT_STARTUPS + process->index * PAGE_SIZE;
    if (first == LEDGER_NONE ||
        !physical_map(process->pd, STARTUP_ADDRESS, first * PAGE_SIZE, PAGE_SIZE, DELEGATE_READ, true) ||
        !physical_map(SELECTOR_SELF, address, first * PAGE_SIZE, PAGE_SIZE, DELEGATE_READ | DELEGATE_WRITE, false))
        return false;
    struct startup *startup = (struct startup *)address;
    *startup = (struct startup){
        .magic = STARTUP_MAGIC,
        .version = STARTUP_VERSION,
        .cpu = plan->cpu,
        .tsc_hz = boot_page->tsc_hz,
        .boot_tsc = boot_page->kernel_start_tsc,
        .wall_seconds = wall_clock_seconds(),
        .wall_tsc = now_tsc(),
        .heap_base = HEAP_BASE,
        .heap_size = plan->heap_bytes,
        .incarnation = plan->incarnation,
    };
    memcpy(startup->features, boot_page->features, sizeof(startup->features));
    copy_name(startup->name, sizeof(startup->name), plan->name);
    process->startup = startup;
    process->startup_hpa = first * PAGE_SIZE;
    process->next_selector = SELECTOR_FIRST_FREE;
    process->next_window = WINDOWS_BASE;
    return true;
}

static bool make_thread(struct process *process, const struct process_plan *plan, const struct elf_program *program) {
    process->buffer = selector_take();
    process->thread = selector_take();
    return sys_create_page(process->buffer, process->pd, STARTUP_MESSAGE) == OK &&
           sys_create_thread(process->thread, process->pd, process->buffer, plan->cpu, program->entry,
                             STARTUP_STACK_TOP - STACK_HEAD) == OK &&
           sys_thread_control(process->thread, THREAD_SET_PRIORITY, plan->priority, 0, 0) == OK &&
           process_give_at(process, SELECTOR_THREAD, process->thread, RIGHT_CONTROL | RIGHT_USE);
}

static bool equip(struct process *process, const struct process_plan *plan, const struct archive_file *file,
                  enum init_status *status) {
    struct elf_program program;
    const char *wrong = elf_read(archive_data(file), file->size, &program);
    if (wrong) {
        init_log("%s: %s: %s", plan->name, plan->file, wrong);
        *status = INIT_NO_FILE;
        return false;
    }
    *status = INIT_NO_MEMORY;
    for (uint32_t i = 0; i < program.segments; i++)
        if (!load_segment(process, archive_data(file), &program.segment[i]))
            return false;
    if (!make_stack(process, &program) || !make_startup(process, plan) ||
        !physical_give(process->pd, HEAP_BASE, plan->heap_bytes, DELEGATE_READ | DELEGATE_WRITE, process->account))
        return false;
    *status = INIT_NO_KERNEL_MEMORY;
    return make_thread(process, plan, &program);
}

struct process *process_create(const struct process_plan *plan, enum init_status *status) {
    struct archive_file file;
    *status = INIT_NO_FILE;
    if (!file_find(plan->file, &file))
        return NULL;
    struct process *process = process_slot();
    *status = INIT_TOO_MANY;
    if (!process)
        return NULL;
    copy_name(process->name, sizeof(process->name), plan->name);
    copy_name(process->file, sizeof(process->file), plan->file);
    process->pd = selector_take();
    process->thread = process->buffer = NO_SELECTOR;
    *status = INIT_NO_KERNEL_MEMORY;
    uint64_t schedule = SCHEDULE(plan->priority, plan->weight ? plan->weight : 256, plan->cap_percent);
    if (sys_create_pd(process->pd, plan->selectors, plan->quota_bytes, supervisor_semaphore) == OK &&
        sys_pd_control(process->pd, PD_SET_SCHEDULE, schedule).status == OK && equip(process, plan, &file, status))
        return process;
    process_destroy(process);
    return NULL;
}

bool process_give_at(struct process *process, uint64_t target, uint64_t selector, unsigned rights) {
    return sys_delegate(SELECTOR_SELF, selector, process->pd, target, rights | DELEGATE_CAPABILITY) == OK;
}

bool process_give(struct process *process, const char *name, uint64_t selector, unsigned rights) {
    struct startup *startup = process->startup;
    if (startup->capabilities == STARTUP_CAPABILITIES ||
        !process_give_at(process, process->next_selector, selector, rights))
        return false;
    struct startup_capability *capability = &startup->capability[startup->capabilities++];
    copy_name(capability->name, sizeof(capability->name), name);
    capability->selector = process->next_selector++;
    return true;
}

bool process_name_window(struct process *process, const char *name, uint64_t address, uint64_t bytes, unsigned rights) {
    struct startup *startup = process->startup;
    if (startup->windows == STARTUP_WINDOWS)
        return false;
    struct startup_window *window = &startup->window[startup->windows++];
    copy_name(window->name, sizeof(window->name), name);
    window->address = address;
    window->size = bytes;
    window->rights = rights;
    return true;
}

static uint64_t next_window(struct process *process, uint64_t bytes) {
    uint64_t address = process->next_window;
    process->next_window += ((bytes + WINDOW_ROUND - 1) & ~(WINDOW_ROUND - 1)) + WINDOW_ROUND;
    return address;
}

uint64_t process_map_window(struct process *process, const char *name, uint64_t hpa, uint64_t bytes, unsigned rights) {
    uint64_t offset = hpa % WINDOW_ROUND, inside = hpa % PAGE_SIZE,
             address = next_window(process, bytes + offset) + offset;
    if (!physical_map(process->pd, address - inside, hpa - inside, bytes + inside, rights, false) ||
        !process_name_window(process, name, address, bytes, rights))
        return 0;
    return address;
}

bool process_give_window(struct process *process, const char *name, uint64_t address, uint64_t bytes) {
    if (address == 0)
        address = next_window(process, bytes);
    return physical_give(process->pd, address, bytes, DELEGATE_READ | DELEGATE_WRITE, process->account) &&
           process_name_window(process, name, address, bytes, DELEGATE_READ | DELEGATE_WRITE);
}

bool process_start(struct process *process) {
    return sys_thread_control(process->thread, THREAD_START, 0, 0, 0) == OK;
}

void process_break(struct process *process) {
    struct archive_file file;
    struct elf_program program;
    if (!file_find(process->file, &file) || elf_read(archive_data(&file), file.size, &program))
        return;
    for (uint32_t i = 0; i < program.segments; i++)
        if (program.segment[i].rights & DELEGATE_EXECUTE)
            physical_unmap(process->pd, program.segment[i].address, program.segment[i].memory_bytes);
    (void)sys_thread_control(process->thread, THREAD_SIGNAL, UINT64_MAX, 0, 0); // it may wait
}

void process_destroy(struct process *process) {
    if (process->startup)
        physical_unmap(SELECTOR_SELF, (uint64_t)process->startup, PAGE_SIZE);
    selector_give(process->pd);
    selector_give(process->thread);
    selector_give(process->buffer);
    ledger_release(&ledger, process->account);
    process->used = false;
}

bool process_fault(const struct process *process, struct pd_fault *fault) {
    if (sys_pd_control(process->pd, PD_GET_FAULT, 0).status != OK)
        return false;
    memcpy(fault, init_buffer()->result, sizeof(*fault));
    return true;
}

static void pd_statistics(uint64_t pd, struct pd_statistics *statistics) {
    memset(statistics, 0, sizeof(*statistics));
    if (sys_pd_control(pd, PD_GET, 0).status == OK)
        memcpy(statistics, init_buffer()->result, sizeof(*statistics));
}

void process_statistics(const struct process *process, struct pd_statistics *statistics) {
    pd_statistics(process->pd, statistics);
}

void process_totals(uint64_t *capabilities, uint64_t *threads) {
    struct pd_statistics statistics;
    pd_statistics(SELECTOR_SELF, &statistics);
    *capabilities = statistics.capabilities;
    *threads = statistics.threads;
    for (uint32_t i = 0; i < PROCESSES; i++) {
        if (!processes[i].used)
            continue;
        process_statistics(&processes[i], &statistics);
        *capabilities += statistics.capabilities;
        *threads += statistics.threads;
    }
}
