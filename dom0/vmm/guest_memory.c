// The guest-physical space.
#include "dom0/vmm/guest_memory.h"
#include "kernel/abi.h"
#include "lib/string.h"

#define MIB         0x100000ull
#define LARGE_PAGE  0x200000ull
#define LARGE_ORDER 9u
#define VGA_FIRST   0xa0u // page numbers
#define VGA_END     0xc0u
#define PAM_FIRST   0xc0u
#define PAM_PAGES   4u // a segment

// Maps a range with pages as large as both sides allow.
static bool map_range(struct guest_memory *memory, uint8_t *host, uint64_t gpa, uint64_t bytes, unsigned rights) {
    while (bytes > 0) {
        bool aligned = gpa % LARGE_PAGE == 0 && (uintptr_t)host % LARGE_PAGE == 0 && bytes >= LARGE_PAGE;
        if (aligned && memory->map(memory->context, host, gpa, LARGE_ORDER, rights)) {
            host += LARGE_PAGE;
            gpa += LARGE_PAGE;
            bytes -= LARGE_PAGE;
            continue;
        }
        // Where the memory at `host` is not made of large pages, 4 KiB ones do.
        uint64_t part = aligned ? LARGE_PAGE : PAGE_SIZE;
        for (uint64_t at = 0; at < part; at += PAGE_SIZE)
            if (!memory->map(memory->context, host + at, gpa + at, 0, rights))
                return false;
        host += part;
        gpa += part;
        bytes -= part;
    }
    return true;
}

static bool unmap_range(struct guest_memory *memory, uint64_t gpa, uint64_t bytes) {
    bool good = true;
    while (bytes > 0) {
        bool large = gpa % LARGE_PAGE == 0 && bytes >= LARGE_PAGE;
        good &= memory->map(memory->context, NULL, gpa, large ? LARGE_ORDER : 0, 0);
        gpa += large ? LARGE_PAGE : PAGE_SIZE;
        bytes -= large ? LARGE_PAGE : PAGE_SIZE;
    }
    return good;
}

// Makes the guest's mapping of one low page what read and write say.
static bool low_page_apply(struct guest_memory *memory, unsigned page) {
    __typeof__(&memory->low[0]) low = &memory->low[page];
    unsigned rights = !low->read ? 0 : low->write == low->read ? GUEST_READ | GUEST_WRITE : GUEST_READ;
    if (low->mapped == low->read && low->rights == rights)
        return true;
    uint64_t gpa = page * PAGE_SIZE;
    if (low->mapped && !memory->map(memory->context, NULL, gpa, 0, 0))
        return false;
    low->mapped = NULL;
    low->rights = 0;
    if (!low->read)
        return true;
    if (!memory->map(memory->context, low->read, gpa, 0, rights))
        return false;
    low->mapped = low->read;
    low->rights = rights;
    return true;
}

bool guest_memory_init(struct guest_memory *memory) {
    uint64_t ram = memory->ram_bytes;
    memory->below_4g_bytes = ram > GUEST_RAM_BELOW_4G_MAX ? GUEST_RAM_SPLIT : ram;
    memory->framebuffer = 0;
    if (ram < 2 * MIB || ram % PAGE_SIZE || memory->rom_bytes < GUEST_ROM_SHADOW)
        return false;
    for (unsigned page = 0; page < VGA_FIRST; page++) {
        memory->low[page].read = memory->low[page].write = memory->ram + page * PAGE_SIZE;
        if (!low_page_apply(memory, page))
            return false;
    }
    uint64_t above = guest_memory_above_4g_bytes(memory);
    return guest_memory_set_pam(memory, 0, 0) &&
           map_range(memory, memory->ram + MIB, MIB, memory->below_4g_bytes - MIB, GUEST_READ | GUEST_WRITE) &&
           map_range(memory, memory->ram + memory->below_4g_bytes, GUEST_RAM_ABOVE_4G, above,
                     GUEST_READ | GUEST_WRITE) &&
           map_range(memory, memory->rom, GUEST_ROM_TOP - memory->rom_bytes, memory->rom_bytes, GUEST_READ);
}

uint64_t guest_memory_above_4g_bytes(const struct guest_memory *memory) {
    return memory->ram_bytes - memory->below_4g_bytes;
}

bool guest_memory_set_pam(struct guest_memory *memory, uint16_t reads_ram, uint16_t writes_ram) {
    bool good = true;
    unsigned rom_first = GUEST_LOW_PAGES - GUEST_ROM_SHADOW / (unsigned)PAGE_SIZE;
    uint8_t *shadow = memory->rom + memory->rom_bytes - GUEST_ROM_SHADOW;
    for (unsigned page = PAM_FIRST; page < GUEST_LOW_PAGES; page++) {
        unsigned segment = (page - PAM_FIRST) / PAM_PAGES;
        uint8_t *ram = memory->ram + page * PAGE_SIZE;
        uint8_t *rom = page >= rom_first ? shadow + (page - rom_first) * PAGE_SIZE : NULL;
        memory->low[page].read = reads_ram >> segment & 1 ? ram : rom;
        memory->low[page].write = writes_ram >> segment & 1 ? ram : NULL;
        good &= low_page_apply(memory, page);
    }
    return good;
}

bool guest_memory_set_vga_window(struct guest_memory *memory, uint32_t offset, uint32_t bytes, uint32_t vram_offset,
                                 bool ram) {
    bool good = true;
    for (unsigned page = VGA_FIRST; page < VGA_END; page++) {
        uint32_t at = (page - VGA_FIRST) * (uint32_t)PAGE_SIZE;
        uint64_t in_vram = (uint64_t)at - offset + vram_offset;
        bool inside = at >= offset && at - offset < bytes && in_vram + PAGE_SIZE <= memory->vram_bytes;
        uint8_t *host = ram ? memory->ram + page * PAGE_SIZE : inside ? memory->vram + in_vram : NULL;
        memory->low[page].read = memory->low[page].write = host;
        good &= low_page_apply(memory, page);
    }
    return good;
}

bool guest_memory_set_framebuffer(struct guest_memory *memory, uint64_t gpa) {
    if (gpa && (gpa % PAGE_SIZE || gpa < memory->below_4g_bytes || gpa < MIB || gpa > GUEST_PCI_TOP ||
                GUEST_PCI_TOP - gpa < memory->vram_bytes))
        gpa = 0;
    if (gpa == memory->framebuffer)
        return true;
    bool good = true;
    if (memory->framebuffer)
        good = unmap_range(memory, memory->framebuffer, memory->vram_bytes);
    memory->framebuffer = gpa;
    if (gpa)
        good &= map_range(memory, memory->vram, gpa, memory->vram_bytes, GUEST_READ | GUEST_WRITE);
    return good;
}

// [gpa, gpa+bytes) within [base, base+size)?
static bool within(uint64_t gpa, size_t bytes, uint64_t base, uint64_t size) {
    return gpa >= base && gpa - base < size && bytes <= size - (gpa - base);
}

void *guest_memory_pointer(const struct guest_memory *memory, uint64_t gpa, size_t bytes, bool write) {
    if (gpa < MIB) {
        if (bytes > PAGE_SIZE - gpa % PAGE_SIZE)
            return NULL;
        uint8_t *page = write ? memory->low[gpa / PAGE_SIZE].write : memory->low[gpa / PAGE_SIZE].read;
        return page ? page + gpa % PAGE_SIZE : NULL;
    }
    if (within(gpa, bytes, 0, memory->below_4g_bytes))
        return memory->ram + gpa;
    if (within(gpa, bytes, GUEST_RAM_ABOVE_4G, guest_memory_above_4g_bytes(memory)))
        return memory->ram + memory->below_4g_bytes + (gpa - GUEST_RAM_ABOVE_4G);
    if (memory->framebuffer && within(gpa, bytes, memory->framebuffer, memory->vram_bytes))
        return memory->vram + (gpa - memory->framebuffer);
    if (!write && within(gpa, bytes, GUEST_ROM_TOP - memory->rom_bytes, memory->rom_bytes))
        return memory->rom + (gpa - (GUEST_ROM_TOP - memory->rom_bytes));
    return NULL;
}

// How much of a transfer one pointer covers.
static size_t part_of(uint64_t gpa, size_t bytes) {
    size_t room = (size_t)(gpa < MIB ? PAGE_SIZE - gpa % PAGE_SIZE : bytes);
    return bytes < room ? bytes : room;
}

// Is all of a range memory?
static bool range_is_memory(const struct guest_memory *memory, uint64_t gpa, size_t bytes, bool write) {
    while (bytes > 0) {
        size_t part = part_of(gpa, bytes);
        if (!guest_memory_pointer(memory, gpa, part, write))
            return false;
        gpa += part;
        bytes -= part;
    }
    return true;
}

bool guest_memory_read(const struct guest_memory *memory, uint64_t gpa, void *to, size_t bytes) {
    if (!range_is_memory(memory, gpa, bytes, false))
        return false;
    for (uint8_t *at = to; bytes > 0;) {
        size_t part = part_of(gpa, bytes);
        memcpy(at, guest_memory_pointer(memory, gpa, part, false), part);
        at += part;
        gpa += part;
        bytes -= part;
    }
    return true;
}

bool guest_memory_write(const struct guest_memory *memory, uint64_t gpa, const void *from, size_t bytes) {
    if (!range_is_memory(memory, gpa, bytes, true))
        return false;
    for (const uint8_t *at = from; bytes > 0;) {
        size_t part = part_of(gpa, bytes);
        memcpy(guest_memory_pointer(memory, gpa, part, true), at, part);
        at += part;
        gpa += part;
        bytes -= part;
    }
    return true;
}
