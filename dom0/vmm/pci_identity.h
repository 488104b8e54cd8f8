// What a PCI function says of itself at reset (PCI Local Bus 3.0, 6.2.1), as the chipset's models fill it in.
#pragma once
#include "dom0/vmm/pci.h"
#include "lib/string.h"

struct pci_identity {
    uint16_t vendor, device, command, status;
    uint8_t revision, prog_if, subclass, class, header_type;
};

// A byte of configuration space and the bits of it that the guest may write.
struct pci_default {
    uint8_t offset, value, writable;
};

// Every model of QEMU's PC has this subsystem; SeaBIOS knows by it that fw_cfg is there.
#define PCI_SUBSYSTEM_VENDOR 0x1af4u
#define PCI_SUBSYSTEM_DEVICE 0x1100u

static inline void pci_identity_reset(struct pci_function *pci, const struct pci_identity *identity,
                                      const struct pci_default *defaults, size_t count) {
    uint8_t *config = pci->s.config;
    memset(config, 0, sizeof pci->s.config);
    pci_config_set16(pci, 0x00, identity->vendor);
    pci_config_set16(pci, 0x02, identity->device);
    pci_config_set16(pci, 0x04, identity->command);
    pci_config_set16(pci, 0x06, identity->status);
    config[0x08] = identity->revision;
    config[0x09] = identity->prog_if;
    config[0x0a] = identity->subclass;
    config[0x0b] = identity->class;
    config[0x0e] = identity->header_type;
    pci_config_set16(pci, 0x2c, PCI_SUBSYSTEM_VENDOR);
    pci_config_set16(pci, 0x2e, PCI_SUBSYSTEM_DEVICE);
    for (size_t i = 0; i < count; i++) {
        config[defaults[i].offset] = defaults[i].value;
        pci->writable[defaults[i].offset] = defaults[i].writable;
    }
}
