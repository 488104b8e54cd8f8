// Random accesses to the chipset: configuration space of i440FX, PIIX3 with IDE, PIIX4 and VGA, their ports, and
// interrupt pins. After each step the lines must be what routing registers and pins say, and what the guest can move
// must be where its registers say, and known to the machine. Each step is four bytes: what, and a value.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/vmm/i440fx.h"
#include "dom0/vmm/ide.h"
#include "dom0/vmm/piix3.h"
#include "dom0/vmm/piix4_pm.h"
#include "dom0/vmm/vga.h"

#define STEP_BYTES 4u
#define VRAM_BYTES 0x1000000u
#define IDE_DEVFN  PCI_DEVFN(1, 1)
#define VGA_DEVFN  PCI_DEVFN(2, 0)

// What the guest can move, as the machine was told last.
struct moved {
    uint64_t pm, bus_master, framebuffer, mmio;
    uint8_t pam[I440FX_PAM_REGIONS];
};

static struct {
    struct pci_bus bus;
    struct i440fx bridge;
    struct piix3 piix3;
    struct piix4_pm pm;
    struct ide ide;
    struct vga vga;
    struct moved moved;
    uint8_t pins[256]; // as the input set them
    bool sci, lines[16];
    bool sci_writes; // irq_set() comes from the PM function
    uint64_t now_ns;
} m;

static void check(bool good) {
    if (!good)
        abort();
}

static uint64_t now_ns(void *machine) {
    (void)machine;
    return m.now_ns;
}

static void irq_set(void *machine, unsigned line, bool level) {
    (void)machine;
    check(line < 16);
    bool *to = m.sci_writes ? &m.sci : &m.lines[line];
    check(!m.sci_writes || line == PIIX4_PM_IRQ);
    check(*to != level);
    *to = level;
}

static void ignore(void *machine) {
    (void)machine;
}

static uint8_t pam_access(unsigned region) {
    struct i440fx_pam_region pam = i440fx_pam_region(&m.bridge, region);
    return (uint8_t)(pam.read_ram | pam.write_ram << 1);
}

static void ports_changed(void *machine) {
    (void)machine;
    m.moved.pm = piix4_pm_base(&m.pm);
    m.moved.bus_master = ide_bus_master_base(&m.ide);
}

static void map_changed(void *machine) {
    (void)machine;
    m.moved.framebuffer = vga_framebuffer_base(&m.vga);
    m.moved.mmio = vga_mmio_base(&m.vga);
    for (unsigned i = 0; i < I440FX_PAM_REGIONS; i++)
        m.moved.pam[i] = pam_access(i);
}

static void log_line(void *machine, const char *message, ...) {
    (void)machine, (void)message;
}

static const struct device_host host = {.now_ns = now_ns,
                                        .irq_set = irq_set,
                                        .timer_changed = ignore,
                                        .reset = ignore,
                                        .power_off = ignore,
                                        .log = log_line};

static void setup(void) {
    static uint8_t vram[VRAM_BYTES];
    memset(&m, 0, sizeof m);
    i440fx_init(&m.bridge, &host, map_changed);
    piix3_init(&m.piix3, &host, NULL);
    piix4_pm_init(&m.pm, &host, ports_changed);
    ide_init(&m.ide, &host, ports_changed);
    vga_init(&m.vga, &host,
             &(struct vga_settings){.vram = vram, .vram_bytes = VRAM_BYTES, .bars_changed = map_changed});
    map_changed(NULL);
    ports_changed(NULL);
    pci_attach(&m.bus, IDE_DEVFN, &m.ide.pci);
    pci_attach(&m.bus, VGA_DEVFN, &m.vga.pci);
    pci_attach(&m.bus, I440FX_DEVFN, &m.bridge.pci);
    pci_attach(&m.bus, PIIX3_DEVFN, &m.piix3.pci);
    pci_attach(&m.bus, PIIX4_PM_DEVFN, &m.pm.pci);
}

static void check_lines(void) {
    bool wanted[17] = {false};
    for (unsigned devfn = 0; devfn < 256; devfn++)
        for (unsigned pin = 0; pin < 4; pin++)
            if (m.pins[devfn] >> pin & 1)
                wanted[piix3_pirq_route(&m.piix3, (devfn / 8 + 3 + pin) % 4)] = true;
    for (unsigned irq = 0; irq < 16; irq++)
        check(m.lines[irq] == wanted[irq]);
    for (unsigned i = 0; i < I440FX_PAM_REGIONS; i++)
        check(i440fx_pam_region(&m.bridge, i).start + i440fx_pam_region(&m.bridge, i).bytes <= 0x100000);
    check(m.pm.pci.s.config[0x5b] == 2 && m.piix3.pci.s.config[0x0e] == 0x80);
}

// A BAR: its size's multiple or, without decoding, nowhere; what is no address of its register cannot be written.
static void check_bar(const struct pci_function *function, unsigned offset, uint32_t size, uint32_t flags,
                      uint64_t is) {
    uint32_t value = pci_config_get32(function, offset), decode = flags & 1 ? 1 : 2;
    check((value & (size - 1)) == flags);
    value &= flags & 1 ? 0xffff : 0xffffffff; // ports have 16 bits
    check(is == (pci_config_get16(function, 4) & decode ? value - flags : 0));
}

static void check_moved(void) {
    check(m.moved.pm == piix4_pm_base(&m.pm));
    check(m.moved.bus_master == ide_bus_master_base(&m.ide));
    check_bar(&m.ide.pci, 0x20, IDE_BUS_MASTER_PORTS, 1, m.moved.bus_master);
    check_bar(&m.vga.pci, 0x10, VRAM_BYTES, 8, m.moved.framebuffer);
    check_bar(&m.vga.pci, 0x18, VGA_MMIO_BYTES, 0, m.moved.mmio);
    for (unsigned i = 0; i < I440FX_PAM_REGIONS; i++)
        check(m.moved.pam[i] == pam_access(i));
}

static void config_access(const uint8_t *at, unsigned bytes) {
    static const uint8_t devfns[8] = {I440FX_DEVFN, PIIX3_DEVFN, PIIX4_PM_DEVFN, PCI_DEVFN(3, 0),
                                      IDE_DEVFN,    VGA_DEVFN,   IDE_DEVFN,      VGA_DEVFN};
    uint32_t address = 0x80000000u | (uint32_t)devfns[(at[0] >> 2 & 3) | (at[0] >> 4 & 4)] << 8 | at[1];
    uint16_t port = (uint16_t)(0xcfc + (at[1] & 3));
    pci_port_write(&m.bus, 0xcf8, 4, address);
    check(pci_port_read(&m.bus, 0xcf8, 4) == (address & ~3u));
    pci_port_write(&m.bus, port, bytes, (uint32_t)at[2] * 0x01010101u ^ (uint32_t)at[3] << 8);
    (void)pci_port_read(&m.bus, port, bytes);
}

static void port_access(const uint8_t *at, unsigned bytes) {
    static const uint16_t ports[4] = {PIIX3_PORT_ELCR, PIIX3_PORT_RESET, PIIX3_PORT_SYSTEM, PIIX4_PM_PORT_COMMAND};
    unsigned which = at[0] >> 2 & 3;
    uint16_t port = (uint16_t)(ports[which] + (at[1] & 1));
    m.sci_writes = which == 3;
    if (which == 3) {
        piix4_pm_command_write(&m.pm, port, bytes, at[2]);
        (void)piix4_pm_command_read(&m.pm, port, bytes);
    } else {
        piix3_port_write(&m.piix3, port, bytes, (uint32_t)at[2] | (uint32_t)at[3] << 8);
        (void)piix3_port_read(&m.piix3, port, bytes);
    }
    m.sci_writes = false;
}

static void pm_access(const uint8_t *at, unsigned bytes) {
    m.sci_writes = true;
    m.now_ns += (uint64_t)at[3] << 24;
    piix4_pm_port_write(&m.pm, at[1], bytes, (uint32_t)at[2] * 0x01010101u);
    (void)piix4_pm_port_read(&m.pm, at[1], bytes);
    if (at[0] & 4)
        (void)piix4_pm_power_button(&m.pm);
    if (piix4_pm_deadline_ns(&m.pm) <= m.now_ns)
        piix4_pm_expire(&m.pm, m.now_ns);
    check(piix4_pm_deadline_ns(&m.pm) > m.now_ns);
    m.sci_writes = false;
}

static void pin_set(const uint8_t *at) {
    unsigned pin = at[2] % 6;
    bool level = at[3] & 1;
    piix3_pirq_set(&m.piix3, at[1], pin, level);
    if (pin >= 1 && pin <= 4)
        m.pins[at[1]] = (uint8_t)((m.pins[at[1]] & ~(1u << (pin - 1))) | (unsigned)level << (pin - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t widths[4] = {1, 2, 4, 1};
    setup();
    for (size_t at = 0; size - at >= STEP_BYTES; at += STEP_BYTES) {
        unsigned bytes = widths[data[at] & 3];
        switch (data[at] >> 4 & 3) {
        case 0:
            config_access(data + at, bytes);
            break;
        case 1:
            port_access(data + at, bytes);
            break;
        case 2:
            pm_access(data + at, bytes);
            break;
        default:
            pin_set(data + at);
            break;
        }
        check_lines();
        check_moved();
    }
    return 0;
}
