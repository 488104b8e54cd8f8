// What the parts of the VGA model share: names of registers and bits (IBM VGA: 2.4 of the PS/2 hardware reference).
#pragma once
#include "dom0/vmm/vga.h"

enum { SEQ_RESET, SEQ_CLOCKING, SEQ_MAP_MASK, SEQ_CHARACTER_MAP, SEQ_MEMORY_MODE };
#define SEQ_ODD_EVEN_OFF 0x04
#define SEQ_CHAIN4       0x08

enum {
    GR_SET_RESET,
    GR_ENABLE_SET_RESET,
    GR_COMPARE,
    GR_ROTATE,
    GR_READ_MAP,
    GR_MODE,
    GR_MISC,
    GR_DONT_CARE,
    GR_BIT_MASK
};
#define GR_MODE_READ1    0x08
#define GR_MODE_ODD_EVEN 0x10
#define GR_MISC_GRAPHICS 0x01

enum {
    CR_DISPLAY_END = 0x01,
    CR_OVERFLOW = 0x07,
    CR_PRESET_ROW = 0x08,
    CR_MAX_SCAN_LINE = 0x09,
    CR_CURSOR_START = 0x0a,
    CR_CURSOR_END = 0x0b,
    CR_START_HIGH = 0x0c,
    CR_START_LOW = 0x0d,
    CR_CURSOR_HIGH = 0x0e,
    CR_CURSOR_LOW = 0x0f,
    CR_VERTICAL_SYNC_END = 0x11,
    CR_VERTICAL_DISPLAY_END = 0x12,
    CR_OFFSET = 0x13,
    CR_UNDERLINE = 0x14,
    CR_MODE = 0x17,
    CR_LINE_COMPARE = 0x18,
};

enum { AT_MODE = 0x10 };
#define AT_MODE_BLINK 0x08
#define AT_PAS        0x20 // in the index: the display is on, the palette is not the CPU's

#define MISC_COLOUR 0x01 // CRTC at 3D4h, not 3B4h
#define MISC_RAM    0x02

// vga_memory.c: recomputes the window after any register changed that it depends on, and tells the machine.
void vga_window_update(struct vga *vga);
// A byte of a plane, in either layout. Requires: plane < 4, address < VGA_PLANE_BYTES.
uint8_t vga_plane_read(const struct vga *vga, unsigned plane, uint32_t address);

// vga_vbe.c
void vga_vbe_reset(struct vga *vga);
void vga_pci_init(struct vga *vga);
void vga_pci_reset(struct vga *vga);
uint16_t vga_dispi_read(const struct vga *vga, unsigned index);
void vga_dispi_write(struct vga *vga, unsigned index, uint16_t value);
bool vga_vbe_packed(const struct vga *vga); // a VBE mode of 8 or more bits a pixel is on
