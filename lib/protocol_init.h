// Calls of the domain manager to init, by portal "init": data[0] the operation, reply data[0] enum init_status.
#pragma once
#include "kernel/abi.h"
#include "lib/protocol_console.h"

enum init_operation {
    INIT_HOST = 1,       // reply from data[1]: struct init_host
    INIT_DOMAIN_CREATE,  // window "exchange": struct domain_config; reply data[1]: struct init_domain; the VMM starts
                         // paused
    INIT_DOMAIN_DESTROY, // data[1]: domid; ends its VMM and frees everything; reply when all is free
    INIT_DOMAIN_GET,     // data[1]: index from 0; reply from data[1]: struct init_domain; INIT_ABSENT past the last
    INIT_DOMAIN_FIND,    // data[1]: domid; the same
    INIT_DOMAIN_CONFIG,  // data[1]: domid; copies its struct domain_config to window "exchange"
    INIT_DOMAIN_UPDATE,  // data[1]: domid; takes window "exchange" as its configuration (name, actions ...), memory
                         // stays
    INIT_FILE_GET,       // data[1]: index; reply data[1] size, name from data[2], terminated; INIT_ABSENT past the last
    INIT_FILE_MAP, // name from data[1]; reply data[1] address, data[2] size in the caller's space, read-only, until the
                   // next one
    INIT_SERVER_GET, // data[1]: index; reply from data[1]: struct init_server
    INIT_POWER_OFF,  // returns only with INIT_ABSENT: the machine does not say how
    INIT_RESTART,    // does not return
    INIT_LAST_LOG,   // data[1]: offset; reply: data[1]: bytes of the last run's log that follow, data[2]: bytes in all,
                   // data[3]: enum kept_log_end (lib/kept_log.h), the bytes from data[4] on; INIT_ABSENT: none is known
    INIT_DEBUG_KEY, // data[1]: a character; INIT_ABSENT: no such key
    INIT_CRASH,     // name from data[1]: makes a server, or a domain's VMM ("domain NAME"), fault
};

enum init_status {
    INIT_OK,
    INIT_BAD_REQUEST,
    INIT_ABSENT,    // no such domain, file, server
    INIT_NO_MEMORY, // data[1]: bytes missing
    INIT_NO_KERNEL_MEMORY,
    INIT_TOO_MANY, // domains
    INIT_NO_FILE,  // name from data[1]: a file of the configuration is not aboard
    INIT_NO_VIRTUALIZATION,
};

struct init_host {
    uint64_t memory_bytes, free_bytes; // all, and not given to anybody
    uint64_t dom0_bytes;               // init's and the servers'
    uint64_t dom0_run_tsc;
    uint64_t largest_free_bytes;
    uint32_t cpus, vendor, has_iommu, domains;
    uint32_t speculation, reserved; // SPECULATION_*
    uint32_t cpu_signature, microcode;
    uint64_t tsc_hz, boot_tsc, pool_bytes;
    uint64_t capabilities, threads; // in use: of init, all servers and all VMMs
    char vendor_reason[128];
    char cpu_name[48];
};

#define INIT_LAST_LOG_BYTES 1984u // in a reply, at most

// Two channels of the console each, beside four of dom0.
#define INIT_DOMAINS 250u
_Static_assert(2 * INIT_DOMAINS + 4 <= CONSOLE_CHANNELS, "channels");
_Static_assert(SELECTOR_NUMBERED + CONSOLE_CHANNELS <= SELECTORS_SERVER, "selectors");

enum init_domain_state {
    INIT_DOMAIN_ALIVE = 1,
    INIT_DOMAIN_DEAD
}; // DEAD: its VMM has ended, memory is kept until DESTROY

struct init_domain {
    uint32_t domid, state;
    uint64_t memory_bytes; // all that is charged to its account
    uint64_t kernel_bytes;
    uint64_t run_tsc;
    uint64_t control;      // selector of the portal to its VMM, in the caller's table
    uint64_t page_address; // struct domain_page (lib/protocol_vmm.h) in the caller's space
    uint64_t channel;      // of its serial console, CONSOLE_CHANNELS if none
    uint64_t log_channel;
    uint64_t fault_vector; // DEAD: exception, or PD_FAULT_EXIT
    uint64_t fault_rip, exit_status;
    char name[64];
};
_Static_assert(sizeof(struct init_domain) <= 250 * 8, "fits into a message");

struct init_server {
    char name[32];
    uint32_t alive, restarts;
    uint64_t memory_bytes, kernel_bytes, run_tsc;
    uint64_t channel; // of its log
};

// Windows and events of the domain manager
#define INIT_EVENT_DOMAIN     8 // event bit of the domain manager's thread: a domain's page or state has changed
#define MANAGER_DOMAIN_PAGES  0x50000000ull // domain page of slot i: + i * MANAGER_DOMAIN_STRIDE
#define MANAGER_DOMAIN_STRIDE 0x10000ull
#define MANAGER_FILE_WINDOW   0x60000000ull
#define MANAGER_CONTROL       SELECTOR_NUMBERED // portal to the VMM of slot i: + i
