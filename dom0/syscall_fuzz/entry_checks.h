// States that fail one check at entry each, as docs/entry-checks.md has them, and good ones that they are made of.
#pragma once
#include "kernel/abi.h"

// Modes of good states. Each runs CPUID at ENTRY_CODE, in one page of memory at 0 that is all its page tables, too.
enum entry_mode { ENTRY_REAL, ENTRY_PROTECTED, ENTRY_VM86, ENTRY_PAE, ENTRY_LONG, ENTRY_MODES };

#define ENTRY_CODE 0x100u
#define ENTRY_PDPT 0x20u // of PAE paging: its entries have no accessed bit

#define ENTRY_CHANGES 3u

// Who refuses it
#define ENTRY_VTX  1u
#define ENTRY_AMDV 2u

struct entry_check {
    const char *name;
    uint8_t mode;    // enum entry_mode
    uint8_t refused; // ENTRY_*
    struct {
        uint16_t offset; // of 8 bytes in the state page; 0: nothing
        uint64_t clear, set;
    } change[ENTRY_CHANGES];
};

extern const struct entry_check entry_checks[];
extern const unsigned entry_check_count;

// Fills the page of memory.
void entry_memory(uint8_t *memory);
// Writes the good state of a mode to a state page whose registers are 0.
void entry_state(struct vcpu_page *page, enum entry_mode mode);
// Makes it fail a check.
void entry_spoil(struct vcpu_page *page, const struct entry_check *check);
