// PCI bus 0 of a guest: configuration mechanism #1 (ports CF8h, CFCh) and its functions (PCI Local Bus 3.0, 3.2.2.3).
#pragma once
#include "dom0/vmm/device.h"

#define PCI_DEVFN(device, function) ((uint8_t)((device) << 3 | (function)))

struct pci_state {
    uint32_t config_address;
};

struct pci_function_state {
    uint8_t config[256];
};

// One function. The model fills config (identity, defaults) and writable (bits that the guest may change) at start; BAR
// sizes follow from the writable bits. Reads come from config alone.
struct pci_function {
    const char *name;
    struct pci_function_state s;
    uint8_t writable[256];
    uint8_t write_one_to_clear[256];
    void *device;
    // After a write changed bytes [offset, offset+bytes): the model moves its BARs, PAM windows, routing. May be null.
    void (*config_written)(void *device, unsigned offset, unsigned bytes);
};

struct pci_bus {
    struct pci_state s;
    struct pci_function *functions[256]; // by devfn, null where nothing sits
};

// Puts a function on the bus. Requires: devfn is free.
void pci_attach(struct pci_bus *bus, uint8_t devfn, struct pci_function *function);

// Reset of the machine: the functions are reset by their models.
void pci_reset(struct pci_bus *bus);

// Ports CF8h..CFFh. The model in `device` is the struct pci_bus.
uint32_t pci_port_read(void *device, uint16_t port, unsigned bytes);
void pci_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// Little-endian fields of a function's configuration space, for models.
uint16_t pci_config_get16(const struct pci_function *function, unsigned offset);
uint32_t pci_config_get32(const struct pci_function *function, unsigned offset);
void pci_config_set16(struct pci_function *function, unsigned offset, uint16_t value);
void pci_config_set32(struct pci_function *function, unsigned offset, uint32_t value);
