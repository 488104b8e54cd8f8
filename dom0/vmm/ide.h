// The IDE function of the PIIX3 (82371SB) with two channels and up to four drives: ATA disks and ATAPI CD-ROMs.
// ide.c holds the task files, interrupts and the PCI function; ata.c the commands of disks (ATA/ATAPI-6, with LBA48);
// atapi.c the packet commands of CD-ROMs (MMC-3); ide_transfer.c the data port; ide_dma.c the bus master (BMIDE 1.0).
#pragma once
#include "dom0/vmm/block.h"
#include "dom0/vmm/device.h"
#include "dom0/vmm/pci.h"

#define IDE_CHANNELS     2
#define IDE_DRIVES       2 // a channel
#define IDE_BUFFER_BYTES 65536u

// Ports, with the legacy addressing that the function is fixed to (PIIX3 2.3).
#define IDE_PRIMARY_BASE      0x1f0u // 8 ports
#define IDE_PRIMARY_CONTROL   0x3f6u
#define IDE_SECONDARY_BASE    0x170u // 8 ports
#define IDE_SECONDARY_CONTROL 0x376u
#define IDE_BUS_MASTER_PORTS  16u
#define IDE_DEVFN             PCI_DEVFN(1, 1)

enum ide_kind { IDE_NONE, IDE_DISK, IDE_CDROM };

// What the channel does; the drive that owns the transfer is `owner`.
enum ide_phase {
    IDE_IDLE,
    IDE_DATA_IN,   // DRQ: the host reads the data port
    IDE_DATA_OUT,  // DRQ: the host writes the data port
    IDE_PACKET,    // DRQ: the host writes a command packet
    IDE_BLOCK,     // BSY: the backend works on the one request
    IDE_DMA_READY, // BSY: data waits in the buffer, or room for it, for the bus master
};

enum ide_reset { IDE_RESET_NONE, IDE_RESET_CHANNEL, IDE_RESET_DRIVE };

struct ide_drive_state {
    // The task file. Registers with two names are a two byte deep FIFO for LBA48; [0] is the most recently written.
    uint8_t feature[2], count[2], lba_low[2], lba_mid[2], lba_high[2], device;
    uint8_t status, error;
    uint8_t interrupt; // INTRQ is asserted
    uint8_t multiple;  // sectors a block, 0 = disabled
    uint8_t transfer_mode;
    uint8_t write_cache, look_ahead;
    uint8_t standby;
    uint8_t translation_heads, translation_sectors; // of INITIALIZE DEVICE PARAMETERS
    // CD-ROM
    uint8_t sense_key, sense_asc, sense_ascq;
    uint8_t medium_changed; // unit attention is pending
    uint8_t medium_event;   // for GET EVENT STATUS NOTIFICATION
    uint8_t locked, ejected;
};

struct ide_channel_state {
    uint8_t selected; // drive
    uint8_t owner;    // drive of the transfer
    uint8_t control;  // device control register
    uint8_t phase;
    uint8_t line;  // level of the interrupt line
    uint8_t reset; // enum ide_reset: what begins as soon as the backend has answered
    // The transfer: `left` bytes of the medium or the answer are not yet in the buffer (in) or on the medium (out).
    uint8_t write, dma, packet, raw_sectors, extended;
    uint32_t block_bytes; // of one DRQ assertion (ATA), or the byte count limit (ATAPI)
    uint64_t position;    // on the medium, bytes
    uint64_t left;
    uint32_t buffer_at, buffer_end; // where host or bus master are; where the data ends
    uint32_t drq_end;               // where the current DRQ block, or the bus master's share, ends
    // Bus master, BMIDE 1.0 2
    uint8_t bm_command, bm_status;
    uint32_t bm_table;
    uint32_t prd_next, prd_address, prd_left; // position in the table
    uint8_t prd_last;
    uint32_t prd_count; // entries fetched since start
    uint8_t buffer[IDE_BUFFER_BYTES];
};

struct ide_state {
    struct ide_drive_state drives[IDE_CHANNELS][IDE_DRIVES];
    struct ide_channel_state channels[IDE_CHANNELS];
};

struct ide_drive {
    enum ide_kind kind;
    struct block *block; // null: a CD-ROM without medium
    char serial[21];
};

struct ide;

struct ide_channel {
    struct ide *ide;
    unsigned index;
    struct block_request request;
    bool pending;    // the backend holds the request
    bool submitting; // done() came from within submit()
    enum block_status result;
};

struct ide {
    const struct device_host *host;
    // The bus master's ports may have moved: see ide_bus_master_base(). May be null.
    void (*ports_changed)(void *machine);
    struct pci_function pci;
    struct ide_drive drives[IDE_CHANNELS][IDE_DRIVES];
    struct ide_channel channels[IDE_CHANNELS];
    struct ide_state s;
};

// Sets up an IDE function without drives. The machine puts `ide->pci` on its bus at IDE_DEVFN.
void ide_init(struct ide *ide, const struct device_host *host, void (*ports_changed)(void *machine));

// Plugs a drive in, before the guest runs. block: 512-byte sectors for a disk, 2048 for a CD-ROM, a rest is not seen;
// null only for a CD-ROM, which is then empty. serial: at most 20 characters.
void ide_attach(struct ide *ide, unsigned channel, unsigned drive, enum ide_kind kind, struct block *block,
                const char *serial);

// Puts another medium into a CD-ROM drive, or takes it out (null). The guest is told by a unit attention.
// False if the drive is none, or has a transfer in flight.
bool ide_change_medium(struct ide *ide, unsigned channel, unsigned drive, struct block *block);

// Reset of the machine: hardware reset of all drives and of the PCI function.
void ide_reset(struct ide *ide);

// True while a backend holds a request: the state is not to be saved then.
bool ide_busy(const struct ide *ide);

// Ports of the four legacy ranges. `device` is the struct ide.
uint32_t ide_port_read(void *device, uint16_t port, unsigned bytes);
void ide_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// The bus master's 16 ports: where they are now (0: nowhere), and accesses to them; `port` is absolute or relative.
uint16_t ide_bus_master_base(const struct ide *ide);
uint32_t ide_bus_master_read(void *device, uint16_t port, unsigned bytes);
void ide_bus_master_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// REP INS and REP OUTS at the data port of a channel: the same as `count` single accesses of `width` 1, 2 or 4 bytes.
void ide_data_read_string(struct ide *ide, unsigned channel, void *bytes, size_t count, unsigned width);
void ide_data_write_string(struct ide *ide, unsigned channel, const void *bytes, size_t count, unsigned width);
