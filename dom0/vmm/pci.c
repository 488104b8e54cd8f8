// PCI configuration mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2) on one bus, and the rules of writes to configuration
// space.
#include "dom0/vmm/pci.h"

#define PORT_ADDRESS 0xcf8u
#define PORT_DATA    0xcfcu

// CONFIG_ADDRESS: enable, bus, device and function, dword; the other bits are hardwired to zero.
#define ADDRESS_ENABLE   0x80000000u
#define ADDRESS_BUS      0x00ff0000u
#define ADDRESS_WRITABLE 0x80fffffcu

#define INTERRUPT_LINE 0x3cu

void pci_attach(struct pci_bus *bus, uint8_t devfn, struct pci_function *function) {
    function->writable[INTERRUPT_LINE] = 0xff; // a scratch byte of the firmware's, whatever the function
    bus->functions[devfn] = function;
}

void pci_reset(struct pci_bus *bus) {
    bus->s.config_address = 0;
}

// The function that CONFIG_ADDRESS selects; null if there is none, or if the cycle is not a configuration cycle.
static struct pci_function *selected(const struct pci_bus *bus) {
    uint32_t address = bus->s.config_address;
    if ((address & (ADDRESS_ENABLE | ADDRESS_BUS)) != ADDRESS_ENABLE)
        return NULL;
    return bus->functions[address >> 8 & 0xff];
}

// How many bytes of an access at a data port stay within the dword.
static unsigned within_dword(uint16_t port, unsigned bytes) {
    unsigned left = 4 - (port & 3u);
    return bytes < left ? bytes : left;
}

static uint32_t data_read(const struct pci_bus *bus, uint16_t port, unsigned bytes) {
    const struct pci_function *function = selected(bus);
    uint32_t value = 0;
    unsigned offset = (bus->s.config_address & 0xfc) | (port & 3u), inside = within_dword(port, bytes);
    for (unsigned i = 0; i < bytes && i < 4; i++)
        value |= (uint32_t)(function && i < inside ? function->s.config[offset + i] : 0xff) << 8 * i;
    return value;
}

static bool byte_write(struct pci_function *function, unsigned offset, uint8_t value) {
    uint8_t old = function->s.config[offset], writable = function->writable[offset];
    uint8_t new = (uint8_t)((old & ~writable) | (value & writable));
    new &= (uint8_t) ~(value & function->write_one_to_clear[offset]);
    function->s.config[offset] = new;
    return new != old;
}

static void data_write(struct pci_bus *bus, uint16_t port, unsigned bytes, uint32_t value) {
    struct pci_function *function = selected(bus);
    if (!function)
        return;
    unsigned offset = (bus->s.config_address & 0xfc) | (port & 3u);
    bool changed = false;
    bytes = within_dword(port, bytes);
    for (unsigned i = 0; i < bytes; i++)
        changed |= byte_write(function, offset + i, (uint8_t)(value >> 8 * i));
    if (changed && function->config_written)
        function->config_written(function->device, offset, bytes);
}

// CONFIG_ADDRESS is a dword register only: narrower accesses go to the ISA bus, where these ports belong to others.
uint32_t pci_port_read(void *device, uint16_t port, unsigned bytes) {
    const struct pci_bus *bus = device;
    if (port >= PORT_DATA && port < PORT_DATA + 4)
        return data_read(bus, port, bytes);
    return port == PORT_ADDRESS && bytes == 4 ? bus->s.config_address : 0xffffffff;
}

void pci_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    struct pci_bus *bus = device;
    if (port >= PORT_DATA && port < PORT_DATA + 4)
        data_write(bus, port, bytes, value);
    else if (port == PORT_ADDRESS && bytes == 4)
        bus->s.config_address = value & ADDRESS_WRITABLE;
}

uint16_t pci_config_get16(const struct pci_function *function, unsigned offset) {
    const uint8_t *at = &function->s.config[offset & 0xfe];
    return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t pci_config_get32(const struct pci_function *function, unsigned offset) {
    return pci_config_get16(function, offset & 0xfc) | (uint32_t)pci_config_get16(function, (offset & 0xfc) + 2) << 16;
}

void pci_config_set16(struct pci_function *function, unsigned offset, uint16_t value) {
    uint8_t *at = &function->s.config[offset & 0xfe];
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

void pci_config_set32(struct pci_function *function, unsigned offset, uint32_t value) {
    pci_config_set16(function, offset & 0xfc, (uint16_t)value);
    pci_config_set16(function, (offset & 0xfc) + 2, (uint16_t)(value >> 16));
}
