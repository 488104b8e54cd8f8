// The machine's I/O ports: a table of ranges, and an index by port that makes an access cheap.
#include "dom0/vmm/machine.h"
#include "dom0/vmm/port_map.h"
#include "lib/string.h"

struct port_range {
    uint16_t first, count;
    size_t device; // offset in struct machine
    device_port_read *read;
    device_port_write *write;
};

// CF8h..CFFh belong to the PCI bus, but for single bytes at CF9h, the reset control register.
static uint32_t configuration_read(void *device, uint16_t port, unsigned bytes) {
    struct machine *machine = device;
    if (port == PIIX3_PORT_RESET && bytes == 1)
        return piix3_port_read(&machine->piix3, port, bytes);
    return pci_port_read(&machine->pci, port, bytes);
}

static void configuration_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    struct machine *machine = device;
    if (port == PIIX3_PORT_RESET && bytes == 1)
        piix3_port_write(&machine->piix3, port, bytes, value);
    else
        pci_port_write(&machine->pci, port, bytes, value);
}

#define OF(member) offsetof(struct machine, member)

// Those with first = 0 are where the guest puts them: machine_ports_changed().
enum { RANGE_NONE = PORT_MAP_NONE, RANGE_PM, RANGE_BUS_MASTER };
_Static_assert(RANGE_BUS_MASTER == PORT_MAP_MOVABLE, "they come first");

static const struct port_range ranges[] = {
    [RANGE_NONE] = {0, 0, 0, NULL, NULL},
    [RANGE_PM] = {0, PIIX4_PM_PORTS, OF(pm), piix4_pm_port_read, piix4_pm_port_write},
    [RANGE_BUS_MASTER] = {0, IDE_BUS_MASTER_PORTS, OF(ide), ide_bus_master_read, ide_bus_master_write},
    {PIC_MASTER_BASE, 2, OF(pic), pic_port_read, pic_port_write},
    {PIC_SLAVE_BASE, 2, OF(pic), pic_port_read, pic_port_write},
    {PIT_BASE, 4, OF(pit), pit_port_read, pit_port_write},
    {PIT_PORT_CONTROL, 1, OF(pit), pit_port_read, pit_port_write},
    {I8042_PORT_DATA, 1, OF(i8042), i8042_port_read, i8042_port_write},
    {I8042_PORT_COMMAND, 1, OF(i8042), i8042_port_read, i8042_port_write},
    {RTC_BASE, 4, OF(rtc), rtc_port_read, rtc_port_write},
    {PIIX3_PORT_SYSTEM, 1, OF(piix3), piix3_port_read, piix3_port_write},
    {PIIX3_PORT_ELCR, 2, OF(piix3), piix3_port_read, piix3_port_write},
    {PIIX3_PORT_COPROCESSOR, 1, OF(piix3), piix3_port_read, piix3_port_write},
    {PIIX4_PM_PORT_COMMAND, 2, OF(pm), piix4_pm_command_read, piix4_pm_command_write},
    {IDE_PRIMARY_BASE, 8, OF(ide), ide_port_read, ide_port_write},
    {IDE_PRIMARY_CONTROL, 1, OF(ide), ide_port_read, ide_port_write},
    {IDE_SECONDARY_BASE, 8, OF(ide), ide_port_read, ide_port_write},
    {IDE_SECONDARY_CONTROL, 1, OF(ide), ide_port_read, ide_port_write},
    {VGA_DISPI_FIRST, VGA_DISPI_LAST - VGA_DISPI_FIRST + 1, OF(vga), vga_port_read, vga_port_write},
    {VGA_PORT_FIRST, VGA_PORT_LAST - VGA_PORT_FIRST + 1, OF(vga), vga_port_read, vga_port_write},
    {0x3f8, UART_PORTS, OF(uart), uart_port_read, uart_port_write},
    {PORTS_POST, 1, OF(ports), ports_port_read, ports_port_write},
    {PORTS_DELAY, 1, OF(ports), ports_port_read, ports_port_write},
    {PORTS_DEBUG, 1, OF(ports), ports_port_read, ports_port_write},
    {FW_CFG_PORT_BASE, FW_CFG_PORTS, OF(fw_cfg), fw_cfg_port_read, fw_cfg_port_write},
    {0xcf8, 8, 0, configuration_read, configuration_write},
};

static struct port_map map;

void machine_ports_init(struct machine *machine) {
    memset(&map, 0, sizeof map);
    for (unsigned i = RANGE_BUS_MASTER + 1; i < sizeof ranges / sizeof *ranges; i++) {
        bool absent = (ranges[i].read == piix4_pm_command_read && !machine->has_pm) ||
                      (ranges[i].read == uart_port_read && !machine->console_open);
        if (!absent)
            port_map_fix(&map, (uint8_t)i, ranges[i].first, ranges[i].count);
    }
}

void machine_ports_changed(void *context) {
    struct machine *machine = context;
    port_map_move(&map, RANGE_PM, machine->has_pm ? piix4_pm_base(&machine->pm) : 0, PIIX4_PM_PORTS);
    port_map_move(&map, RANGE_BUS_MASTER, ide_bus_master_base(&machine->ide), IDE_BUS_MASTER_PORTS);
}

uint32_t machine_port_read(struct machine *machine, uint16_t port, unsigned bytes) {
    const struct port_range *range = &ranges[map.range_at[port]];
    if (!range->read)
        return UINT32_MAX;
    return range->read((uint8_t *)machine + range->device, port, bytes);
}

void machine_port_write(struct machine *machine, uint16_t port, unsigned bytes, uint32_t value) {
    const struct port_range *range = &ranges[map.range_at[port]];
    if (range->write)
        range->write((uint8_t *)machine + range->device, port, bytes, value);
}

// The data ports of the IDE channels take strings whole.
static bool ide_data_port(uint16_t port, unsigned *channel) {
    *channel = port == IDE_SECONDARY_BASE;
    return port == IDE_PRIMARY_BASE || port == IDE_SECONDARY_BASE;
}

void machine_port_read_string(void *context, uint16_t port, unsigned width, void *to, size_t count) {
    struct machine *machine = ((struct vcpu *)context)->machine;
    unsigned channel;
    if (ide_data_port(port, &channel)) {
        ide_data_read_string(&machine->ide, channel, to, count, width);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t value = machine_port_read(machine, port, width);
        memcpy((uint8_t *)to + i * width, &value, width);
    }
}

void machine_port_write_string(void *context, uint16_t port, unsigned width, const void *from, size_t count) {
    struct machine *machine = ((struct vcpu *)context)->machine;
    unsigned channel;
    if (ide_data_port(port, &channel)) {
        ide_data_write_string(&machine->ide, channel, from, count, width);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t value = 0;
        memcpy(&value, (const uint8_t *)from + i * width, width);
        machine_port_write(machine, port, width, value);
    }
}
