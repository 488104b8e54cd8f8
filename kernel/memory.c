// The core's memory: choice of pool and frame table in the machine's, and page tables with each right on its own pages.
#include "kernel/memory.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/last_log.h"
#include "kernel/log.h"
#include "kernel/object.h"
#include "kernel/pagetable.h"
#include "kernel/panic.h"
#include "lib/lines.h"
#include "lib/string.h"

#define LARGE           (2ull << 20)
#define POOL_BASE       (6ull << 20) // for the core itself, and for the quotas of dom0's servers
#define POOL_MAX        ((uint64_t)POOL_WORDS_MAX * 64 * PAGE_SIZE)
#define BOOT_TABLES_TOP (4ull << 30)
#define DEVICES_MAX     16u

struct pool pool;
uint64_t pool_base;
struct frame_table frame_table;
uint64_t kernel_root_hpa;
uint64_t *kernel_root;

static uint64_t device_pages[DEVICES_MAX];
static unsigned device_count;
static uint64_t stack_next = STACK_WINDOW;

extern char kernel_image_start[], kernel_text_start[], kernel_text_end[], kernel_rodata_end[], kernel_lines[];

static uint64_t image_hpa(const char *symbol) {
    return (uint64_t)(uintptr_t)symbol - KERNEL_BASE;
}

// The table of functions and lines is the image's last part, as long as it says.
static uint64_t image_end(void) {
    uint64_t end = (uint64_t)(uintptr_t)kernel_lines + ((const struct lines_header *)(const void *)kernel_lines)->bytes;
    return (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static bool overlaps(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end) {
    return a < b_end && b < a_end;
}

static bool taken(const struct boot_info *info, uint64_t base, uint64_t end) {
    uint64_t archive_end = (info->archive_base + info->archive_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    if (overlaps(base, end, info->archive_base, archive_end) ||
        overlaps(base, end, image_hpa(kernel_image_start), image_end() - KERNEL_BASE))
        return true;
    for (uint32_t i = 0; i < info->memory_ranges; i++)
        if (info->memory[i].kind != BOOT_MEMORY_FREE &&
            overlaps(base, end, info->memory[i].base, info->memory[i].base + info->memory[i].size))
            return true;
    return false;
}

bool memory_is_free(const struct boot_info *info, uint64_t base, uint64_t end) {
    for (uint32_t i = 0; i < info->memory_ranges; i++)
        if (info->memory[i].kind == BOOT_MEMORY_FREE && info->memory[i].base <= base &&
            end - info->memory[i].base <= info->memory[i].size)
            return !taken(info, base, end);
    return false;
}

void memory_note_kernel(struct boot_info *info, uint64_t base, uint64_t size) {
    if (info->memory_ranges == BOOT_MEMORY_RANGES)
        PANIC("more than %u memory ranges", BOOT_MEMORY_RANGES);
    info->memory[info->memory_ranges].base = base;
    info->memory[info->memory_ranges].size = size;
    info->memory[info->memory_ranges++].kind = BOOT_MEMORY_KERNEL;
}

// The highest 2 MiB-aligned run of free memory below 4 GiB, for the core; noted as such.
static uint64_t take_memory(struct boot_info *info, uint64_t size) {
    uint64_t best = 0;
    for (uint32_t i = 0; i < info->memory_ranges; i++) {
        uint64_t base = info->memory[i].base, end = base + info->memory[i].size;
        if (info->memory[i].kind != BOOT_MEMORY_FREE)
            continue;
        end = end < BOOT_TABLES_TOP ? end : BOOT_TABLES_TOP;
        if (end < size)
            continue;
        for (uint64_t at = (end - size) & ~(LARGE - 1); at >= base && at > best && at >= LARGE; at -= LARGE)
            if (!taken(info, at, at + size)) {
                best = at;
                break;
            }
    }
    if (!best)
        PANIC("no %llu MiB of free memory for the core below 4 GiB", (unsigned long long)size >> 20);
    memory_note_kernel(info, best, size);
    return best;
}

// Entry for a page of the core's tables, made from the pool on the way. Boot only.
static uint64_t *kernel_entry(uint64_t address, unsigned level) {
    uint64_t *table = kernel_root;
    for (unsigned at = PAGETABLE_LEVELS - 1; at > level; at--) {
        uint64_t *entry = &table[pte_index(address, at)];
        if (!*entry) {
            uint64_t page = pool_take(&pool, 1);
            ASSERT(page != POOL_NONE);
            uint64_t hpa = pool_base + page * PAGE_SIZE;
            // Before the pool's window is there, the boot tables map it to itself.
            uint64_t *below = read_cr3() == kernel_root_hpa ? pool_pointer(hpa) : (uint64_t *)hpa;
            memset(below, 0, PAGE_SIZE);
            *entry = hpa | PTE_PRESENT | PTE_WRITE;
        }
        uint64_t below = *entry & PTE_ADDRESS;
        table = read_cr3() == kernel_root_hpa ? pool_pointer(below) : (uint64_t *)below;
    }
    return &table[pte_index(address, level)];
}

static void map_range(uint64_t address, uint64_t hpa, uint64_t size, uint64_t flags) {
    for (uint64_t at = 0; at < size;) {
        bool large = (address + at) % LARGE == 0 && (hpa + at) % LARGE == 0 && size - at >= LARGE;
        *kernel_entry(address + at, large ? 1 : 0) =
            (hpa + at) | flags | PTE_PRESENT | PTE_GLOBAL | (large ? PTE_LARGE : 0);
        at += large ? LARGE : PAGE_SIZE;
    }
}

static void map_image(void) {
    uint64_t text = (uint64_t)(uintptr_t)kernel_text_start, rodata = (uint64_t)(uintptr_t)kernel_text_end;
    uint64_t data = (uint64_t)(uintptr_t)kernel_rodata_end, lines = (uint64_t)(uintptr_t)kernel_lines;
    map_range(text, text - KERNEL_BASE, rodata - text, 0);
    map_range(rodata, rodata - KERNEL_BASE, data - rodata, PTE_NX);
    map_range(data, data - KERNEL_BASE, lines - data, PTE_NX | PTE_WRITE);
    map_range(lines, lines - KERNEL_BASE, image_end() - lines, PTE_NX);
}

uint64_t memory_top(const struct boot_info *info, uint64_t limit) {
    uint64_t top = 0;
    for (uint32_t i = 0; i < info->memory_ranges; i++) {
        uint64_t base = info->memory[i].base, end = base + info->memory[i].size;
        end = end < limit ? end : limit;
        if (info->memory[i].kind == BOOT_MEMORY_FREE && base < limit && end > top)
            top = end;
    }
    return top;
}

static void own_frames(uint64_t base, uint64_t size) {
    for (uint64_t frame = base >> PAGE_SHIFT; frame < (base + size) >> PAGE_SHIFT && frame < frame_table.count; frame++)
        frame_table.frames[frame].owner = FRAME_OWNER_KERNEL;
}

// A domain takes about half a MiB and a thousandth of its memory: the pool is enough for domains of 64 MiB each, or for
// page tables of 4 KiB pages over all memory, seen twice.
void memory_init(struct boot_info *info) {
    uint64_t top = memory_top(info, UINT64_MAX), size = (POOL_BASE + top / 128 + LARGE - 1) & ~(LARGE - 1);
    size = size > POOL_MAX ? POOL_MAX : size;
    uint64_t image = image_hpa(kernel_image_start), image_size = image_end() - KERNEL_BASE - image;
    memory_note_kernel(info, image, image_size);
    pool_base = take_memory(info, size);
    pool.pages = size / PAGE_SIZE;
    uint64_t frames_size = ((top >> PAGE_SHIFT) * sizeof(struct frame) + LARGE - 1) & ~(LARGE - 1);
    uint64_t frames_hpa = take_memory(info, frames_size);

    kernel_root_hpa = pool_base + pool_take(&pool, 1) * PAGE_SIZE;
    kernel_root = (uint64_t *)kernel_root_hpa;
    memset(kernel_root, 0, PAGE_SIZE);
    map_image();
    map_range(POOL_WINDOW, pool_base, size, PTE_NX | PTE_WRITE);
    map_range(FRAME_WINDOW, frames_hpa, frames_size, PTE_NX | PTE_WRITE);
    // Write-through: what a reset leaves of the log is in memory, not in a cache.
    map_range(LOG_WINDOW, last_log_hpa(), KEPT_LOG_BYTES, PTE_NX | PTE_WRITE | PTE_PWT);
    kernel_entry(DEVICE_WINDOW, 0); // so that every space shares the tables below the top one
    kernel_entry(STACK_WINDOW, 0);
    write_cr3(kernel_root_hpa);
    kernel_root = pool_pointer(kernel_root_hpa);
    log_keep((struct kept_log *)LOG_WINDOW);

    frame_table.frames = (struct frame *)FRAME_WINDOW;
    frame_table.count = top >> PAGE_SHIFT;
    memset(frame_table.frames, 0, frames_size);
    own_frames(image, image_size);
    own_frames(last_log_hpa(), KEPT_LOG_BYTES);
    own_frames(pool_base, size);
    own_frames(frames_hpa, frames_size);
    info->kernel_pool_bytes = size;
    core_info.pool_pages = pool.pages;
}

void *memory_map_device(uint64_t hpa) {
    ASSERT(device_count < DEVICES_MAX);
    uint64_t address = DEVICE_WINDOW + device_count * PAGE_SIZE;
    device_pages[device_count++] = hpa;
    *kernel_entry(address, 0) = hpa | PTE_PRESENT | PTE_WRITE | PTE_PCD | PTE_PWT | PTE_NX | PTE_GLOBAL;
    return (void *)address;
}

bool memory_is_kernel_device(uint64_t hpa, uint64_t pages) {
    for (unsigned i = 0; i < device_count; i++)
        if (device_pages[i] >= hpa && device_pages[i] - hpa < pages * PAGE_SIZE)
            return true;
    return false;
}

void *memory_map_stack(unsigned pages) {
    void *memory = pages_allocate(NULL, pages);
    if (!memory)
        return NULL;
    uint64_t base = stack_next + PAGE_SIZE;
    stack_next = base + pages * PAGE_SIZE;
    map_range(base, pool_address(memory), pages * PAGE_SIZE, PTE_WRITE | PTE_NX);
    return (void *)stack_next;
}
