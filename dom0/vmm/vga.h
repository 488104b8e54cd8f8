// A VGA with the Bochs VBE extension ("stdvga", 1234:1111), as SeaBIOS' vgabios-stdvga drives it.
// vga.c holds the registers, vga_memory.c the window at A0000h..BFFFFh and the planes, vga_vbe.c the extension and the
// PCI function; vga_text.h looks at what is on the screen.
//
// There is no ROM BAR: SeaBIOS finds the VGA BIOS as the fw_cfg file VGA_ROM_FILE. Under that name it knows which
// function it belongs to and takes the linear framebuffer's address from BAR 0; from vgaroms/ it would assume
// E0000000h.
//
// VRAM is the machine's memory, mapped into the guest at BAR 0. Its first 256 KiB are the four planes: byte p of the
// 32-bit word at offset 4*o is plane p at address o, so that chain-4 and packed modes are linear. Its last 64 KiB are
// not offered to VBE: while the registers are as in text modes, they hold planes 0 and 1 at even addresses, so that
// characters and attributes alternate there and the guest can have them mapped at B8000h. vga_memory.c moves the bytes
// at each change.
#pragma once
#include "dom0/vmm/device.h"
#include "dom0/vmm/pci.h"

#define VGA_ROM_FILE "pci1234,1111.rom"

#define VGA_VRAM_DEFAULT 0x400000u
#define VGA_VRAM_MIN     0x100000u
#define VGA_TEXT_BYTES   0x10000u
#define VGA_PLANE_BYTES  0x10000u
#define VGA_WINDOW_GPA   0xa0000u
#define VGA_WINDOW_BYTES 0x20000u
#define VGA_MMIO_BYTES   0x1000u // BAR 2

// Ports
#define VGA_PORT_FIRST  0x3b0u
#define VGA_PORT_LAST   0x3dfu
#define VGA_DISPI_FIRST 0x1ceu
#define VGA_DISPI_LAST  0x1d1u

enum vga_dispi { // index of a VBE extension register
    VBE_ID,
    VBE_XRES,
    VBE_YRES,
    VBE_BPP,
    VBE_ENABLE,
    VBE_BANK,
    VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT,
    VBE_X_OFFSET,
    VBE_Y_OFFSET,
    VBE_VIDEO_MEMORY_64K,
    VBE_REGISTERS
};

// VBE_ENABLE
#define VBE_ENABLED    0x01
#define VBE_GETCAPS    0x02
#define VBE_8BIT_DAC   0x20
#define VBE_LFB        0x40
#define VBE_NOCLEARMEM 0x80

#define VGA_SEQUENCER_REGISTERS 5
#define VGA_GRAPHICS_REGISTERS  9
#define VGA_CRTC_REGISTERS      25
#define VGA_ATTRIBUTE_REGISTERS 21

// What of the 128 KiB at A0000h can be mapped to VRAM now; the rest has to trap, or reads ones where vga_memory_read()
// says so. bytes = 0: nothing. All fields are multiples of 4 KiB.
struct vga_window {
    uint32_t offset; // from A0000h
    uint32_t bytes;
    uint32_t vram_offset;
};

struct vga_state {
    uint8_t sequencer_index, graphics_index, crtc_index, attribute_index;
    uint8_t attribute_data; // flip-flop: the next write to 3C0h is data
    uint8_t sequencer[VGA_SEQUENCER_REGISTERS];
    uint8_t graphics[VGA_GRAPHICS_REGISTERS];
    uint8_t crtc[VGA_CRTC_REGISTERS];
    uint8_t attribute[VGA_ATTRIBUTE_REGISTERS];
    uint8_t misc_output, feature_control;
    uint8_t dac_mask, dac_state, dac_read_index, dac_write_index, dac_component;
    uint8_t dac_latch[3]; // a colour takes effect with its third write
    uint8_t palette[256][3];
    uint8_t latch[4];
    uint8_t text_layout; // planes 0 and 1 at even addresses lie in VRAM's last 64 KiB
    uint16_t dispi_index;
    uint16_t dispi[VBE_REGISTERS];
    struct vga_window window;
};

struct vga {
    const struct device_host *host;
    // vga_window() gives something else now; BAR 0 or BAR 2 may have moved. Either may be null.
    void (*window_changed)(void *machine);
    void (*bars_changed)(void *machine);
    uint8_t *vram;
    uint32_t vram_bytes;
    struct pci_function pci;
    struct vga_state s;
};

struct vga_settings {
    uint8_t *vram;       // page aligned, zeroed
    uint32_t vram_bytes; // a power of two, at least VGA_VRAM_MIN
    void (*window_changed)(void *machine);
    void (*bars_changed)(void *machine);
};

// Sets up the VGA as after power-on. The machine puts `vga->pci` on its bus where it likes.
void vga_init(struct vga *vga, const struct device_host *host, const struct vga_settings *settings);

// Reset of the machine. VRAM keeps its contents.
void vga_reset(struct vga *vga);

// Sets mode 03h, 80 by 25 characters, and clears the screen, as a BIOS would: for guests that are booted without one.
// There is no font in plane 2.
void vga_set_text_mode(struct vga *vga);

// Ports 3B0h..3DFh and 1CEh..1D1h. `device` is the struct vga.
uint32_t vga_port_read(void *device, uint16_t port, unsigned bytes);
void vga_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// BAR 0, VRAM (to be mapped) and BAR 2, registers (to be trapped): guest-physical address, 0 while it is not decoded.
uint64_t vga_framebuffer_base(const struct vga *vga);
uint64_t vga_mmio_base(const struct vga *vga);
uint64_t vga_mmio_read(void *device, uint64_t offset, unsigned bytes);
void vga_mmio_write(void *device, uint64_t offset, unsigned bytes, uint64_t value);

void vga_window(const struct vga *vga, struct vga_window *out);

// Trapped accesses to the window, of 1, 2, 4, 8 bytes at `offset` from A0000h. They are right where the window could be
// mapped, too. The string forms are as many single byte accesses at ascending addresses.
uint64_t vga_memory_read(void *device, uint64_t offset, unsigned bytes);
void vga_memory_write(void *device, uint64_t offset, unsigned bytes, uint64_t value);
void vga_memory_read_string(struct vga *vga, uint32_t offset, void *to, size_t bytes);
void vga_memory_write_string(struct vga *vga, uint32_t offset, const void *from, size_t bytes);
void vga_memory_fill(struct vga *vga, uint32_t offset, const void *pattern, size_t width, size_t count); // REP STOS
