// Reads a VGA's registers and planes as a screen of characters (IBM PS/2 Video Subsystem: CRT controller, alphanumeric
// modes).
#include "dom0/vmm/vga_text.h"
#include "dom0/vmm/vga_internal.h"
#include "lib/string.h"

bool vga_text_mode(const struct vga *vga) {
    return !(vga->s.dispi[VBE_ENABLE] & VBE_ENABLED) && !(vga->s.graphics[GR_MISC] & GR_MISC_GRAPHICS);
}

// --- CRTC ------------------------------------------------------------------------------------------------------------

static uint32_t crtc16(const struct vga_state *s, unsigned high, unsigned low) {
    return (uint32_t)s->crtc[high] << 8 | s->crtc[low];
}

// Scan lines that are displayed, with bits 8 and 9 from the overflow register.
static uint32_t scan_lines(const struct vga_state *s) {
    uint32_t overflow = s->crtc[CR_OVERFLOW];
    return (s->crtc[CR_VERTICAL_DISPLAY_END] | (overflow & 0x02) << 7 | (overflow & 0x40) << 3) + 1;
}

static uint32_t line_compare(const struct vga_state *s) {
    return s->crtc[CR_LINE_COMPARE] | (s->crtc[CR_OVERFLOW] & 0x10u) << 4 | (s->crtc[CR_MAX_SCAN_LINE] & 0x40u) << 3;
}

static uint32_t row_lines(const struct vga_state *s) {
    uint32_t lines = (s->crtc[CR_MAX_SCAN_LINE] & 0x1fu) + 1;
    return s->crtc[CR_MAX_SCAN_LINE] & 0x80 ? lines * 2 : lines; // double scan
}

// How the CRTC's counter becomes an address in the planes: bytes, words or doublewords.
static unsigned address_shift(const struct vga_state *s) {
    return s->crtc[CR_UNDERLINE] & 0x40 ? 2 : s->crtc[CR_MODE] & 0x40 ? 0 : 1;
}

static uint32_t smaller(uint32_t left, uint32_t right) {
    return left < right ? left : right;
}

// --- Screen ----------------------------------------------------------------------------------------------------------

static void read_row(const struct vga *vga, uint32_t counter, uint32_t columns, struct vga_text_cell *to) {
    unsigned shift = address_shift(&vga->s);
    for (uint32_t i = 0; i < columns; i++) {
        uint32_t address = (counter + i) << shift;
        to[i].character = vga_plane_read(vga, 0, address);
        to[i].attribute = vga_plane_read(vga, 1, address);
    }
}

static void read_cursor(const struct vga_state *s, uint32_t start, uint32_t pitch, struct vga_text_screen *out) {
    uint32_t at = (crtc16(s, CR_CURSOR_HIGH, CR_CURSOR_LOW) - start) & 0xffff;
    uint32_t row = pitch ? at / pitch : 0, column = pitch ? at % pitch : 0;
    bool shown =
        !(s->crtc[CR_CURSOR_START] & 0x20) && (s->crtc[CR_CURSOR_START] & 0x1f) <= (s->crtc[CR_CURSOR_END] & 0x1f);
    out->cursor_visible = shown && row < out->rows && column < out->columns;
    out->cursor_row = (uint8_t)smaller(row, out->rows ? out->rows - 1u : 0);
    out->cursor_column = (uint8_t)smaller(column, out->columns ? out->columns - 1u : 0);
}

void vga_text_screen(const struct vga *vga, struct vga_text_screen *out) {
    const struct vga_state *s = &vga->s;
    uint32_t start = crtc16(s, CR_START_HIGH, CR_START_LOW), pitch = s->crtc[CR_OFFSET] * 2u;
    uint32_t lines = row_lines(s), split = line_compare(s) / lines + 1;
    memset(out, 0, sizeof *out);
    out->columns = (uint8_t)smaller(s->crtc[CR_DISPLAY_END] + 1u, VGA_TEXT_COLUMNS_MAX);
    out->rows = (uint8_t)smaller(scan_lines(s) / lines, VGA_TEXT_ROWS_MAX);
    out->blink = s->attribute[AT_MODE] & AT_MODE_BLINK;
    for (uint32_t row = 0; row < out->rows; row++) {
        uint32_t counter = row < split ? start + row * pitch : (row - split) * pitch;
        read_row(vga, counter, out->columns, out->cells[row]);
    }
    read_cursor(s, start, pitch, out);
}

// --- Graphics --------------------------------------------------------------------------------------------------------

// Modes of the VGA itself: 256 colours take two character clocks' dots for one, CGA's modes have 1 or 2 bits a pixel.
static void vga_mode_info(const struct vga_state *s, struct vga_graphics_info *out) {
    uint32_t shift = s->graphics[GR_MODE] >> 5 & 3;
    bool slow_clock = s->sequencer[SEQ_CLOCKING] & 8;
    out->width = (s->crtc[CR_DISPLAY_END] + 1u) * 8;
    out->height = scan_lines(s) / row_lines(s);
    if (!(s->crtc[CR_MODE] & 1)) // CGA addressing: two banks of lines
        out->height *= 2;
    out->depth = shift >= 2 ? 8 : shift == 1 ? 2 : s->crtc[CR_MODE] & 1 ? 4 : 1;
    if (shift >= 2 && !slow_clock && out->width > 320)
        out->width /= 2;
}

void vga_graphics_info(const struct vga *vga, struct vga_graphics_info *out) {
    const uint16_t *r = vga->s.dispi;
    *out = (struct vga_graphics_info){0};
    if (r[VBE_ENABLE] & VBE_ENABLED)
        *out = (struct vga_graphics_info){r[VBE_XRES], r[VBE_YRES], r[VBE_BPP]};
    else if (!vga_text_mode(vga))
        vga_mode_info(&vga->s, out);
}
