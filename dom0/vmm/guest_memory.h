// The guest-physical space: where RAM, firmware, and video memory lie, in this program and for the guest. What is
// mapped for the guest here is accessed without exits; all else traps and is a device's, or nobody's.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_RAM_BELOW_4G_MAX 0xe0000000ull // more RAM than this leaves room from 3 GiB on
#define GUEST_RAM_SPLIT        0xc0000000ull
#define GUEST_RAM_ABOVE_4G     0x100000000ull
#define GUEST_LOW_PAGES        256u          // the first MiB
#define GUEST_PCI_TOP          0xfec00000ull // from here on APICs and firmware
#define GUEST_ROM_TOP          0x100000000ull
#define GUEST_ROM_SHADOW       0x20000u // of the ROM's end, seen below 1 MiB too

#define GUEST_READ  1u
#define GUEST_WRITE 2u

// What reads and writes below 1 MiB reach, from C0000h on in steps of 16 KiB (i440FX: PAM registers).
#define GUEST_PAM_SEGMENTS 16u

struct guest_memory {
    uint8_t *ram; // aligned to 2 MiB, or large pages are not used
    uint64_t ram_bytes, below_4g_bytes;
    uint8_t *vram;
    uint32_t vram_bytes;
    uint8_t *rom; // ends at 4 GiB
    uint32_t rom_bytes;

    // Maps `pages_order` pages at `host` for the guest, or, with rights 0, nothing. False: not to be had.
    bool (*map)(void *context, const void *host, uint64_t gpa, unsigned pages_order, unsigned rights);
    void *context;

    // Each page of the first MiB: where reads and writes go, null: trapped; and what the guest has mapped.
    struct {
        uint8_t *read, *write, *mapped;
        unsigned rights;
    } low[GUEST_LOW_PAGES];
    uint64_t framebuffer; // gpa of VRAM, 0: not mapped
};

// Lays out `ram_bytes` of RAM, a multiple of 4 KiB, and maps all that does not change: RAM from 1 MiB on, and the ROM
// below 4 GiB. Pointers, sizes, map and context are set before. False if mapping fails.
bool guest_memory_init(struct guest_memory *memory);

// PAM: bit n of each mask is the segment at C0000h + n * 16 KiB; set: RAM, clear: ROM or nothing.
bool guest_memory_set_pam(struct guest_memory *memory, uint16_t reads_ram, uint16_t writes_ram);

// The VGA window at A0000h: [offset, offset+bytes) of it is VRAM from vram_offset on; the rest traps. With `ram`, all
// of it is the RAM beneath (SMRAM, open).
bool guest_memory_set_vga_window(struct guest_memory *memory, uint32_t offset, uint32_t bytes, uint32_t vram_offset,
                                 bool ram);

// VRAM at BAR 0; gpa 0: nowhere. A base that overlaps RAM, APICs or firmware is not mapped.
bool guest_memory_set_framebuffer(struct guest_memory *memory, uint64_t gpa);

// Where [gpa, gpa+bytes) is: null unless all of it is memory that the guest reads, or writes, without a device. A range
// below 1 MiB lies in one page.
void *guest_memory_pointer(const struct guest_memory *memory, uint64_t gpa, size_t bytes, bool write);

// Transfers for devices. False, and nothing done, if any byte is no memory.
bool guest_memory_read(const struct guest_memory *memory, uint64_t gpa, void *to, size_t bytes);
bool guest_memory_write(const struct guest_memory *memory, uint64_t gpa, const void *from, size_t bytes);

uint64_t guest_memory_above_4g_bytes(const struct guest_memory *memory);
