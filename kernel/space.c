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

// A naturally aligned block: n entries of the table of one level.
struct block {
    unsigned level, entries;
};

static struct block block_of(unsigned order) {
    unsigned level = order / 9;
    return (struct block){level, 1u << (order - 9 * level)};
}

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

static bool table_empty(const uint64_t *table) {
    for (unsigned i = 0; i < 512; i++)
        if (table[i])
            return false;
    return true;
}

enum block_content { BLOCK_FREE, BLOCK_SAME, BLOCK_OTHER };

// What the entries of a block hold: nothing (or empty tables), leaves of just these frames, or anything else.
static enum block_content block_content(const uint64_t *entries, struct block block, uint64_t hpa) {
    unsigned same = 0;
    for (unsigned i = 0; i < block.entries; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PTE_PRESENT))
            continue;
        if (pte_is_table(entry, block.level)) {
            if (!table_empty(pool_pointer(entry & PTE_ADDRESS)))
                return BLOCK_OTHER;
            continue;
        }
        if ((entry & PTE_KERNEL) || pte_address(entry, block.level) != hpa + i * (PAGE_SIZE << (9 * block.level)))
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

static void block_write(struct space *space, uint64_t *entries, struct block block, uint64_t hpa, unsigned rights,
                        bool uncached) {
    bool had_tables = false, had_leaves = false;
    for (unsigned i = 0; i < block.entries; i++) {
        bool table = pte_is_table(entries[i], block.level);
        had_leaves |= !table && (entries[i] & PTE_PRESENT);
        had_tables |= table;
        if (table)
            entries[i] &= ~PTE_TABLE_RIGHTS;
    }
    if (had_tables)
        space_shoot_down(space); // before the tables, which are empty, are freed
    for (unsigned i = 0; i < block.entries; i++) {
        uint64_t before = entries[i];
        uint64_t leaf_hpa = hpa + i * (PAGE_SIZE << (9 * block.level));
        entries[i] = space->ept ? ept_make(leaf_hpa, rights, uncached, block.level)
                                : pte_make(leaf_hpa, rights, uncached, block.level);
        if (before && !(before & PTE_LARGE) && block.level > 0)
            pages_free(space->pd, pool_pointer(before & PTE_ADDRESS), 1);
    }
    if (had_leaves)
        space_shoot_down(space); // of the same frames, never absent in between: another CPU may be using them
}

int space_map(struct space *space, uint64_t address, uint64_t hpa, unsigned order, unsigned rights, bool uncached,
              uint16_t owner) {
    struct block block = block_of(order);
    uint64_t bytes = PAGE_SIZE << order;
    if (order > 18 || address % bytes || hpa % bytes || address >= ADDRESS_TOP || hpa >= 1ull << 46 || rights == 0)
        return ERROR_ARGUMENT;
    // No code at the very end: a SYSCALL there would come back to an address that SYSRET faults on in the core.
    if (space->use == SPACE_HOST && address + bytes > USER_TOP)
        return ERROR_ARGUMENT;
    if (block.level == 2 && !host.pages_1g)
        return ERROR_FEATURE;
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

// Runs over the leaves in a block and its tables. Phase 0: is any the core's? 1: makes them absent, 2: forgets them.
static bool leaves_visit(uint64_t *entries, unsigned n, unsigned level, unsigned phase) {
    for (unsigned i = 0; i < n; i++) {
        uint64_t entry = entries[i];
        if (!entry)
            continue;
        if (pte_is_table(entry, level)) {
            if (!leaves_visit(pool_pointer(entry & PTE_ADDRESS), 512, level - 1, phase))
                return false;
        } else if (phase == 0 && (entry & PTE_KERNEL)) {
            return false;
        } else if (phase == 1) {
            entries[i] = entry & ~PTE_TABLE_RIGHTS;
        } else if (phase == 2) {
            frame_unmap(&frame_table, pte_address(entry, level) >> PAGE_SHIFT, 1ull << (9 * level));
            entries[i] = 0;
        }
    }
    return true;
}

int space_unmap(struct space *space, uint64_t address, unsigned order) {
    struct block block = block_of(order);
    if (order > 18 || address % (PAGE_SIZE << order) || address >= ADDRESS_TOP)
        return ERROR_ARGUMENT;
    bool leaf_above;
    uint64_t *table = table_walk(space, address, block.level, false, &leaf_above);
    if (!table)
        return leaf_above ? ERROR_SPLIT : OK;
    uint64_t *entries = table + pte_index(address, block.level);
    if (!leaves_visit(entries, block.entries, block.level, 0))
        return ERROR_BUSY;
    leaves_visit(entries, block.entries, block.level, 1);
    space_shoot_down(space);
    leaves_visit(entries, block.entries, block.level, 2);
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
    if (!table)
        return leaf_above ? ERROR_BUSY : ERROR_MEMORY;
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
    table[pte_index(address, 0)] = 0;
    space_shoot_down(space);
}

static void tables_free(struct space *space, uint64_t *table, unsigned level, unsigned entries) {
    for (unsigned i = 0; i < entries; i++) {
        uint64_t entry = table[i];
        if (pte_is_table(entry, level)) {
            uint64_t *below = pool_pointer(entry & PTE_ADDRESS);
            tables_free(space, below, level - 1, 512);
            pages_free(space->pd, below, 1);
        } else if ((entry & PTE_PRESENT) && !(entry & PTE_KERNEL)) {
            frame_unmap(&frame_table, pte_address(entry, level) >> PAGE_SHIFT, 1ull << (9 * level));
        }
    }
}

void space_destroy(struct space *space) {
    space_shoot_down(space);
    tables_free(space, space->root, PAGETABLE_LEVELS - 1, space->use == SPACE_HOST ? 256 : 512);
    pages_free(space->pd, space->root, 1);
    space->root = NULL;
}
