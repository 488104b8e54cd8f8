// What a VGA shows, as the shell's `screen` verb wants to know it. All functions only look.
#pragma once
#include "dom0/vmm/vga.h"
#include "lib/text_screen.h"

// A text mode is set; otherwise the guest shows graphics.
bool vga_text_mode(const struct vga *vga);

// The screen of a text mode, from its start address, cut to VGA_TEXT_COLUMNS_MAX and VGA_TEXT_ROWS_MAX.
void vga_text_screen(const struct vga *vga, struct vga_text_screen *out);

struct vga_graphics_info {
    uint32_t width, height, depth; // pixels, bits a pixel
};

// The resolution of a graphics mode; zeros where the registers make no sense.
void vga_graphics_info(const struct vga *vga, struct vga_graphics_info *out);
