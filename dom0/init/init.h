// Inside of init: what its parts share.
#pragma once
#include "dom0/init/archive.h"
#include "dom0/init/ledger.h"
#include "kernel/abi.h"
#include "lib/protocol_console.h"
#include "lib/protocol_init.h"
#include "lib/startup.h"
#include "lib/syscall.h"

// init's address space beside what the core puts there
#define INIT_ARCHIVE       0x1000000000ull // the boot archive, at the same offset within 2 MiB
#define INIT_STARTUPS      0x2000000000ull // startup page of process i: + i * PAGE_SIZE
#define INIT_SCRATCH       0x3000000000ull // 2 MiB for zeroing and loading
#define INIT_PEEK          0x3001000000ull // a page of a server that ended, for its backtrace
#define INIT_EXCHANGE      0x3002000000ull // shared with the domain manager
#define INIT_DIRECTORY     0x3003000000ull // read by the console
#define INIT_LOG           0x3004000000ull // init's own log channel
#define INIT_CORE_INFO     0x3005000000ull
#define INIT_KEPT_LOG      0x3006000000ull // what the next boot finds of init's log
#define INIT_LAST_LOG_TEXT 0x3007000000ull // what this boot has found
#define INIT_CONFIGS       0x3008000000ull // configuration of the domain in slot i: + i * PAGE_SIZE
#define INIT_ACPI          0x3200000000ull // tables, while power.c reads them

#define ACCOUNT_INIT  1u // init's own and what servers share
#define ACCOUNT_FIRST 2u

#define EVENT_SUPERVISOR 0 // event bit: a protection domain has ended

#define boot_page ((const struct boot_info *)INIT_BOOT_INFO)

static inline struct message_buffer *init_buffer(void) {
    return (struct message_buffer *)INIT_MESSAGE;
}

_Noreturn void init_main(void);

// log.c: a line to init's log channel, for the console to show; and to the UART when none will.
void init_log(const char *message, ...) __attribute__((format(printf, 1, 2)));
// From now on the console prints.
void init_log_console_runs(void);
// The console has ended: init prints what it left unread, and all that comes.
void init_log_console_gone(void);
// All servers are started: if no console is among them, nobody but init will print what was kept for it.
void init_log_servers_started(void);

// main.c
extern uint64_t supervisor_semaphore;
uint64_t now_tsc(void);

// selectors.c: selectors of init's own table.
uint64_t selector_take(void);
void selector_give(uint64_t selector); // destroys nothing; the slot must be empty or its object is destroyed here

// physical.c: frames and mappings.
extern struct ledger ledger;
// Fills the ledger from the boot information.
void physical_init(void);
// Maps [hpa, hpa + bytes) at `address` of a protection domain, in the largest pages that fit. False: out of kernel
// memory.
bool physical_map(uint64_t pd, uint64_t address, uint64_t hpa, uint64_t bytes, unsigned rights, bool own);
void physical_unmap(uint64_t pd, uint64_t address, uint64_t bytes);
// Zeroed memory of an account, mapped at `address` of a protection domain (2 MiB pages where address and size allow).
// False: not enough; what was mapped so far stays, for the account's release.
bool physical_give(uint64_t pd, uint64_t address, uint64_t bytes, unsigned rights, uint32_t account);
// Zeroed contiguous frames of an account, not mapped; LEDGER_NONE (page number) if there are none.
uint64_t physical_take(uint64_t pages, uint32_t account);
// Zeroes frames. False: out of kernel memory.
bool physical_zero(uint64_t first, uint64_t pages);

// Gives frames of an account back that nothing maps any more.
void ledger_give(uint64_t first, uint64_t pages);

// files.c: the archive.
const void *archive_data(const struct archive_file *file);
uint64_t archive_hpa(const struct archive_file *file);
bool file_find(const char *name, struct archive_file *file);
bool file_by_index(uint64_t index, struct archive_file *file);
void files_init(void);

// power.c
void power_off(void); // returns if the machine does not say how
_Noreturn void power_restart(void);
