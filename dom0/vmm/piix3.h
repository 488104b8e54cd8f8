// The PCI-to-ISA bridge 82371SB (PIIX3, Intel order no. 290550): interrupt routing, edge/level control, reset control.
// Its IDE function is ide.h's.
#pragma once
#include "dom0/vmm/device.h"
#include "dom0/vmm/pci.h"

#define PIIX3_DEVFN            PCI_DEVFN(1, 0)
#define PIIX3_PORT_SYSTEM      0x92u  // port 92h: A20 and fast reset
#define PIIX3_PORT_COPROCESSOR 0xf0u  // 2.5.5.2
#define PIIX3_PORT_ELCR        0x4d0u // 2 ports, 2.5.3
#define PIIX3_PORT_RESET       0xcf9u // reset control, 2.5.5.4
#define PIIX3_PIRQS            4u
#define PIIX3_IRQ_NONE         16u

struct piix3_state {
    uint8_t pins[256]; // by devfn: bit 0..3 is the level of INTA#..INTD#
    uint16_t pirqs[4]; // how many pins hold each of PIRQA#..PIRQD#
    uint16_t irqs;     // ISA IRQs that are high because of them
    uint8_t elcr[2];
    uint8_t reset_control;
    uint8_t system_control;
    uint8_t coprocessor_error; // IRQ 13 is up
};

struct piix3 {
    const struct device_host *host;
    void (*elcr_changed)(void *machine, uint16_t level_triggered); // for the 8259s. May be null.
    struct pci_function pci;
    struct piix3_state s;
};

// The machine puts `piix3->pci` on its bus at PIIX3_DEVFN.
void piix3_init(struct piix3 *piix3, const struct device_host *host,
                void (*elcr_changed)(void *machine, uint16_t level_triggered));

// Reset of the machine. Pins keep their levels; the models that drive them are reset too.
void piix3_reset(struct piix3 *piix3);

// Level of the interrupt pin (1..4: INTA#..INTD#, as in configuration register 3Dh) of a function; true: asserted. Pins
// are wired to PIRQ[(slot - 1 + pin - 1) & 3] as on QEMU's board, pins that share a PIRQ are ORed. Calls irq_set.
void piix3_pirq_set(struct piix3 *piix3, unsigned devfn, unsigned pin, bool level);

// ISA IRQ that a PIRQ (0..3) goes to now, PIIX3_IRQ_NONE if none.
unsigned piix3_pirq_route(const struct piix3 *piix3, unsigned pirq);

// ELCR: bit per IRQ, set: level-triggered.
uint16_t piix3_elcr(const struct piix3 *piix3);

// FERR#: IRQ 13 goes up until port F0h is written. IGNNE# is not modelled: who has not cleared the error by then is
// told again.
void piix3_coprocessor_error(struct piix3 *piix3);

// Ports 92h, F0h, 4D0h, 4D1h, CF9h. Of CF9h only accesses of one byte: the dword at CF8h is the PCI bus'.
uint32_t piix3_port_read(void *device, uint16_t port, unsigned bytes);
void piix3_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);
