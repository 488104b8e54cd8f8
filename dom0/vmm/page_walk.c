// Walks of the guest's page tables.
#include "dom0/vmm/page_walk.h"

#define ENTRY_PRESENT  0x001ull
#define ENTRY_WRITE    0x002ull
#define ENTRY_USER     0x004ull
#define ENTRY_ACCESSED 0x020ull
#define ENTRY_DIRTY    0x040ull
#define ENTRY_LARGE    0x080ull
#define ENTRY_NX       (1ull << 63)

#define ADDRESS_52 0x000ffffffffff000ull

// What the paging modes differ in (SDM 3A table 4-1).
struct paging_mode {
    uint8_t levels;
    uint8_t entry_bytes;
    uint8_t index_bits; // of each level but the highest
    uint8_t top_index_bits;
    uint8_t large_levels; // bit n: an entry of level n may map a page itself
    bool pae;             // three levels: the entries of the highest have no rights
    bool no_execute;
};

static struct paging_mode paging_mode(const struct page_walk_registers *registers) {
    bool nx = (registers->efer & EFER_NXE) != 0;
    if (registers->efer & EFER_LMA)
        return (struct paging_mode){4, 8, 9, 9, 1u << 1 | 1u << 2, false, nx};
    if (registers->cr4 & CR4_PAE)
        return (struct paging_mode){3, 8, 9, 2, 1u << 1, true, nx};
    return (struct paging_mode){2, 4, 10, 10, registers->cr4 & CR4_PSE ? 1u << 1 : 0, false, false};
}

static uint64_t entry_load(const void *entry, unsigned bytes) {
    return bytes == 8 ? __atomic_load_n((const uint64_t *)entry, __ATOMIC_RELAXED)
                      : __atomic_load_n((const uint32_t *)entry, __ATOMIC_RELAXED);
}

// Sets bits in an entry if it still is what was read.
static bool entry_set(void *entry, unsigned bytes, uint64_t expected, uint64_t bits) {
    if (bytes == 8)
        return __atomic_compare_exchange_n((uint64_t *)entry, &expected, expected | bits, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    uint32_t narrow = (uint32_t)expected;
    return __atomic_compare_exchange_n((uint32_t *)entry, &narrow, narrow | (uint32_t)bits, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static bool entry_is_large(struct paging_mode mode, uint64_t entry, unsigned level) {
    return (entry & ENTRY_LARGE) && (mode.large_levels >> level & 1);
}

// Reserved bits of a present entry (SDM 3A figures 4-4, 4-7, 4-11).
static uint64_t entry_reserved(struct paging_mode mode, const struct page_walk_registers *registers, uint64_t entry,
                               unsigned level) {
    if (mode.entry_bytes == 4)
        return entry_is_large(mode, entry, level) ? 1ull << 21 : 0;
    uint64_t reserved = ADDRESS_52 & ~((1ull << registers->physical_bits) - 1);
    // Of a PDPT entry bit 5 is reserved as well, but QEMU's TCG takes it for the accessed bit, and sets it.
    if (mode.pae && level == 2)
        return reserved | 0xfff00000000001c6ull;
    if (!mode.no_execute)
        reserved |= ENTRY_NX;
    if (mode.pae)
        reserved |= 0x7ff0000000000000ull;
    if (level == 3)
        return reserved | ENTRY_LARGE;
    if (entry_is_large(mode, entry, level))
        return reserved | (level == 1 ? 0x1fe000ull : 0x3fffe000ull);
    return reserved;
}

static uint64_t leaf_address(struct paging_mode mode, uint64_t entry, unsigned bits) {
    uint64_t page = (1ull << bits) - 1;
    if (mode.entry_bytes == 4 && bits == 22) // PSE-36
        return (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32;
    return (mode.entry_bytes == 4 ? entry & 0xfffff000 : entry & ADDRESS_52) & ~page;
}

// Do the rights that all levels leave allow the access?
static bool rights_allow(const struct page_walk_registers *registers, uint64_t rights, bool nx, unsigned access) {
    bool user_page = (rights & ENTRY_USER) != 0, writable = (rights & ENTRY_WRITE) != 0;
    if ((access & ACCESS_EXECUTE) && nx)
        return false;
    if (access & ACCESS_USER)
        return user_page && (writable || !(access & ACCESS_WRITE));
    if ((access & ACCESS_WRITE) && !writable && (registers->cr0 & CR0_WP))
        return false;
    if (!user_page)
        return true;
    if (access & ACCESS_EXECUTE)
        return !(registers->cr4 & CR4_SMEP);
    return !(registers->cr4 & CR4_SMAP) || (access & ACCESS_AC);
}

static uint32_t error_code(const struct page_walk_registers *registers, struct paging_mode mode, unsigned access) {
    uint32_t code = 0;
    if (access & ACCESS_WRITE)
        code |= PAGE_FAULT_WRITE;
    if (access & ACCESS_USER)
        code |= PAGE_FAULT_USER;
    if ((access & ACCESS_EXECUTE) && (mode.no_execute || (registers->cr4 & CR4_SMEP)))
        code |= PAGE_FAULT_FETCH;
    return code;
}

// Sets the accessed bits, and the dirty bit of the leaf. False: an entry changed meanwhile.
static bool mark_used(struct paging_mode mode, const struct page_walk_memory *memory, const uint64_t *entry_gpa,
                      unsigned access, struct page_walk *out) {
    for (unsigned i = 0; i < out->entries; i++) {
        bool leaf = i + 1 == out->entries;
        if (mode.pae && i == 0)
            continue; // PDPT entries have none
        uint64_t bits = ENTRY_ACCESSED | (leaf && (access & ACCESS_WRITE) ? ENTRY_DIRTY : 0);
        if ((out->value[i] & bits) == bits)
            continue;
        void *entry = memory->pointer(memory->context, entry_gpa[i], mode.entry_bytes, true);
        if (entry && !entry_set(entry, mode.entry_bytes, out->value[i], bits))
            return false;
        if (entry)
            out->value[i] |= bits;
    }
    return true;
}

static enum page_walk_result walk_once(const struct page_walk_registers *registers,
                                       const struct page_walk_memory *memory, uint64_t gva, unsigned access,
                                       struct page_walk *out, bool *again) {
    struct paging_mode mode = paging_mode(registers);
    uint64_t table = mode.entry_bytes == 4 ? registers->cr3 & 0xfffff000
                     : mode.pae            ? registers->cr3 & 0xffffffe0
                                           : registers->cr3 & ADDRESS_52;
    uint64_t rights = ENTRY_WRITE | ENTRY_USER, entry_gpa[PAGE_WALK_LEVELS];
    bool nx = false;
    out->error_code = error_code(registers, mode, access);
    out->entries = 0;
    out->in_device = false;
    out->entry_bytes = mode.entry_bytes;
    for (unsigned level = mode.levels; level-- > 0;) {
        unsigned shift = 12 + level * mode.index_bits, at = out->entries;
        unsigned index_bits = level + 1u == mode.levels ? mode.top_index_bits : mode.index_bits;
        entry_gpa[at] = table + (gva >> shift & ((1ull << index_bits) - 1)) * mode.entry_bytes;
        const void *pointer = memory->pointer(memory->context, entry_gpa[at], mode.entry_bytes, false);
        uint64_t entry = pointer ? entry_load(pointer, mode.entry_bytes)
                                 : memory->device_read(memory->context, entry_gpa[at], mode.entry_bytes);
        out->entry[at] = pointer;
        out->in_device |= !pointer;
        out->value[at] = entry;
        out->entries++;
        if (!(entry & ENTRY_PRESENT))
            return PAGE_WALK_FAULT;
        if (entry & entry_reserved(mode, registers, entry, level)) {
            out->error_code |= PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED;
            return PAGE_WALK_FAULT;
        }
        if (!(mode.pae && level == 2)) {
            rights &= entry;
            nx |= mode.no_execute && (entry & ENTRY_NX);
        }
        if (level == 0 || entry_is_large(mode, entry, level)) {
            out->page_bits = shift;
            out->gpa = leaf_address(mode, entry, shift) | (gva & ((1ull << shift) - 1));
            break;
        }
        table = mode.entry_bytes == 4 ? entry & 0xfffff000 : entry & ADDRESS_52;
    }
    if (!rights_allow(registers, rights, nx, access)) {
        out->error_code |= PAGE_FAULT_PRESENT;
        return PAGE_WALK_FAULT;
    }
    *again = !mark_used(mode, memory, entry_gpa, access, out);
    for (unsigned i = out->entries; i < PAGE_WALK_LEVELS; i++) {
        out->entry[i] = out->entry[out->entries - 1];
        out->value[i] = out->value[out->entries - 1];
    }
    return PAGE_WALK_OK;
}

enum page_walk_result page_walk(const struct page_walk_registers *registers, const struct page_walk_memory *memory,
                                uint64_t gva, unsigned access, struct page_walk *out) {
    if (!(registers->cr0 & CR0_PG)) {
        *out = (struct page_walk){.gpa = gva & 0xffffffff, .page_bits = 32};
        return PAGE_WALK_OK;
    }
    // Another vCPU may change entries all the time; after a few rounds its guest gets what was read last.
    for (unsigned round = 0;; round++) {
        bool again = false;
        enum page_walk_result result = walk_once(registers, memory, gva, access, out, &again);
        if (!again || round == 8)
            return result;
    }
}

bool page_walk_still_valid(const struct page_walk *walk) {
    uint64_t changed = 0;
    if (walk->in_device || walk->entries == 0)
        return !walk->in_device;
    if (walk->entry_bytes == 8) // by far the most frequent, and looked at for each exit whose length is not known
        for (unsigned i = 0; i < PAGE_WALK_LEVELS; i++)
            changed |= entry_load(walk->entry[i], 8) ^ walk->value[i];
    else
        for (unsigned i = 0; i < PAGE_WALK_LEVELS; i++)
            changed |= entry_load(walk->entry[i], 4) ^ walk->value[i];
    return changed == 0;
}
