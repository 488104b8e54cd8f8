// Spaces: what user level or a guest can reach. Host-virtual and guest-physical spaces are page tables of the same four
// levels; rights and memory types go through the entry format of pagetable.h.
#pragma once
#include "kernel/object.h"

enum space_use { SPACE_HOST, SPACE_GUEST };

struct space {
    struct object object; // of guest-physical spaces; a host space lives in its protection domain
    struct pd *pd;        // whose quota pays the tables
    uint64_t *root;       // top table
    uint64_t root_hpa;
    uint64_t generation; // of a guest space: counts shootdowns; vCPUs compare it at entry
    uint8_t use;         // enum space_use
    bool ept;            // entries in the format of ept.h
};

struct space_leaf {
    uint64_t hpa; // of the address asked for
    unsigned order;
    unsigned rights; // DELEGATE_*
    bool uncached;
};

NODISCARD bool space_init(struct space *space, struct pd *pd, enum space_use use);
// Takes large pages away, no more than *pages, which it counts down. True if none is left.
NODISCARD bool space_shrink(struct space *space, unsigned *pages);
// Unmaps everything, frees the tables. No CPU may have it loaded.
void space_destroy(struct space *space);

// What is mapped at an address. False if nothing is.
NODISCARD bool space_lookup(const struct space *space, uint64_t address, struct space_leaf *leaf);

// Maps 2^order pages, naturally aligned, with rights not 0. Where the same frames are mapped already, changes rights.
// `owner`: new owner of the frames or FRAME_OWNER_NONE. Errors: ARGUMENT, BUSY, SPLIT, MEMORY; then nothing changed.
NODISCARD int space_map(struct space *space, uint64_t address, uint64_t hpa, unsigned order, unsigned rights,
                        bool uncached, uint32_t owner);

// Takes 2^order pages away; what is not mapped there stays so. Waits until no CPU's TLB has them. Errors: ARGUMENT,
// SPLIT.
NODISCARD int space_unmap(struct space *space, uint64_t address, unsigned order);

// Maps a page of the core's own, for user level (kernel pages, information); not counted as a frame.
NODISCARD int space_map_kernel_page(struct space *space, uint64_t address, uint64_t hpa, bool writable);
// Maps a page of the pool as part of init's image.
NODISCARD int space_map_init_page(struct space *space, uint64_t address, uint64_t hpa, unsigned rights);
void space_unmap_kernel_page(struct space *space, uint64_t address);
