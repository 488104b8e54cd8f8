// The firmware's part in setting up i440FX, PIIX3 and PIIX4, as SeaBIOS does it.
#include "dom0/vmm/chipset_setup.h"
#include "dom0/vmm/i440fx.h"
#include "dom0/vmm/piix3.h"
#include "dom0/vmm/piix4_pm.h"

#define INTERRUPT_LINE 0x3cu
#define INTERRUPT_PIN  0x3du

static const uint8_t pirq_irqs[PIIX3_PIRQS] = {10, 10, 11, 11};

static void config_write(struct pci_bus *bus, uint8_t devfn, unsigned offset, uint8_t value) {
    pci_port_write(bus, 0xcf8, 4, 0x80000000u | (uint32_t)devfn << 8 | (offset & 0xfc));
    pci_port_write(bus, (uint16_t)(0xcfc + (offset & 3)), 1, value);
}

static void interrupt_line(struct pci_bus *bus, unsigned devfn) {
    unsigned pin = bus->functions[devfn]->s.config[INTERRUPT_PIN], slot = devfn >> 3;
    if (pin < 1 || pin > 4)
        return;
    uint8_t irq = devfn == PIIX4_PM_DEVFN ? PIIX4_PM_IRQ : pirq_irqs[(slot - 1 + pin - 1) & 3];
    config_write(bus, (uint8_t)devfn, INTERRUPT_LINE, irq);
}

void chipset_setup(struct pci_bus *bus, struct piix3 *piix3) {
    static const struct {
        uint8_t devfn, offset, value;
    } writes[] = {
        {I440FX_DEVFN, 0x59, 0x30}, // PAM: RAM, writable
        {I440FX_DEVFN, 0x5a, 0x33},
        {I440FX_DEVFN, 0x5b, 0x33},
        {I440FX_DEVFN, 0x5c, 0x33},
        {I440FX_DEVFN, 0x5d, 0x33},
        {I440FX_DEVFN, 0x5e, 0x33},
        {I440FX_DEVFN, 0x5f, 0x33},
        {PIIX4_PM_DEVFN, 0x40, PIIX4_PM_BASE & 0xff}, // PMBA
        {PIIX4_PM_DEVFN, 0x41, PIIX4_PM_BASE >> 8},
        {PIIX4_PM_DEVFN, 0x80, 0x01}, // PMREGMISC: the PM block is there
        {PIIX4_PM_DEVFN, 0x04, 0x01},
    };
    for (unsigned i = 0; i < sizeof writes / sizeof writes[0]; i++)
        config_write(bus, writes[i].devfn, writes[i].offset, writes[i].value);
    unsigned elcr = 1u << PIIX4_PM_IRQ;
    for (unsigned pirq = 0; pirq < PIIX3_PIRQS; pirq++) {
        config_write(bus, PIIX3_DEVFN, 0x60 + pirq, pirq_irqs[pirq]);
        elcr |= 1u << pirq_irqs[pirq];
    }
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (bus->functions[devfn])
            interrupt_line(bus, devfn);
    piix3_port_write(piix3, PIIX3_PORT_ELCR, 2, elcr);
    pci_reset(bus);
}
