// The PIIX3's ISA bridge. The timers' and refresh registers are kept as written and do nothing.
#include "dom0/vmm/piix3.h"
#include "dom0/vmm/isa_bytes.h"
#include "dom0/vmm/pci_identity.h"

#define PIRQRCA       0x60u // 2.2.5, four of them
#define PIRQ_DISABLED 0x80u

#define ELCR1_WRITABLE 0xf8u // IRQ 0, 1, 2, 8 and 13 are always edge-triggered
#define ELCR2_WRITABLE 0xdeu

#define IRQ_COPROCESSOR 13u

#define RESET_HARD 0x02u // SRST: the kind of reset
#define RESET_CPU  0x04u // RCPU: its rising edge resets

#define SYSTEM_FAST_INIT 0x01u
#define SYSTEM_A20       0x02u

// IRQs that a PIRQ can be routed to: 3..7, 9..12, 14, 15.
#define ROUTABLE 0xdef8u

static const struct pci_identity identity = {.vendor = 0x8086,
                                             .device = 0x7000,
                                             .command = 0x0007,
                                             .status = 0x0200,
                                             .subclass = 1,
                                             .class = 6,
                                             .header_type = 0x80};

static const struct pci_default defaults[] = {
    {0x4c, 0x4d, 0xff}, {0x4e, 0x03, 0xff}, {0x4f, 0x00, 0x01},                     // IORT, XBCS
    {0x60, 0x80, 0x8f}, {0x61, 0x80, 0x8f}, {0x62, 0x80, 0x8f}, {0x63, 0x80, 0x8f}, // PIRQRC
    {0x69, 0x02, 0xfe}, {0x6a, 0x00, 0x83}, {0x70, 0x80, 0xef}, {0x71, 0x80, 0xef}, // TOM, MSTAT, MBIRQ
    {0x76, 0x0c, 0x8f}, {0x77, 0x0c, 0x8f}, {0x78, 0x02, 0xff}, {0x79, 0x00, 0xff}, // MBDMA, PCSC
    {0x80, 0x00, 0x7f}, {0x82, 0x00, 0x0f}, {0xa0, 0x08, 0x1f}, {0xa2, 0x00, 0xff}, // APICBASE, DLC, SMICNTL, SMIEN
    {0xa3, 0x00, 0xff}, {0xa8, 0x0f, 0xff},                                         // SMIEN, FTMR
};

unsigned piix3_pirq_route(const struct piix3 *piix3, unsigned pirq) {
    uint8_t route = piix3->pci.s.config[PIRQRCA + (pirq & 3)];
    unsigned irq = route & 0x0f;
    return route & PIRQ_DISABLED || !(ROUTABLE >> irq & 1) ? PIIX3_IRQ_NONE : irq;
}

// ISA lines follow from the levels of the PIRQs and where these are routed.
static void irqs_update(struct piix3 *piix3) {
    unsigned irqs = 0;
    for (unsigned pirq = 0; pirq < PIIX3_PIRQS; pirq++) {
        unsigned irq = piix3_pirq_route(piix3, pirq);
        if (piix3->s.pirqs[pirq] && irq != PIIX3_IRQ_NONE)
            irqs |= 1u << irq;
    }
    unsigned changed = irqs ^ piix3->s.irqs;
    piix3->s.irqs = (uint16_t)irqs;
    for (unsigned irq = 0; irq < 16; irq++)
        if (changed >> irq & 1)
            piix3->host->irq_set(piix3->host->machine, irq, irqs >> irq & 1);
}

void piix3_pirq_set(struct piix3 *piix3, unsigned devfn, unsigned pin, bool level) {
    if (devfn > 0xff || pin < 1 || pin > 4)
        return;
    unsigned bit = 1u << (pin - 1), pirq = ((devfn >> 3) - 1 + pin - 1) & 3;
    if (((piix3->s.pins[devfn] & bit) != 0) == level)
        return;
    piix3->s.pins[devfn] ^= (uint8_t)bit;
    piix3->s.pirqs[pirq] = (uint16_t)(piix3->s.pirqs[pirq] + (level ? 1 : -1));
    irqs_update(piix3);
}

static void config_written(void *device, unsigned offset, unsigned bytes) {
    if (offset < PIRQRCA + PIIX3_PIRQS && offset + bytes > PIRQRCA)
        irqs_update(device);
}

uint16_t piix3_elcr(const struct piix3 *piix3) {
    return (uint16_t)(piix3->s.elcr[0] | piix3->s.elcr[1] << 8);
}

static void elcr_write(struct piix3 *piix3, unsigned index, uint8_t value) {
    piix3->s.elcr[index] = value & (index ? ELCR2_WRITABLE : ELCR1_WRITABLE);
    if (piix3->elcr_changed)
        piix3->elcr_changed(piix3->host->machine, piix3_elcr(piix3));
}

static void coprocessor_set(struct piix3 *piix3, bool level) {
    if (level == (piix3->s.coprocessor_error != 0))
        return;
    piix3->s.coprocessor_error = level;
    piix3->host->irq_set(piix3->host->machine, IRQ_COPROCESSOR, level);
}

// Whether or not XBCS lets it: the firmware does not ask for it, its interrupt handler is there nevertheless.
void piix3_coprocessor_error(struct piix3 *piix3) {
    coprocessor_set(piix3, true);
}

static void registers_reset(struct piix3 *piix3) {
    pci_identity_reset(&piix3->pci, &identity, defaults, sizeof defaults / sizeof defaults[0]);
    piix3->s.elcr[1] = 0;
    elcr_write(piix3, 0, 0);
    piix3->s.reset_control = 0;
    coprocessor_set(piix3, false);
    piix3->s.system_control = SYSTEM_A20;
}

void piix3_init(struct piix3 *piix3, const struct device_host *host,
                void (*elcr_changed)(void *machine, uint16_t level_triggered)) {
    memset(piix3, 0, sizeof *piix3);
    piix3->host = host;
    piix3->pci.name = "piix3";
    piix3->pci.device = piix3;
    piix3->pci.config_written = config_written;
    piix3->pci.write_one_to_clear[0x07] = 0x78;
    registers_reset(piix3);
    piix3->elcr_changed = elcr_changed;
}

void piix3_reset(struct piix3 *piix3) {
    registers_reset(piix3);
    irqs_update(piix3);
}

static uint8_t byte_read(void *device, uint16_t port) {
    const struct piix3 *piix3 = device;
    switch (port) {
    case PIIX3_PORT_SYSTEM:
        return piix3->s.system_control;
    case PIIX3_PORT_ELCR:
    case PIIX3_PORT_ELCR + 1:
        return piix3->s.elcr[port - PIIX3_PORT_ELCR];
    case PIIX3_PORT_RESET:
        return piix3->s.reset_control;
    default:
        return 0xff;
    }
}

static void machine_reset(struct piix3 *piix3) {
    piix3->host->reset(piix3->host->machine);
}

static void byte_write(void *device, uint16_t port, uint8_t value) {
    struct piix3 *piix3 = device;
    switch (port) {
    case PIIX3_PORT_SYSTEM: {
        bool reset = value & ~piix3->s.system_control & SYSTEM_FAST_INIT;
        piix3->s.system_control = value & (SYSTEM_FAST_INIT | SYSTEM_A20);
        if (reset)
            machine_reset(piix3);
        break;
    }
    case PIIX3_PORT_ELCR:
    case PIIX3_PORT_ELCR + 1:
        elcr_write(piix3, port - PIIX3_PORT_ELCR, value);
        break;
    case PIIX3_PORT_COPROCESSOR:
        coprocessor_set(piix3, false);
        break;
    case PIIX3_PORT_RESET: {
        bool reset = value & ~piix3->s.reset_control & RESET_CPU;
        piix3->s.reset_control = value & (RESET_HARD | RESET_CPU);
        if (reset)
            machine_reset(piix3);
        break;
    }
    default:
        break;
    }
}

uint32_t piix3_port_read(void *device, uint16_t port, unsigned bytes) {
    if (port == PIIX3_PORT_RESET && bytes != 1)
        return 0xffffffff;
    return isa_read_bytes(byte_read, device, port, bytes);
}

void piix3_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    if (port != PIIX3_PORT_RESET || bytes == 1)
        isa_write_bytes(byte_write, device, port, bytes, value);
}
