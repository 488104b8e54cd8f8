// The core's own memory: where its windows lie, and how addresses turn into each other.
#pragma once
#include "kernel/abi.h"
#include "kernel/frame.h"
#include "kernel/pool.h"

#define KERNEL_BASE   0xffffffff80000000ull // the image: virtual = physical + KERNEL_BASE
#define POOL_WINDOW   0xffff900000000000ull
#define FRAME_WINDOW  0xffffa00000000000ull
#define DEVICE_WINDOW 0xffffb00000000000ull // local APIC, I/O APICs: one page each
#define STACK_WINDOW  0xffffc00000000000ull // kernel stacks with guard pages
#define LOG_WINDOW    0xffffd00000000000ull // the log, where the next boot finds it

extern struct pool pool;
extern uint64_t pool_base; // host-physical
extern struct frame_table frame_table;
extern uint64_t kernel_root_hpa;
extern uint64_t *kernel_root;

static inline void *pool_pointer(uint64_t hpa) {
    return (void *)(POOL_WINDOW + (hpa - pool_base));
}

static inline uint64_t pool_address(const void *pointer) {
    return (uint64_t)(uintptr_t)pointer - POOL_WINDOW + pool_base;
}

// Is all of it memory that nobody has taken yet? Boot only.
bool memory_is_free(const struct boot_info *info, uint64_t base, uint64_t end);
// End of the last free range that begins below `limit`, at most `limit`. Boot only.
uint64_t memory_top(const struct boot_info *info, uint64_t limit);
// Notes a range as the core's. Boot only.
void memory_note_kernel(struct boot_info *info, uint64_t base, uint64_t size);

// Chooses pool and frame table, builds the core's page tables with W^X, leaves the boot tables.
void memory_init(struct boot_info *info);

// Maps a page of device registers for the core; its frame is then nobody else's.
void *memory_map_device(uint64_t hpa);
// Is the page one that memory_map_device took?
bool memory_is_kernel_device(uint64_t first_page, uint64_t pages);

// A kernel stack of `pages` with an unmapped page under it; its top.
void *memory_map_stack(unsigned pages);
