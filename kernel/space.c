// Page tables of host-virtual and guest-physical spaces.
#include "kernel/space.h"
#include "kernel/cpu.h"
#include "kernel/ept.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/pagetable.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/vendor.h"
#include "lib/string.h"

#define ADDRESS_TOP (1ull << 47)
#define HPA_TOP     (1ull << 46)

bool space_init(struct space *space, struct pd *pd, enum space_use use) {
    space->root = pages_allocate(pd, 1);
    if (!space->root)
        return false;
    space->pd = pd;
    space->use = (uint8_t)use;
    space->ept = use == SPACE_GUEST && vendor && vendor->id == HOST_VENDOR_VMX;
    space->root_hpa = pool_address(space->root);
    if (use == SPACE_HOST)
        memcpy(space->root + 256, kernel_root + 256, 256 * sizeof(uint64_t));
    return true;
}

// The table of `level` that covers an address; null if there is none. With `create`, makes it: null then means that
// memory is used up. *leaf_above tells that a larger page is in the way.
static uint64_t *table_walk(struct space *space, uint64_t address, unsigned level, bool create, bool *leaf_above) {
    uint64_t *table = space->root;
    *leaf_above = false;
    for (unsigned at = PAGETABLE_LEVELS - 1; at > level; at--) {
        uint64_t *entry = &table[pte_index(address, at)];
        if (!(*entry & PTE_PRESENT)) {
            uint64_t *below = create ? pages_allocate(space->pd, 1) : NULL;
            if (!below)
                return NULL;
            *entry = pool_address(below) | (space->ept ? EPT_TABLE : PTE_TABLE);
        } else if (!pte_is_table(*entry, at)) {
            *leaf_above = true;
            return NULL;
        }
        table = pool_pointer(*entry & PTE_ADDRESS);
    }
    return table;
}

bool space_lookup(const struct space *space, uint64_t address, struct space_leaf *leaf) {
    const uint64_t *table = space->root;
    if (address >= ADDRESS_TOP)
        return false;
    for (unsigned level = PAGETABLE_LEVELS; level-- > 0;) {
        uint64_t entry = table[pte_index(address, level)];
        if (!(entry & PTE_PRESENT) || (entry & PTE_KERNEL))
            return false;
        if (pte_is_table(entry, level)) {
            table = pool_pointer(entry & PTE_ADDRESS);
            continue;
        }
        uint64_t inside = address & ((PAGE_SIZE << (9 * level)) - 1) & ~(PAGE_SIZE - 1);
        bool uncached = space->ept ? (entry & EPT_WRITE_BACK) == 0 : (entry & PTE_PCD) != 0;
        *leaf = (struct space_leaf){pte_address(entry, level) + inside, 9 * level,
                                    space->ept ? ept_rights(entry) : pte_rights(entry), uncached};
        return true;
    }
    return false;
}

enum block_content { BLOCK_FREE, BLOCK_SAME, BLOCK_OTHER };

// What the entries of a block hold: nothing, leaves of just these frames, or anything else. (No table is empty.)
static enum block_content block_content(const uint64_t *entries, struct block block, uint64_t hpa) {
    unsigned same = 0;
    for (unsigned i = 0; i < block.entries; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PTE_PRESENT))
            continue;
        if (pte_is_table(entry, block.level) || (entry & PTE_KERNEL) ||
            pte_address(entry, block.level) != hpa + i * (PAGE_SIZE << (9 * block.level)))
            return BLOCK_OTHER;
        same++;
    }
    if (same == 0)
        return BLOCK_FREE;
    return same == block.entries ? BLOCK_SAME : BLOCK_OTHER;
}

// Makes translations that were taken away or reduced unreachable on all CPUs.
static void space_shoot_down(struct space *space) {
    space->generation++;
    count(COUNTER_SHOOTDOWN);
    cpu_unload_everywhere(space);
}

// Tables on the way to an address in which nothing is present, taken out of the tables above them. To be freed, first
// the lowest, when no CPU can have them any more.
struct trimmed {
    uint64_t *tables[PAGETABLE_LEVELS - 1];
    unsigned count;
};

static bool table_absent(const uint64_t *table) {
    for (unsigned i = 0; i < 512; i++)
        if (table[i] & PTE_PRESENT)
            return false;
    return true;
}

static struct trimmed tables_trim(struct space *space, uint64_t address) {
    uint64_t *above[PAGETABLE_LEVELS - 1], *table = space->root;
    struct trimmed trimmed = {.count = 0};
    unsigned depth = 0;
    for (unsigned at = PAGETABLE_LEVELS - 1; pte_is_table(table[pte_index(address, at)], at); at--) {
        above[depth] = &table[pte_index(address, at)];
        table = pool_pointer(*above[depth++] & PTE_ADDRESS);
    }
    while (depth-- > 0 && table_absent(table)) {
        *above[depth] = 0;
        trimmed.tables[trimmed.count++] = table;
        table = (uint64_t *)((uintptr_t)above[depth] & ~(PAGE_SIZE - 1));
    }
    return trimmed;
}

static void trimmed_free(const struct space *space, const struct trimmed *trimmed) {
    for (unsigned i = 0; i < trimmed->count; i++)
        pages_free(space->pd, trimmed->tables[i], 1);
}

// After a mapping that failed: no empty table stays.
static void tables_discard(struct space *space, uint64_t address) {
    struct trimmed trimmed = tables_trim(space, address);
    if (trimmed.count)
        space_shoot_down(space);
    trimmed_free(space, &trimmed);
}

static void block_write(struct space *space, uint64_t *entries, struct block block, uint64_t hpa, unsigned rights,
                        bool uncached) {
    bool had_leaves = entries[0] & PTE_PRESENT;
    for (unsigned i = 0; i < block.entries; i++) {
        uint64_t leaf_hpa = hpa + i * (PAGE_SIZE << (9 * block.level));
        entries[i] = space->ept ? ept_make(leaf_hpa, rights, uncached, block.level)
                                : pte_make(leaf_hpa, rights, uncached, block.level);
    }
    if (had_leaves)
        space_shoot_down(space); // of the same frames, never absent in between: another CPU may be using them
}

static int map_block(struct space *space, uint64_t address, uint64_t hpa, unsigned order, unsigned rights,
                     bool uncached, uint32_t owner) {
    struct block block = block_of(order);
    bool leaf_above;
    uint64_t *table = table_walk(space, address, block.level, true, &leaf_above);
    if (!table)
        return leaf_above ? ERROR_BUSY : ERROR_MEMORY;
    uint64_t *entries = table + pte_index(address, block.level);
    enum block_content content = block_content(entries, block, hpa);
    if (content == BLOCK_OTHER)
        return ERROR_BUSY;
    if (content == BLOCK_FREE) {
        if (!frame_can_map(&frame_table, hpa >> PAGE_SHIFT, 1ull << order, owner != FRAME_OWNER_NONE))
            return ERROR_BUSY;
        frame_map(&frame_table, hpa >> PAGE_SHIFT, 1ull << order, owner);
    }
    block_write(space, entries, block, hpa, rights, uncached);
    return OK;
}

int space_map(struct space *space, uint64_t address, uint64_t hpa, unsigned order, unsigned rights, bool uncached,
              uint32_t owner) {
    if (!block_at(address, order, ADDRESS_TOP) || !block_at(hpa, order, HPA_TOP) || rights == 0)
        return ERROR_ARGUMENT;
    // No code at the very end: a SYSCALL there would come back to an address that SYSRET faults on in the core.
    if (space->use == SPACE_HOST && address + (PAGE_SIZE << order) > USER_TOP)
        return ERROR_ARGUMENT;
    if (order == BLOCK_ORDER_MAX && !host.pages_1g)
        return ERROR_FEATURE;
    int status = map_block(space, address, hpa, order, rights, uncached, owner);
    if (status != OK)
        tables_discard(space, address);
    return status;
}

// Runs over the entries of a block and the tables below. Is any the core's?
static bool has_kernel_page(const uint64_t *entries, unsigned n, unsigned level) {
    for (unsigned i = 0; i < n; i++)
        if (pte_is_table(entries[i], level) ? has_kernel_page(pool_pointer(entries[i] & PTE_ADDRESS), 512, level - 1)
                                            : (entries[i] & PTE_KERNEL) != 0)
            return true;
    return false;
}

// Counts the frames of leaves down and frees the tables, of entries that no CPU can have any more.
static void entries_forget(struct space *space, uint64_t *entries, unsigned n, unsigned level) {
    for (unsigned i = 0; i < n; i++) {
        uint64_t entry = entries[i];
        if (!entry)
            continue;
        if (level > 0 && !(entry & PTE_LARGE)) {
            uint64_t *below = pool_pointer(entry & PTE_ADDRESS);
            entries_forget(space, below, 512, level - 1);
            pages_free(space->pd, below, 1);
        } else if (!(entry & PTE_KERNEL)) {
            frame_unmap(&frame_table, pte_address(entry, level) >> PAGE_SHIFT, 1ull << (9 * level));
        }
        entries[i] = 0;
    }
}

// Takes away what `n` entries of the table of `level` on the way to an address hold.
static void entries_remove(struct space *space, uint64_t address, uint64_t *entries, unsigned n, unsigned level) {
    for (unsigned i = 0; i < n; i++)
        entries[i] &= ~PTE_TABLE_RIGHTS;
    struct trimmed trimmed = tables_trim(space, address);
    space_shoot_down(space);
    entries_forget(space, entries, n, level);
    trimmed_free(space, &trimmed);
}

int space_unmap(struct space *space, uint64_t address, unsigned order) {
    if (!block_at(address, order, ADDRESS_TOP))
        return ERROR_ARGUMENT;
    struct block block = block_of(order);
    bool leaf_above;
    uint64_t *table = table_walk(space, address, block.level, false, &leaf_above);
    if (!table)
        return leaf_above ? ERROR_SPLIT : OK;
    uint64_t *entries = table + pte_index(address, block.level);
    if (has_kernel_page(entries, block.entries, block.level))
        return ERROR_BUSY;
    entries_remove(space, address, entries, block.entries, block.level);
    return OK;
}

int space_map_kernel_page(struct space *space, uint64_t address, uint64_t hpa, bool writable) {
    return space_map_init_page(space, address, hpa, (unsigned)(DELEGATE_READ | (writable ? DELEGATE_WRITE : 0)));
}

int space_map_init_page(struct space *space, uint64_t address, uint64_t hpa, unsigned rights) {
    if (address % PAGE_SIZE || address >= USER_TOP)
        return ERROR_ARGUMENT;
    bool leaf_above;
    uint64_t *table = table_walk(space, address, 0, true, &leaf_above);
    if (!table) {
        tables_discard(space, address);
        return leaf_above ? ERROR_BUSY : ERROR_MEMORY;
    }
    uint64_t *entry = &table[pte_index(address, 0)];
    if (*entry)
        return ERROR_BUSY;
    *entry = pte_make(hpa, rights, false, 0) | PTE_KERNEL;
    return OK;
}

void space_unmap_kernel_page(struct space *space, uint64_t address) {
    bool leaf_above;
    uint64_t *table = table_walk(space, address, 0, false, &leaf_above);
    ASSERT(table && (table[pte_index(address, 0)] & PTE_KERNEL));
    entries_remove(space, address, &table[pte_index(address, 0)], 1, 0);
}

// The entry of the first large page in a table of `level` or below, its address and its level; null: there is none.
static uint64_t *large_first(uint64_t *table, unsigned entries, unsigned level, uint64_t *address,
                             unsigned *found_level) {
    for (unsigned i = 0; i < entries; i++) {
        uint64_t *found = table[i] & PTE_LARGE ? &table[i] : NULL;
        *found_level = level;
        if (level > 1 && pte_is_table(table[i], level))
            found = large_first(pool_pointer(table[i] & PTE_ADDRESS), 512, level - 1, address, found_level);
        if (found) {
            *address += (uint64_t)i << (PAGE_SHIFT + 9 * level);
            return found;
        }
    }
    return NULL;
}

bool space_shrink(struct space *space, unsigned *pages) {
    for (;; --*pages) {
        uint64_t address = 0;
        unsigned level, entries = space->use == SPACE_HOST ? 256 : 512;
        uint64_t *entry = large_first(space->root, entries, PAGETABLE_LEVELS - 1, &address, &level);
        if (!entry || *pages == 0)
            return !entry;
        entries_remove(space, address, entry, 1, level);
    }
}

void space_destroy(struct space *space) {
    space_shoot_down(space);
    entries_forget(space, space->root, space->use == SPACE_HOST ? 256 : 512, PAGETABLE_LEVELS - 1);
    pages_free(space->pd, space->root, 1);
    space->root = NULL;
}
