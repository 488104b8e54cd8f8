// What init tells a server when it starts it: a page, mapped read-only at a fixed address, that names the capabilities
// and memory windows which the manifest's line gives it.
#pragma once
#include "kernel/abi.h"

#define STARTUP_ADDRESS   0x200000ull
#define STARTUP_MESSAGE   0x201000ull // message buffer of the first thread
#define STARTUP_STACK_TOP 0x1f0000ull // 64 KiB, with unmapped pages under it
#define STARTUP_MAGIC     0x31535442484b4c42ull
#define STARTUP_VERSION   1u

#define STARTUP_CAPABILITIES 40u
#define STARTUP_WINDOWS      24u

// Selectors: SELECTOR_SELF and SELECTOR_THREAD (its first thread) are always there; what startup names lies from
// SELECTOR_FIRST_FREE on; from SELECTOR_OWN on the table is the server's. Tables of servers, not of VMMs, go on with
// places that a protocol numbers: a semaphore or portal each for channels or domains.
#define SELECTOR_OWN      128u
#define SELECTOR_NUMBERED 512u
#define SELECTORS_SERVER  1024u

struct startup_capability {
    char name[24];
    uint64_t selector;
};

struct startup_window {
    char name[48];
    uint64_t address, size; // bytes; the mapping is of whole pages
    uint32_t rights;        // DELEGATE_*
    uint32_t reserved;
};

struct startup {
    uint64_t magic;
    uint32_t version;
    uint32_t cpu; // of the first thread
    char name[32];
    uint64_t tsc_hz;
    uint64_t boot_tsc;     // TSC at the core's start
    uint64_t wall_seconds; // since 1970, UTC, at wall_tsc
    uint64_t wall_tsc;
    uint64_t heap_base, heap_size; // zeroed memory for its own use
    uint64_t incarnation;          // 0 for the first start, then how often it was started again
    struct boot_feature features[BOOT_FEATURES];
    uint32_t capabilities, windows;
    struct startup_capability capability[STARTUP_CAPABILITIES];
    struct startup_window window[STARTUP_WINDOWS];
};
_Static_assert(sizeof(struct startup) <= PAGE_SIZE, "startup page");

// The selector of a capability by its name; NO_SELECTOR if it was not given.
uint64_t startup_capability(const struct startup *startup, const char *name);

// A window by its name; null if it was not given.
const struct startup_window *startup_window(const struct startup *startup, const char *name);
