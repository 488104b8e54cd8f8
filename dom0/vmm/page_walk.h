// The guest's own page tables: guest-virtual (linear) to guest-physical addresses, as the CPU walks them (SDM 3A 4,
// APM 2 5). Pure: guest memory is reached through callbacks.
#pragma once
#include "lib/control_registers.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Access: what it does, and with which privilege
#define ACCESS_WRITE   1u
#define ACCESS_EXECUTE 2u
#define ACCESS_USER    4u // CPL 3
#define ACCESS_AC      8u // RFLAGS.AC is set: SMAP lets supervisor data accesses pass

// Page-fault error code (SDM 3A 4.7)
#define PAGE_FAULT_PRESENT  1u
#define PAGE_FAULT_WRITE    2u
#define PAGE_FAULT_USER     4u
#define PAGE_FAULT_RESERVED 8u
#define PAGE_FAULT_FETCH    16u

#define PAGE_WALK_LEVELS 4

struct page_walk_registers {
    uint64_t cr0, cr3, cr4, efer;
    uint8_t physical_bits; // MAXPHYADDR of the guest
};

struct page_walk_memory {
    void *context;
    // Where [gpa, gpa+bytes), within one page, lies in this program; null if any of it is not RAM, or may not be
    // written.
    void *(*pointer)(void *context, uint64_t gpa, size_t bytes, bool write);
    // And what is read where it is not RAM: 1, 2, 4 or 8 bytes. A page table may well lie in a device's memory.
    uint64_t (*device_read)(void *context, uint64_t gpa, unsigned bytes);
};

enum page_walk_result {
    PAGE_WALK_OK,
    PAGE_WALK_FAULT, // error_code is that of #PF
};

struct page_walk {
    uint64_t gpa;
    uint32_t error_code;
    uint32_t page_bits; // log2 of the size of the page that maps it
    // The entries that led there, for who keeps the translation: it holds as long as they have these values.
    uint32_t entries, entry_bytes;
    bool in_device;                      // some of them are a device's: it holds never
    const void *entry[PAGE_WALK_LEVELS]; // null: of a device. Behind the last one it repeats, if there is one
    uint64_t value[PAGE_WALK_LEVELS];
};

// Translates `gva`, which is canonical (and below 4 GiB outside long mode), for an access. On success the accessed and
// dirty bits are set as the CPU sets them, where they lie in writable RAM, and `out` is filled; on PAGE_WALK_FAULT only
// error_code is.
enum page_walk_result page_walk(const struct page_walk_registers *registers, const struct page_walk_memory *memory,
                                uint64_t gva, unsigned access, struct page_walk *out);

// Do all entries still have the values that they had at the walk? False if any is a device's.
bool page_walk_still_valid(const struct page_walk *walk);
