// Attacks on the models of devices: all ports, all of PCI configuration space, DMA to where nothing is.
#include "tests/guests/hostile.h"

#define I8042_COMMAND 0x64u
#define SYSTEM_PORT_A 0x92u
#define RESET_CONTROL 0xcf9u
#define PM_FUNCTION   0x0bu // device 1, function 3
#define PM_BASE       0x40u
#define PM1A_CONTROL  4u
#define IDE_FUNCTION  0x09u
#define IDE_BUS       0x20u

static bool covers(unsigned port, unsigned width, unsigned what) {
    return port <= what && what < port + width;
}

// Does a write there reset the machine or power it off? Those are attacks of their own.
static bool ends_all(unsigned port, unsigned width, unsigned pm1a) {
    bool address = port == 0xcf8 && width == 4; // where CF9h is not meant
    return covers(port, width, I8042_COMMAND) || covers(port, width, SYSTEM_PORT_A) || covers(port, width, pm1a) ||
           covers(port, width, pm1a + 1) || (covers(port, width, RESET_CONTROL) && !address);
}

static void write_all_widths(unsigned port, uint32_t value, unsigned pm1a) {
    if (!ends_all(port, 1, pm1a))
        outb((uint16_t)port, (uint8_t)value);
    if (!ends_all(port, 2, pm1a))
        outw((uint16_t)port, (uint16_t)value);
    if (!ends_all(port, 4, pm1a))
        outl((uint16_t)port, value);
}

// Every port, in every width; with another value each time that it is chosen.
void attack_ports(void) {
    static const uint32_t values[] = {0xffffffff, 0, 0xa5a55a5a};
    static unsigned pass;
    unsigned pm1a = (pci_read(PM_FUNCTION, PM_BASE) & 0xffc0) + PM1A_CONTROL;
    uint32_t value = values[pass++ % (sizeof(values) / sizeof(values[0]))];
    for (unsigned port = 0; port < 0x10000; port++) {
        (void)inb((uint16_t)port);
        (void)inw((uint16_t)port);
        (void)inl((uint16_t)port);
        write_all_widths(port, value, pm1a);
    }
}

static void write_register(unsigned devfn, unsigned offset) {
    static const uint32_t values[] = {0xffffffff, 0, 0xa5a55a5a, 0xfee00001, 0x000a0000};
    uint32_t before = pci_read(devfn, offset);
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        pci_write(devfn, offset, values[i]);
        outb((uint16_t)(0xcfc + i % 4), (uint8_t)values[i]);
        outw((uint16_t)(0xcfc + i % 3), (uint16_t)values[i]);
        (void)pci_read(devfn, offset);
    }
    pci_write(devfn, offset, before);
}

// All registers of the functions that there are, and one of those that there are not.
void attack_pci(void) {
    for (unsigned devfn = 0; devfn < 256; devfn++)
        for (unsigned offset = 0; offset < (pci_read(devfn, 0) == 0xffffffff ? 4 : 256); offset += 4)
            write_register(devfn, offset);
}

// ---- Bus-master IDE

#define ATA_DEVICE  0x1f6
#define ATA_COMMAND 0x1f7
#define ATA_CONTROL 0x3f6
#define READ_DMA    0xc8
#define WRITE_DMA   0xca
#define PRD_END     0x80000000u
#define TABLE       0x100000u

static const uint32_t places[] = {
    0xd0000000, 0xfffffff8, 0xfee00000, 0xfec00000, 0x000a0000, 0x000c0000, 0xfffc0000, 0x000f0000, 0x01fffffc,
    0x01ffffff, 0x01c00000, 0x7ffffffe, 0x80000000, 0xfffffffe, 0x00000000, 0xe0000000, 0xfebf0000,
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static void transfer(uint16_t bus_master, uint32_t table, bool read, unsigned sectors) {
    outb(bus_master, 0);
    outb((uint16_t)(bus_master + 2), 6);
    outl((uint16_t)(bus_master + 4), table);
    outb(ATA_DEVICE, 0xe0);
    outb(0x1f2, (uint8_t)sectors);
    outb(0x1f3, 0);
    outb(0x1f4, 0);
    outb(0x1f5, 0);
    outb(ATA_COMMAND, read ? READ_DMA : WRITE_DMA);
    outb(bus_master, read ? 9 : 1);
    for (unsigned i = 0; i < 100 && (inb((uint16_t)(bus_master + 2)) & 5) == 1; i++)
        ;
    outb(bus_master, 0);
    outb(ATA_CONTROL, 6); // SRST
    outb(ATA_CONTROL, 2);
}

// Regions of a table: `count` at `place`, each `bytes` long (0: 64 KiB), the last marked if the table ends.
static void make_table(uint32_t place, uint32_t bytes, unsigned count, bool ends) {
    volatile uint32_t *table = (volatile uint32_t *)(uintptr_t)TABLE;
    for (unsigned i = 0; i < count; i++) {
        table[2 * i] = place;
        table[2 * i + 1] = bytes | (ends && i == count - 1 ? PRD_END : 0);
    }
}

// Guest memory below the stack and above the image may be hit by what DMA reads; the places leave it alone but for 0.
void attack_dma(void) {
    uint16_t bus_master = (uint16_t)(pci_read(IDE_FUNCTION, IDE_BUS) & 0xfff0);
    pci_write(IDE_FUNCTION, 4, 5); // I/O space, bus master
    for (unsigned i = 0; i < PLACES; i++) {
        for (unsigned read = 0; read < 2; read++) {
            transfer(bus_master, places[i], read, 8); // the table itself is nowhere
            make_table(places[i], 512, 8, true);
            transfer(bus_master, TABLE, read, 8);
            make_table(places[i], 0, 1, true);
            transfer(bus_master, TABLE, read && places[i] != 0, 0);
            make_table(places[i], 2, 8192, false); // never ends, and wraps around
            transfer(bus_master, TABLE, read && places[i] != 0, 255);
        }
    }
}

// ---- fw_cfg

#define FW_CFG_DMA 0x514

static uint32_t swap(uint32_t x) {
    return __builtin_bswap32(x);
}

void attack_fw_cfg(void) {
    static const uint32_t controls[] = {0x02, 0x04, 0x08, 0x0a, 0x10, 0x190008, 0xffffffff};
    static volatile uint32_t request[4];
    for (unsigned i = 0; i < PLACES; i++)
        for (unsigned c = 0; c < sizeof(controls) / sizeof(controls[0]); c++)
            for (unsigned big = 0; big < 2; big++) {
                request[0] = swap(controls[c]);
                request[1] = swap(big ? 0xffffffff : 64);
                request[2] = swap(big ? places[i] : 0);
                request[3] = swap(places[i] ? places[i] : 0xfffffff0);
                outl(FW_CFG_DMA, 0);
                outl(FW_CFG_DMA + 4, swap((uint32_t)(uintptr_t)request));
                outl(FW_CFG_DMA, swap(big ? 0xffffffff : 0));
                outl(FW_CFG_DMA + 4, swap(places[i]));
            }
    for (unsigned item = 0; item < 0x10000; item += item < 0x200 ? 1 : 0xff) {
        outw(0x510, (uint16_t)item);
        (void)inb(0x511);
        (void)inl(0x510);
    }
}

// ---- Strings

struct string {
    uint16_t port;
    uint64_t address, count;
};

static void string_in(uint64_t argument) {
    const struct string *string = (const struct string *)argument;
    uint64_t to = string->address, count = string->count;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(string->port) : "memory");
    to = string->address;
    count = string->count;
    __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(string->port) : "memory");
}

static void string_out(uint64_t argument) {
    const struct string *string = (const struct string *)argument;
    uint64_t from = string->address, count = string->count;
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(string->port) : "memory");
    from = string->address;
    count = string->count;
    __asm__ volatile("std; rep outsw; cld" : "+S"(from), "+c"(count) : "d"(string->port) : "memory");
}

static void string_move(uint64_t argument) {
    const struct string *string = (const struct string *)argument;
    uint64_t from = string->address, to = string->address ^ 0x1000, count = string->count;
    __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
}

// From and to the end of what is mapped, holes, ROM and registers of devices; also across their borders. Below 1 MiB
// only the end of the first page is used, where the guest has nothing.
void attack_strings(void) {
    static const uint64_t addresses[] = {0xffffffff, 0xfffffffd, 0xfffffffe,         HOLE - 3,   HOLE,    LAPIC - 2,
                                         LAPIC,      0xfec00000, 0x7fffffffffff,     0xfffc0000, 0x9fffe, 0xbffff,
                                         0xfffff,    0x1fffffe,  0xffffffffffffffff, 1ull << 63, 0xffe};
    static const uint16_t ports[] = {0x80, 0x1f0, 0x170, 0x60, 0x3f8, 0x511, 0x71};
    for (unsigned p = 0; p < sizeof(ports) / sizeof(ports[0]); p++)
        for (unsigned a = 0; a < sizeof(addresses) / sizeof(addresses[0]); a++) {
            struct string string = {ports[p], addresses[a], 9};
            survives(string_in, (uint64_t)(uintptr_t)&string);
            survives(string_out, (uint64_t)(uintptr_t)&string);
            __asm__ volatile("cld");
            survives(string_move, (uint64_t)(uintptr_t)&string);
        }
}
