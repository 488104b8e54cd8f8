// The VGA's window at A0000h..BFFFFh: what of it is plain memory now, and the paths of the planes for the rest
// (IBM PS/2 Hardware Interface Technical Reference, Video Subsystem: memory maps, graphics controller).
#include "dom0/vmm/vga_internal.h"
#include "lib/string.h"

#define BANK_BYTES 0x10000u

static uint32_t text_offset(const struct vga *vga) {
    return vga->vram_bytes - VGA_TEXT_BYTES;
}

// --- Planes ----------------------------------------------------------------------------------------------------------

static uint8_t *planes_at(const struct vga *vga, uint32_t address) {
    return vga->vram + (size_t)(address & (VGA_PLANE_BYTES - 1)) * 4;
}

uint8_t vga_plane_read(const struct vga *vga, unsigned plane, uint32_t address) {
    address &= VGA_PLANE_BYTES - 1;
    if (vga->s.text_layout && plane < 2 && !(address & 1))
        return vga->vram[text_offset(vga) + address + plane];
    return planes_at(vga, address)[plane];
}

// Moves planes 0 and 1 at even addresses between their places in the two layouts.
static void layout_set(struct vga *vga, bool text) {
    uint8_t *linear = vga->vram + text_offset(vga);
    if (text == (vga->s.text_layout != 0))
        return;
    for (uint32_t address = 0; address < VGA_PLANE_BYTES; address += 2) {
        uint8_t *planes = planes_at(vga, address);
        if (text)
            memcpy(linear + address, planes, 2);
        else
            memcpy(planes, linear + address, 2);
    }
    vga->s.text_layout = text;
}

// --- Window ----------------------------------------------------------------------------------------------------------

// The memory map field of the miscellaneous graphics register.
static const struct {
    uint32_t offset, bytes;
} maps[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};

static unsigned map_of(const struct vga_state *s) {
    return s->graphics[GR_MISC] >> 2 & 3;
}

// Writes and reads pass through unchanged: write mode 0, read mode 0, no logic.
static bool transparent(const struct vga_state *s) {
    return (s->graphics[GR_MODE] & (3 | GR_MODE_READ1)) == 0 && s->graphics[GR_ENABLE_SET_RESET] == 0 &&
           s->graphics[GR_ROTATE] == 0 && s->graphics[GR_BIT_MASK] == 0xff;
}

static bool text_like(const struct vga_state *s) {
    return !(s->sequencer[SEQ_MEMORY_MODE] & (SEQ_CHAIN4 | SEQ_ODD_EVEN_OFF)) &&
           s->graphics[GR_MODE] & GR_MODE_ODD_EVEN && s->sequencer[SEQ_MAP_MASK] == 3 && s->graphics[GR_READ_MAP] < 2 &&
           map_of(s) >= 2 && transparent(s);
}

static bool chained(const struct vga_state *s) {
    return s->sequencer[SEQ_MEMORY_MODE] & SEQ_CHAIN4 && s->sequencer[SEQ_MAP_MASK] == 0x0f && map_of(s) == 1;
}

// A VBE mode's bank goes by the dispi registers alone, whatever the VGA registers say.
static struct vga_window window_now(const struct vga *vga) {
    const struct vga_state *s = &vga->s;
    if (!(s->misc_output & MISC_RAM))
        return (struct vga_window){0};
    if (vga_vbe_packed(vga))
        return (struct vga_window){0, BANK_BYTES, s->dispi[VBE_BANK] * BANK_BYTES};
    if (chained(s))
        return (struct vga_window){0, BANK_BYTES, 0};
    if (text_like(s))
        return (struct vga_window){maps[map_of(s)].offset, maps[map_of(s)].bytes, text_offset(vga)};
    return (struct vga_window){0};
}

void vga_window_update(struct vga *vga) {
    struct vga_window *before = &vga->s.window, now = window_now(vga);
    bool same = before->offset == now.offset && before->bytes == now.bytes && before->vram_offset == now.vram_offset;
    layout_set(vga, now.bytes > 0 && now.vram_offset == text_offset(vga));
    *before = now;
    if (!same && vga->window_changed)
        vga->window_changed(vga->host->machine);
}

void vga_window(const struct vga *vga, struct vga_window *out) {
    *out = vga->s.window;
}

// --- Trapped accesses ------------------------------------------------------------------------------------------------

// The byte of VRAM behind a mappable part of the window; null if it isn't.
static uint8_t *direct(const struct vga *vga, uint32_t offset) {
    const struct vga_window *w = &vga->s.window;
    return offset - w->offset < w->bytes ? vga->vram + w->vram_offset + (offset - w->offset) : NULL;
}

// Where an access goes that takes the way of the planes.
struct access {
    uint32_t address; // in the planes
    unsigned planes;  // a mask
};

static bool decode(const struct vga *vga, uint32_t offset, bool odd_even, struct access *out) {
    const struct vga_state *s = &vga->s;
    unsigned map = map_of(s);
    if (!(s->misc_output & MISC_RAM) || vga_vbe_packed(vga) || offset - maps[map].offset >= maps[map].bytes)
        return false;
    uint32_t address = (offset - maps[map].offset) & (VGA_PLANE_BYTES - 1);
    if (s->sequencer[SEQ_MEMORY_MODE] & SEQ_CHAIN4)
        *out = (struct access){address >> 2, 1u << (address & 3)};
    else if (odd_even)
        *out = (struct access){address & ~1u, address & 1 ? 0x0a : 0x05};
    else
        *out = (struct access){address, 0x0f};
    return true;
}

// Read mode 1: a bit for each pixel whose colour, in the planes that matter, is the one compared with.
static uint8_t compare(const struct vga_state *s) {
    uint8_t different = 0;
    for (unsigned plane = 0; plane < 4; plane++) {
        uint8_t colour = s->graphics[GR_COMPARE] >> plane & 1 ? 0xff : 0;
        if (s->graphics[GR_DONT_CARE] >> plane & 1)
            different |= s->latch[plane] ^ colour;
    }
    return (uint8_t)~different;
}

static unsigned read_plane(const struct vga_state *s, const struct access *access, uint32_t offset) {
    if (s->sequencer[SEQ_MEMORY_MODE] & SEQ_CHAIN4)
        return offset & 3;
    if (access->planes != 0x0f)
        return (s->graphics[GR_READ_MAP] & 2) | (offset & 1);
    return s->graphics[GR_READ_MAP];
}

static uint8_t byte_read(struct vga *vga, uint32_t offset) {
    struct vga_state *s = &vga->s;
    const uint8_t *plain = direct(vga, offset);
    struct access access;
    if (plain)
        return *plain;
    if (!decode(vga, offset, s->graphics[GR_MODE] & GR_MODE_ODD_EVEN, &access))
        return 0xff;
    memcpy(s->latch, planes_at(vga, access.address), 4);
    if (s->graphics[GR_MODE] & GR_MODE_READ1)
        return compare(s);
    return s->latch[read_plane(s, &access, offset)];
}

static uint8_t rotate(const struct vga_state *s, uint8_t value) {
    unsigned count = s->graphics[GR_ROTATE] & 7;
    return (uint8_t)(value >> count | value << (8 - count));
}

// What the write mode makes of a byte for a plane, before the logic; and the bit mask with it.
static uint8_t plane_value(const struct vga_state *s, unsigned plane, uint8_t value) {
    uint8_t set = s->graphics[GR_SET_RESET] >> plane & 1 ? 0xff : 0;
    switch (s->graphics[GR_MODE] & 3) {
    case 0:
        return s->graphics[GR_ENABLE_SET_RESET] >> plane & 1 ? set : rotate(s, value);
    case 2:
        return value >> plane & 1 ? 0xff : 0;
    default:
        return set;
    }
}

static uint8_t combine(const struct vga_state *s, uint8_t value, uint8_t latch) {
    switch (s->graphics[GR_ROTATE] >> 3 & 3) {
    case 0:
        return value;
    case 1:
        return value & latch;
    case 2:
        return value | latch;
    default:
        return value ^ latch;
    }
}

static uint8_t written(const struct vga_state *s, unsigned plane, uint8_t value) {
    unsigned mode = s->graphics[GR_MODE] & 3;
    uint8_t latch = s->latch[plane], mask = s->graphics[GR_BIT_MASK];
    if (mode == 1)
        return latch;
    if (mode == 3)
        mask &= rotate(s, value);
    uint8_t result = combine(s, plane_value(s, plane, value), latch);
    return (uint8_t)((result & mask) | (latch & ~mask));
}

static void byte_write(struct vga *vga, uint32_t offset, uint8_t value) {
    const struct vga_state *s = &vga->s;
    uint8_t *plain = direct(vga, offset);
    struct access access;
    if (plain) {
        *plain = value;
        return;
    }
    if (!decode(vga, offset, !(s->sequencer[SEQ_MEMORY_MODE] & SEQ_ODD_EVEN_OFF), &access))
        return;
    uint8_t *planes = planes_at(vga, access.address);
    unsigned mask = access.planes & s->sequencer[SEQ_MAP_MASK];
    for (unsigned plane = 0; plane < 4; plane++)
        if (mask >> plane & 1)
            planes[plane] = written(s, plane, value);
}

uint64_t vga_memory_read(void *device, uint64_t offset, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        bool inside = offset + i < VGA_WINDOW_BYTES;
        uint8_t byte = inside ? byte_read((struct vga *)device, (uint32_t)(offset + i)) : 0xff;
        value |= (uint64_t)byte << i * 8;
    }
    return value;
}

void vga_memory_write(void *device, uint64_t offset, unsigned bytes, uint64_t value) {
    for (unsigned i = 0; i < bytes && offset + i < VGA_WINDOW_BYTES; i++)
        byte_write((struct vga *)device, (uint32_t)(offset + i), (uint8_t)(value >> i * 8));
}

void vga_memory_read_string(struct vga *vga, uint32_t offset, void *to, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)to)[i] = (uint8_t)vga_memory_read(vga, (uint64_t)offset + i, 1);
}

void vga_memory_write_string(struct vga *vga, uint32_t offset, const void *from, size_t bytes) {
    for (size_t i = 0; i < bytes && offset + i < VGA_WINDOW_BYTES; i++)
        byte_write(vga, (uint32_t)(offset + i), ((const uint8_t *)from)[i]);
}

void vga_memory_fill(struct vga *vga, uint32_t offset, const void *pattern, size_t width, size_t count) {
    for (size_t i = 0; i < width * count && offset + i < VGA_WINDOW_BYTES; i++)
        byte_write(vga, (uint32_t)(offset + i), ((const uint8_t *)pattern)[i % width]);
}
