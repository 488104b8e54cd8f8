// The registers of the VGA at ports 3B0h..3DFh: miscellaneous, sequencer, graphics controller, CRTC, attribute
// controller, DAC (IBM PS/2 Hardware Interface Technical Reference, Video Subsystem).
#include "dom0/vmm/vga.h"
#include "dom0/vmm/vga_internal.h"
#include "lib/string.h"

// --- Retrace ---------------------------------------------------------------------------------------------------------

// 70 Hz text timing: 449 lines of 31,778 ns, 400 of them displayed. The whole blanking counts as vertical retrace, so
// that a guest which polls with an exit for each read doesn't miss it.
#define LINE_NS         31778u
#define LINES           449u
#define LINES_DISPLAYED 400u
#define LINE_BLANK_NS   6000u

#define STATUS1_BLANKED 0x01
#define STATUS1_RETRACE 0x08

static uint8_t input_status1(struct vga *vga) {
    uint64_t in_frame = vga->host->now_ns(vga->host->machine) % (LINE_NS * LINES);
    bool vertical = in_frame / LINE_NS >= LINES_DISPLAYED;
    bool horizontal = in_frame % LINE_NS >= LINE_NS - LINE_BLANK_NS;
    vga->s.attribute_data = 0;
    return (uint8_t)((vertical ? STATUS1_RETRACE : 0) | (vertical || horizontal ? STATUS1_BLANKED : 0));
}

// --- Attribute controller --------------------------------------------------------------------------------------------

static const uint8_t attribute_mask[VGA_ATTRIBUTE_REGISTERS] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

static void attribute_write(struct vga *vga, uint8_t value) {
    struct vga_state *s = &vga->s;
    unsigned index = s->attribute_index & 0x1f;
    if (!s->attribute_data)
        s->attribute_index = value & 0x3f;
    else if (index < VGA_ATTRIBUTE_REGISTERS)
        s->attribute[index] = value & attribute_mask[index];
    s->attribute_data = !s->attribute_data;
}

static uint8_t attribute_read(const struct vga_state *s) {
    unsigned index = s->attribute_index & 0x1f;
    return index < VGA_ATTRIBUTE_REGISTERS ? s->attribute[index] : 0;
}

// --- Sequencer and graphics controller -------------------------------------------------------------------------------

static const uint8_t sequencer_mask[VGA_SEQUENCER_REGISTERS] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
static const uint8_t graphics_mask[VGA_GRAPHICS_REGISTERS] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};

static void sequencer_write(struct vga *vga, uint8_t value) {
    struct vga_state *s = &vga->s;
    if (s->sequencer_index < VGA_SEQUENCER_REGISTERS)
        s->sequencer[s->sequencer_index] = value & sequencer_mask[s->sequencer_index];
    vga_window_update(vga);
}

static void graphics_write(struct vga *vga, uint8_t value) {
    struct vga_state *s = &vga->s;
    if (s->graphics_index < VGA_GRAPHICS_REGISTERS)
        s->graphics[s->graphics_index] = value & graphics_mask[s->graphics_index];
    vga_window_update(vga);
}

// --- CRTC ------------------------------------------------------------------------------------------------------------

#define CRTC_PROTECT      0x80 // in CR_VERTICAL_SYNC_END: registers 0..7 are read-only ...
#define CRTC_LINE_COMPARE 0x10 // ... but for this bit of CR_OVERFLOW

static void crtc_write(struct vga_state *s, uint8_t value) {
    unsigned index = s->crtc_index;
    if (index >= VGA_CRTC_REGISTERS)
        return;
    if (index > CR_OVERFLOW || !(s->crtc[CR_VERTICAL_SYNC_END] & CRTC_PROTECT))
        s->crtc[index] = value;
    else if (index == CR_OVERFLOW)
        s->crtc[index] = (uint8_t)((s->crtc[index] & ~CRTC_LINE_COMPARE) | (value & CRTC_LINE_COMPARE));
}

static uint8_t crtc_read(const struct vga_state *s) {
    return s->crtc_index < VGA_CRTC_REGISTERS ? s->crtc[s->crtc_index] : 0;
}

// --- DAC -------------------------------------------------------------------------------------------------------------

// Values are kept as they are written: 6 bits a component, or 8 with VBE_8BIT_DAC.
static uint8_t dac_mask(const struct vga_state *s) {
    return s->dispi[VBE_ENABLE] & VBE_8BIT_DAC ? 0xff : 0x3f;
}

static void dac_write(struct vga_state *s, uint8_t value) {
    s->dac_latch[s->dac_component] = value & dac_mask(s);
    if (++s->dac_component < 3)
        return;
    memcpy(s->palette[s->dac_write_index++], s->dac_latch, 3);
    s->dac_component = 0;
}

static uint8_t dac_read(struct vga_state *s) {
    uint8_t value = s->palette[s->dac_read_index][s->dac_component];
    if (++s->dac_component == 3) {
        s->dac_component = 0;
        s->dac_read_index++;
    }
    return value;
}

static void dac_index_write(struct vga_state *s, uint8_t value, bool reading) {
    *(reading ? &s->dac_read_index : &s->dac_write_index) = value;
    s->dac_state = reading ? 3 : 0;
    s->dac_component = 0;
}

// --- Ports -----------------------------------------------------------------------------------------------------------

// The CRTC, input status 1 and feature control are at 3Bxh or 3Dxh; the other place is empty.
static bool absent(const struct vga_state *s, uint16_t port) {
    bool monochrome_port = port < 0x3c0;
    return (port < 0x3c0 || port >= 0x3d0) && monochrome_port == ((s->misc_output & MISC_COLOUR) != 0);
}

static uint8_t byte_read(struct vga *vga, uint16_t port) {
    struct vga_state *s = &vga->s;
    if (absent(s, port))
        return 0xff;
    switch (port) {
    case 0x3c0:
        return s->attribute_data ? attribute_read(s) : s->attribute_index;
    case 0x3c1:
        return attribute_read(s);
    case 0x3c2: // input status 0: a monitor is sensed
        return 0x10;
    case 0x3c3:
        return 1;
    case 0x3c4:
        return s->sequencer_index;
    case 0x3c5:
        return s->sequencer_index < VGA_SEQUENCER_REGISTERS ? s->sequencer[s->sequencer_index] : 0;
    case 0x3c6:
        return s->dac_mask;
    case 0x3c7:
        return s->dac_state;
    case 0x3c8:
        return s->dac_write_index;
    case 0x3c9:
        return dac_read(s);
    case 0x3ca:
        return s->feature_control;
    case 0x3cc:
        return s->misc_output;
    case 0x3ce:
        return s->graphics_index;
    case 0x3cf:
        return s->graphics_index < VGA_GRAPHICS_REGISTERS ? s->graphics[s->graphics_index] : 0;
    case 0x3b4:
    case 0x3d4:
        return s->crtc_index;
    case 0x3b5:
    case 0x3d5:
        return crtc_read(s);
    case 0x3ba:
    case 0x3da:
        return input_status1(vga);
    default:
        return 0xff;
    }
}

static void byte_write(struct vga *vga, uint16_t port, uint8_t value) {
    struct vga_state *s = &vga->s;
    if (absent(s, port))
        return;
    switch (port) {
    case 0x3c0:
        attribute_write(vga, value);
        break;
    case 0x3c2:
        s->misc_output = value & 0xef;
        vga_window_update(vga);
        break;
    case 0x3c4:
        s->sequencer_index = value & 0x07;
        break;
    case 0x3c5:
        sequencer_write(vga, value);
        break;
    case 0x3c6:
        s->dac_mask = value;
        break;
    case 0x3c7:
    case 0x3c8:
        dac_index_write(s, value, port == 0x3c7);
        break;
    case 0x3c9:
        dac_write(s, value);
        break;
    case 0x3ce:
        s->graphics_index = value & 0x0f;
        break;
    case 0x3cf:
        graphics_write(vga, value);
        break;
    case 0x3b4:
    case 0x3d4:
        s->crtc_index = value & 0x3f;
        break;
    case 0x3b5:
    case 0x3d5:
        crtc_write(s, value);
        break;
    case 0x3ba:
    case 0x3da:
        s->feature_control = value & 0x0b;
        break;
    default:
        break;
    }
}

static bool is_dispi(uint16_t port) {
    return port >= VGA_DISPI_FIRST && port <= VGA_DISPI_LAST;
}

// The extension's ports are 16 bits wide: index at 1CEh, data at 1CFh, on other machines 1D0h.
static uint32_t dispi_port_read(const struct vga *vga, uint16_t port, unsigned bytes) {
    if (bytes != 2 || port > 0x1d0)
        return bytes < 4 ? (1u << bytes * 8) - 1 : ~0u;
    return port == VGA_DISPI_FIRST ? vga->s.dispi_index : vga_dispi_read(vga, vga->s.dispi_index);
}

static void dispi_port_write(struct vga *vga, uint16_t port, unsigned bytes, uint32_t value) {
    if (bytes != 2 || port > 0x1d0)
        return;
    if (port == VGA_DISPI_FIRST)
        vga->s.dispi_index = (uint16_t)value;
    else
        vga_dispi_write(vga, vga->s.dispi_index, (uint16_t)value);
}

uint32_t vga_port_read(void *device, uint16_t port, unsigned bytes) {
    struct vga *vga = (struct vga *)device;
    uint32_t value = 0;
    if (is_dispi(port))
        return dispi_port_read(vga, port, bytes);
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)byte_read(vga, (uint16_t)(port + i)) << i * 8;
    return value;
}

void vga_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    struct vga *vga = (struct vga *)device;
    if (is_dispi(port)) {
        dispi_port_write(vga, port, bytes, value);
        return;
    }
    for (unsigned i = 0; i < bytes; i++)
        byte_write(vga, (uint16_t)(port + i), (uint8_t)(value >> i * 8));
}

// --- Start -----------------------------------------------------------------------------------------------------------

void vga_reset(struct vga *vga) {
    struct vga_state *s = &vga->s;
    struct vga_window window = s->window;
    uint8_t text_layout = s->text_layout;
    memset(s, 0, sizeof *s);
    s->window = window; // and let the update below tell the machine
    s->text_layout = text_layout;
    s->misc_output = MISC_COLOUR | MISC_RAM;
    s->dac_mask = 0xff;
    s->graphics[GR_BIT_MASK] = 0xff;
    vga_vbe_reset(vga);
    vga_pci_reset(vga);
    vga_window_update(vga);
}

void vga_init(struct vga *vga, const struct device_host *host, const struct vga_settings *settings) {
    memset(vga, 0, sizeof *vga);
    vga->host = host;
    vga->vram = settings->vram;
    vga->vram_bytes = settings->vram_bytes;
    vga->window_changed = settings->window_changed;
    vga->bars_changed = settings->bars_changed;
    vga_pci_init(vga);
    vga_reset(vga);
}
