// The Bochs VBE extension and the PCI function of the VGA. BAR 2 has the layout that QEMU gave it: VGA ports 3C0h..3DFh
// at 400h, the extension's registers at 500h; there is no EDID.
#include "dom0/vmm/vga_internal.h"
#include "lib/string.h"

// --- Registers -------------------------------------------------------------------------------------------------------

#define ID_FIRST 0xb0c0
#define ID_LAST  0xb0c5
#define XRES_MAX 4096
#define YRES_MAX 4096
#define BPP_MAX  32

static uint32_t memory_bytes(const struct vga *vga) {
    return vga->vram_bytes - VGA_TEXT_BYTES;
}

bool vga_vbe_packed(const struct vga *vga) {
    return vga->s.dispi[VBE_ENABLE] & VBE_ENABLED && vga->s.dispi[VBE_BPP] >= 8;
}

// In a 4-bit mode the four planes lie in each 32-bit word: a line's bytes are as with 4 bits a pixel.
static uint32_t pixel_bits(const struct vga *vga) {
    uint32_t bpp = vga->s.dispi[VBE_BPP];
    return bpp == 15 ? 16 : bpp;
}

static uint32_t virtual_height(const struct vga *vga) {
    uint32_t line = vga->s.dispi[VBE_VIRT_WIDTH] * pixel_bits(vga) / 8;
    uint32_t height = line ? memory_bytes(vga) / line : 0;
    return height < 0xffff ? height : 0xffff;
}

// Makes the geometry of the mode to come one that fits into VRAM. False if none does.
static bool mode_fits(struct vga *vga) {
    uint16_t *r = vga->s.dispi;
    if (r[VBE_XRES] == 0 || r[VBE_YRES] == 0)
        return false;
    if (r[VBE_VIRT_WIDTH] < r[VBE_XRES])
        r[VBE_VIRT_WIDTH] = r[VBE_XRES];
    r[VBE_VIRT_HEIGHT] = (uint16_t)virtual_height(vga);
    return r[VBE_YRES] <= r[VBE_VIRT_HEIGHT];
}

static void mode_enable(struct vga *vga, uint16_t value) {
    uint16_t *r = vga->s.dispi;
    bool was_on = r[VBE_ENABLE] & VBE_ENABLED;
    r[VBE_ENABLE] = value;
    if (!(value & VBE_ENABLED)) {
        r[VBE_BANK] = 0;
    } else if (!was_on) {
        r[VBE_VIRT_WIDTH] = r[VBE_XRES];
        r[VBE_X_OFFSET] = r[VBE_Y_OFFSET] = 0;
        if (!mode_fits(vga))
            r[VBE_ENABLE] &= (uint16_t)~VBE_ENABLED;
    }
    // The window first: it brings the planes to where they are cleared.
    vga_window_update(vga);
    if (!was_on && r[VBE_ENABLE] & VBE_ENABLED && !(value & VBE_NOCLEARMEM))
        memset(vga->vram, 0, (size_t)(r[VBE_VIRT_WIDTH] * pixel_bits(vga) / 8) * r[VBE_YRES]);
}

static void geometry_write(struct vga *vga, unsigned index, uint16_t value) {
    static const uint16_t limits[] = {[VBE_XRES] = XRES_MAX, [VBE_YRES] = YRES_MAX};
    if (!(vga->s.dispi[VBE_ENABLE] & VBE_ENABLED) && value <= limits[index])
        vga->s.dispi[index] = index == VBE_XRES ? value & 0xfff8 : value;
}

static void virtual_width_write(struct vga *vga, uint16_t value) {
    uint16_t *r = vga->s.dispi;
    uint16_t before = r[VBE_VIRT_WIDTH];
    r[VBE_VIRT_WIDTH] = value & 0xfff8;
    if (!(r[VBE_ENABLE] & VBE_ENABLED) || mode_fits(vga))
        return;
    r[VBE_VIRT_WIDTH] = before;
    (void)mode_fits(vga);
}

static void bpp_write(struct vga *vga, uint16_t value) {
    static const uint8_t depths[] = {4, 8, 15, 16, 24, 32};
    if (vga->s.dispi[VBE_ENABLE] & VBE_ENABLED)
        return;
    for (unsigned i = 0; i < sizeof depths; i++)
        if (value == depths[i] || (value == 0 && depths[i] == 8)) // 0: Bochs' first version knew 8 only
            vga->s.dispi[VBE_BPP] = depths[i];
}

static void bank_write(struct vga *vga, uint16_t value) {
    if (value < memory_bytes(vga) / 0x10000)
        vga->s.dispi[VBE_BANK] = value;
    vga_window_update(vga);
}

uint16_t vga_dispi_read(const struct vga *vga, unsigned index) {
    const uint16_t *r = vga->s.dispi;
    if (index >= VBE_REGISTERS)
        return 0;
    if (r[VBE_ENABLE] & VBE_GETCAPS && index >= VBE_XRES && index <= VBE_BPP)
        return index == VBE_XRES ? XRES_MAX : index == VBE_YRES ? YRES_MAX : BPP_MAX;
    if (index == VBE_VIDEO_MEMORY_64K)
        return (uint16_t)(memory_bytes(vga) / 0x10000);
    return r[index];
}

void vga_dispi_write(struct vga *vga, unsigned index, uint16_t value) {
    uint16_t *r = vga->s.dispi;
    switch (index) {
    case VBE_ID:
        if (value >= ID_FIRST && value <= ID_LAST)
            r[VBE_ID] = value;
        break;
    case VBE_XRES:
    case VBE_YRES:
        geometry_write(vga, index, value);
        break;
    case VBE_BPP:
        bpp_write(vga, value);
        break;
    case VBE_ENABLE:
        mode_enable(vga, value & (VBE_ENABLED | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NOCLEARMEM));
        break;
    case VBE_BANK:
        bank_write(vga, value);
        break;
    case VBE_VIRT_WIDTH:
        virtual_width_write(vga, value);
        break;
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        r[index] = value;
        break;
    default:
        break;
    }
}

void vga_vbe_reset(struct vga *vga) {
    memset(vga->s.dispi, 0, sizeof vga->s.dispi);
    vga->s.dispi_index = 0;
    vga->s.dispi[VBE_ID] = ID_LAST;
    vga->s.dispi[VBE_BPP] = 8;
}

// --- BAR 2 -----------------------------------------------------------------------------------------------------------

#define MMIO_PORTS 0x400u // 3C0h..3DFh
#define MMIO_DISPI 0x500u

static bool in(uint64_t offset, unsigned bytes, uint32_t first, uint32_t size) {
    return offset >= first && offset + bytes <= first + size;
}

uint64_t vga_mmio_read(void *device, uint64_t offset, unsigned bytes) {
    struct vga *vga = (struct vga *)device;
    if (offset >= VGA_MMIO_BYTES)
        return ~0ull;
    if (bytes <= 4 && in(offset, bytes, MMIO_PORTS, 0x20))
        return vga_port_read(vga, (uint16_t)(offset - MMIO_PORTS + 0x3c0), bytes);
    if (bytes == 2 && !(offset & 1) && in(offset, bytes, MMIO_DISPI, VBE_REGISTERS * 2))
        return vga_dispi_read(vga, (unsigned)(offset - MMIO_DISPI) / 2);
    return ~0ull;
}

void vga_mmio_write(void *device, uint64_t offset, unsigned bytes, uint64_t value) {
    struct vga *vga = (struct vga *)device;
    if (offset >= VGA_MMIO_BYTES)
        return;
    if (bytes <= 4 && in(offset, bytes, MMIO_PORTS, 0x20))
        vga_port_write(vga, (uint16_t)(offset - MMIO_PORTS + 0x3c0), bytes, (uint32_t)value);
    else if (bytes == 2 && !(offset & 1) && in(offset, bytes, MMIO_DISPI, VBE_REGISTERS * 2))
        vga_dispi_write(vga, (unsigned)(offset - MMIO_DISPI) / 2, (uint16_t)value);
}

// --- PCI function ----------------------------------------------------------------------------------------------------

#define PCI_COMMAND        0x04
#define PCI_COMMAND_MEMORY 0x02
#define PCI_BAR0           0x10
#define PCI_BAR2           0x18

static uint64_t bar(const struct vga *vga, unsigned offset) {
    const uint8_t *c = vga->pci.s.config;
    uint32_t value = (uint32_t)c[offset + 3] << 24 | (uint32_t)c[offset + 2] << 16 | (uint32_t)c[offset + 1] << 8;
    return c[PCI_COMMAND] & PCI_COMMAND_MEMORY ? value : 0;
}

uint64_t vga_framebuffer_base(const struct vga *vga) {
    return bar(vga, PCI_BAR0);
}

uint64_t vga_mmio_base(const struct vga *vga) {
    return bar(vga, PCI_BAR2);
}

static void config_written(void *device, unsigned offset, unsigned bytes) {
    struct vga *vga = (struct vga *)device;
    bool command = offset <= PCI_COMMAND && offset + bytes > PCI_COMMAND;
    bool bars = offset < PCI_BAR2 + 4 && offset + bytes > PCI_BAR0;
    if ((command || bars) && vga->bars_changed)
        vga->bars_changed(vga->host->machine);
}

static void writable_bar(struct pci_function *pci, unsigned offset, uint32_t size) {
    for (unsigned i = 0; i < 4; i++)
        pci->writable[offset + i] = (uint8_t)(~(size - 1) >> i * 8);
}

void vga_pci_reset(struct vga *vga) {
    static const struct {
        uint8_t offset, value;
    } defaults[] = {
        {0x00, 0x34},     {0x01, 0x12}, {0x02, 0x11}, {0x03, 0x11}, // 1234:1111
        {0x0b, 0x03},                                               // VGA-compatible display controller
        {PCI_BAR0, 0x08},                                           // prefetchable
        {0x2c, 0xf4},     {0x2d, 0x1a}, {0x2e, 0x00}, {0x2f, 0x11}, // subsystem 1AF4:1100, as drivers know it
    };
    uint8_t *config = vga->pci.s.config;
    memset(config, 0, sizeof vga->pci.s.config);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        config[defaults[i].offset] = defaults[i].value;
    if (vga->bars_changed)
        vga->bars_changed(vga->host->machine);
}

void vga_pci_init(struct vga *vga) {
    vga->pci.name = "vga";
    vga->pci.device = vga;
    vga->pci.config_written = config_written;
    vga->pci.writable[PCI_COMMAND] = 0x03; // I/O, memory space
    writable_bar(&vga->pci, PCI_BAR0, vga->vram_bytes);
    writable_bar(&vga->pci, PCI_BAR2, VGA_MMIO_BYTES);
}
