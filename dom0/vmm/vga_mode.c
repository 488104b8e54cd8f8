// The registers as a BIOS leaves them after setting mode 03h, for guests that are booted without one.
#include "dom0/vmm/vga_internal.h"
#include "lib/string.h"

// The parameter table of the IBM VGA BIOS for mode 03h: 80 by 25 characters of 9 by 16 dots.
static const uint8_t sequencer[VGA_SEQUENCER_REGISTERS] = {0x03, 0x00, 0x03, 0x00, 0x02};
static const uint8_t graphics[VGA_GRAPHICS_REGISTERS] = {0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff};
static const uint8_t crtc[VGA_CRTC_REGISTERS] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                                                 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
                                                 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
static const uint8_t attribute[VGA_ATTRIBUTE_REGISTERS] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14,
                                                           0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d,
                                                           0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00};

// The 64 colours of the EGA: bits 5..3 are the weak components of red, green, blue, bits 2..0 the strong ones.
static void set_palette(struct vga_state *s) {
    for (unsigned colour = 0; colour < 64; colour++)
        for (unsigned i = 0; i < 3; i++)
            s->palette[colour][i] = (uint8_t)((colour >> (2 - i) & 1) * 42 + (colour >> (5 - i) & 1) * 21);
}

void vga_set_text_mode(struct vga *vga) {
    struct vga_state *s = &vga->s;
    memcpy(s->sequencer, sequencer, sizeof sequencer);
    memcpy(s->graphics, graphics, sizeof graphics);
    memcpy(s->crtc, crtc, sizeof crtc);
    memcpy(s->attribute, attribute, sizeof attribute);
    s->attribute_index = AT_PAS;
    s->attribute_data = 0;
    s->misc_output = 0x67;
    s->dispi[VBE_ENABLE] = 0;
    set_palette(s);
    vga_window_update(vga);
    vga_memory_fill(vga, s->window.offset, " \x07", 2, s->window.bytes / 2);
}
