// A protection domain that init has made: a server or a domain's VMM, with its account of memory and its startup page.
#pragma once
#include "dom0/init/init.h"

#define PROCESSES (INIT_DOMAINS + 14u)

struct process {
    bool used;
    uint32_t index;
    char name[32];
    uint32_t account;
    uint64_t pd, thread, buffer; // selectors of init's table
    struct startup *startup;     // init's mapping of the page
    uint64_t startup_hpa;
    uint64_t next_selector; // in its table
    uint64_t next_window;   // address for the next window
    uint64_t file_offset;   // of its program in the archive, for symbols
    char file[64];
};

struct process_plan {
    const char *name, *file;
    unsigned priority, weight, cap_percent, cpu;
    uint64_t heap_bytes, quota_bytes;
    uint64_t selectors; // size of its table
    uint64_t incarnation;
};

// Makes a protection domain with its program loaded, heap, stack, thread (not started) and startup page. Null with
// *status (enum init_status) if something is missing; then nothing of it remains.
struct process *process_create(const struct process_plan *plan, enum init_status *status);
// Gives a capability of init's table under a name. False if its startup page or table is full.
bool process_give(struct process *process, const char *name, uint64_t selector, unsigned rights);
// Gives a capability at a fixed selector, without a name.
bool process_give_at(struct process *process, uint64_t target, uint64_t selector, unsigned rights);
// Tells of a window that was mapped by the caller.
bool process_name_window(struct process *process, const char *name, uint64_t address, uint64_t bytes, unsigned rights);
// Maps frames as a named window at the next free address; the address, or 0.
uint64_t process_map_window(struct process *process, const char *name, uint64_t hpa, uint64_t bytes, unsigned rights);
// Memory of its own as a named window at a given address (0: the next free one).
bool process_give_window(struct process *process, const char *name, uint64_t address, uint64_t bytes);
bool process_start(struct process *process);
// Takes its code away: it faults at the next instruction that it executes, with its registers and stack as they are.
void process_break(struct process *process);
// Ends it, and gives back all its memory, when no CPU can reach it any more.
void process_destroy(struct process *process);
// Its fault in init_buffer()->result; false if it lives.
bool process_fault(const struct process *process, struct pd_fault *fault);
void process_statistics(const struct process *process, struct pd_statistics *statistics);
// Of init and all processes together.
void process_totals(uint64_t *capabilities, uint64_t *threads);
struct process *process_by_index(uint32_t index);
