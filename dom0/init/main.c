// init: takes over the machine from the core, starts the servers, and serves the domain manager.
#include "dom0/init/calls.h"
#include "dom0/init/channels.h"
#include "dom0/init/domains.h"
#include "dom0/init/init.h"
#include "dom0/init/last_log.h"
#include "dom0/init/servers.h"
#include "lib/speculation_text.h"

uint64_t supervisor_semaphore;

uint64_t now_tsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void serve(void) {
    uint64_t words = WAIT_NO_REPLY;
    for (;;) {
        struct syscall_result result = sys_reply_wait(words, 1ull << EVENT_SUPERVISOR, NO_DEADLINE);
        words = WAIT_NO_REPLY;
        if (result.status == OK && result.value == WAIT_MESSAGE) {
            words = calls_serve();
        } else if (result.status == OK) {
            servers_supervise();
            domains_supervise();
        }
    }
}

static void log_speculation(void) {
    char text[SPECULATION_TEXT_SIZE];
    speculation_text(boot_page->speculation, text, sizeof(text));
    init_log("against speculative execution: %s", text);
    speculation_open_text(boot_page->speculation, text, sizeof(text));
    init_log("against speculative execution open: %s", text);
}

void init_main(void) {
    (void)sys_delegate(SELECTOR_PORTS, 0x3f8, SELECTOR_SELF, 0x3f8,
                       DELEGATE_READ | DELEGATE_WRITE | DELEGATE_ORDER(3) | DELEGATE_PORT);
    supervisor_semaphore = selector_take();
    if (sys_create_semaphore(supervisor_semaphore, SELECTOR_SELF, 0, SELECTOR_THREAD, EVENT_SUPERVISOR) != OK)
        __builtin_trap();
    physical_init();
    channels_init();
    files_init();
    last_log_init();
    (void)sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_MAP_INFO, INIT_CORE_INFO, SELECTOR_SELF);
    init_log("%u CPUs, %llu MiB free, archive of %llu MiB", boot_page->cpus,
             (unsigned long long)ledger_pages(&ledger, LEDGER_FREE) / 256,
             (unsigned long long)boot_page->archive_size >> 20);
    if (!boot_page->vendor)
        init_log("no domains are possible: %s",
                 boot_page->vendor_reason[0] ? boot_page->vendor_reason : "this CPU has neither AMD-V nor VT-x");
    log_speculation();
    servers_start();
    init_log_servers_started();
    serve();
    __builtin_unreachable();
}
