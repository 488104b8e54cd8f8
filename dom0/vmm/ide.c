// Task files, interrupts, resets and the PCI function of the IDE model (ATA/ATAPI-6 chapter 7 and 9; PIIX3 2.3).
#include "dom0/vmm/ide.h"
#include "dom0/vmm/ide_internal.h"
#include "lib/string.h"

static bool present(const struct ide *ide, unsigned channel, unsigned drive) {
    return ide->drives[channel][drive].kind != IDE_NONE;
}

// --- Interrupts ------------------------------------------------------------------------------------------------------

// Only the selected drive drives INTRQ, and only with nIEN clear. The bus master notes each rise (BMIDE 1.0 2.2).
static void update_line(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    struct ide *ide = channel->ide;
    bool level = ide->s.drives[channel->index][s->selected].interrupt && !(s->control & ATA_NIEN);
    if (level && !s->line)
        s->bm_status |= BM_INTR;
    if (level != (s->line != 0))
        ide->host->irq_set(ide->host->machine, 14 + channel->index, level);
    s->line = level;
}

void ide_interrupt(struct ide_channel *channel) {
    ide_owner_state(channel)->interrupt = 1;
    update_line(channel);
}

static void interrupt_clear(struct ide_channel *channel) {
    channel->ide->s.drives[channel->index][ide_state_of(channel)->selected].interrupt = 0;
    update_line(channel);
}

void ide_finish(struct ide_channel *channel) {
    struct ide_drive_state *drive = ide_owner_state(channel);
    ide_state_of(channel)->phase = IDE_IDLE;
    drive->status = ATA_DRDY | ATA_DSC;
    ide_interrupt(channel);
}

void ide_fail(struct ide_channel *channel, uint8_t error) {
    struct ide_drive_state *drive = ide_owner_state(channel);
    ide_state_of(channel)->phase = IDE_IDLE;
    drive->error = error;
    drive->status = ATA_DRDY | ATA_DSC | ATA_ERR;
    ide_interrupt(channel);
}

// --- Resets ----------------------------------------------------------------------------------------------------------

void ide_set_signature(struct ide *ide, unsigned channel, unsigned drive) {
    struct ide_drive_state *s = &ide->s.drives[channel][drive];
    bool cdrom = ide->drives[channel][drive].kind == IDE_CDROM;
    s->count[0] = s->lba_low[0] = 1;
    s->lba_mid[0] = cdrom ? 0x14 : 0;
    s->lba_high[0] = cdrom ? 0xeb : 0;
    s->device &= ATA_DEV;
}

static void drive_reset(struct ide *ide, unsigned channel, unsigned drive) {
    struct ide_drive_state *s = &ide->s.drives[channel][drive];
    ide_set_signature(ide, channel, drive);
    s->error = 1; // no error detected
    s->status = ide->drives[channel][drive].kind == IDE_DISK ? ATA_DRDY | ATA_DSC : 0;
    s->standby = 0;
}

void ide_begin_reset(struct ide_channel *channel, enum ide_reset reset) {
    struct ide_channel_state *s = ide_state_of(channel);
    s->phase = IDE_IDLE;
    s->reset = (uint8_t)reset;
    for (unsigned i = 0; i < IDE_DRIVES; i++) {
        struct ide_drive_state *drive = &channel->ide->s.drives[channel->index][i];
        if (reset == IDE_RESET_DRIVE && i != s->owner)
            continue;
        drive->interrupt = 0;
        if (present(channel->ide, channel->index, i))
            drive->status = ATA_BSY;
        if (reset == IDE_RESET_CHANNEL)
            drive->device &= (uint8_t)~ATA_DEV;
    }
    if (reset == IDE_RESET_CHANNEL)
        s->selected = 0;
    update_line(channel);
}

void ide_end_reset(struct ide_channel *channel) {
    struct ide_channel_state *s = ide_state_of(channel);
    if (channel->pending || (s->reset == IDE_RESET_CHANNEL && s->control & ATA_SRST))
        return;
    for (unsigned i = 0; i < IDE_DRIVES; i++)
        if (present(channel->ide, channel->index, i) && (s->reset == IDE_RESET_CHANNEL || i == s->owner))
            drive_reset(channel->ide, channel->index, i);
    s->reset = IDE_RESET_NONE;
}

// --- Task files ------------------------------------------------------------------------------------------------------

static void push(uint8_t fifo[2], uint8_t value) {
    fifo[1] = fifo[0];
    fifo[0] = value;
}

// Both drives see every write to the task file, so that the second one's is in place when it is selected.
static void task_file_write(struct ide_channel *channel, unsigned reg, uint8_t value) {
    for (unsigned i = 0; i < IDE_DRIVES; i++) {
        struct ide_drive_state *s = &channel->ide->s.drives[channel->index][i];
        uint8_t *const fifos[] = {NULL, s->feature, s->count, s->lba_low, s->lba_mid, s->lba_high};
        push(fifos[reg], value);
    }
    ide_state_of(channel)->control &= (uint8_t)~ATA_HOB;
}

static void device_write(struct ide_channel *channel, uint8_t value) {
    struct ide_channel_state *s = ide_state_of(channel);
    for (unsigned i = 0; i < IDE_DRIVES; i++)
        channel->ide->s.drives[channel->index][i].device = value;
    s->selected = (value & ATA_DEV) != 0;
    s->control &= (uint8_t)~ATA_HOB;
    update_line(channel);
}

#define ATA_DEVICE_RESET 0x08

// A command to a drive ends what the other one was at: without overlap a driver never does that.
static void command_write(struct ide_channel *channel, uint8_t value) {
    struct ide *ide = channel->ide;
    struct ide_channel_state *s = ide_state_of(channel);
    struct ide_drive_state *drive = &ide->s.drives[channel->index][s->selected];
    if (!present(ide, channel->index, s->selected) || s->reset != IDE_RESET_NONE)
        return;
    bool device_reset = value == ATA_DEVICE_RESET && s->owner == s->selected;
    if ((drive->status & ATA_BSY || channel->pending) && !device_reset)
        return;
    if (s->phase != IDE_IDLE && s->owner != s->selected)
        ide_owner_state(channel)->status = ATA_DRDY | ATA_DSC;
    s->owner = s->selected;
    interrupt_clear(channel);
    s->control &= (uint8_t)~ATA_HOB;
    ata_command(channel, value);
    ide_advance(channel);
}

static void register_write(struct ide_channel *channel, unsigned reg, uint8_t value) {
    struct ide_channel_state *s = ide_state_of(channel);
    bool busy = channel->ide->s.drives[channel->index][s->selected].status & ATA_BSY;
    if (reg == 7)
        command_write(channel, value);
    else if (busy)
        return;
    else if (reg == 6)
        device_write(channel, value);
    else if (reg >= 1)
        task_file_write(channel, reg, value);
    else
        ide_data_write_string(channel->ide, channel->index, &value, 1, 1);
}

static void control_write(struct ide_channel *channel, uint8_t value) {
    struct ide_channel_state *s = ide_state_of(channel);
    uint8_t before = s->control;
    s->control = value & (ATA_HOB | ATA_SRST | ATA_NIEN);
    update_line(channel);
    if (~before & value & ATA_SRST)
        ide_begin_reset(channel, IDE_RESET_CHANNEL);
    if (before & ~value & ATA_SRST)
        ide_end_reset(channel);
}

// A channel without drives floats; a drive that is alone answers for the absent one with zeros, which is "no drive" to
// those who probe.
static bool absent_value(const struct ide_channel *channel, uint8_t *value) {
    const struct ide *ide = channel->ide;
    unsigned selected = ide->s.channels[channel->index].selected;
    if (present(ide, channel->index, selected))
        return false;
    *value = present(ide, channel->index, !selected) ? 0 : 0xff;
    return true;
}

static uint8_t register_read(struct ide_channel *channel, unsigned reg) {
    struct ide_channel_state *s = ide_state_of(channel);
    const struct ide_drive_state *drive = &channel->ide->s.drives[channel->index][s->selected];
    unsigned older = (s->control & ATA_HOB) != 0;
    uint8_t value = 0xff;
    if (reg == 0)
        ide_data_read_string(channel->ide, channel->index, &value, 1, 1);
    if (reg == 0 || absent_value(channel, &value))
        return value;
    if (reg == 7)
        interrupt_clear(channel);
    const uint8_t values[8] = {0,
                               drive->error,
                               drive->count[older],
                               drive->lba_low[older],
                               drive->lba_mid[older],
                               drive->lba_high[older],
                               drive->device,
                               drive->status};
    return values[reg];
}

static uint8_t alternate_status(const struct ide_channel *channel) {
    uint8_t value;
    if (absent_value(channel, &value))
        return value;
    const struct ide_state *s = &channel->ide->s;
    return s->drives[channel->index][s->channels[channel->index].selected].status;
}

// --- Ports -----------------------------------------------------------------------------------------------------------

static const struct {
    uint16_t base, control;
} legacy[IDE_CHANNELS] = {{IDE_PRIMARY_BASE, IDE_PRIMARY_CONTROL}, {IDE_SECONDARY_BASE, IDE_SECONDARY_CONTROL}};

static uint8_t byte_read(struct ide *ide, uint16_t port) {
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        if ((port & ~7u) == legacy[i].base)
            return register_read(&ide->channels[i], port & 7);
        if (port == legacy[i].control)
            return alternate_status(&ide->channels[i]);
    }
    return 0xff;
}

static void byte_write(struct ide *ide, uint16_t port, uint8_t value) {
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        if ((port & ~7u) == legacy[i].base)
            register_write(&ide->channels[i], port & 7, value);
        if (port == legacy[i].control)
            control_write(&ide->channels[i], value);
    }
}

uint32_t ide_port_read(void *device, uint16_t port, unsigned bytes) {
    struct ide *ide = (struct ide *)device;
    uint32_t value = 0;
    if (port == IDE_PRIMARY_BASE || port == IDE_SECONDARY_BASE) {
        ide_data_read_string(ide, port == IDE_SECONDARY_BASE, &value, 1, bytes);
        return value;
    }
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)byte_read(ide, (uint16_t)(port + i)) << i * 8;
    return value;
}

void ide_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    struct ide *ide = (struct ide *)device;
    if (port == IDE_PRIMARY_BASE || port == IDE_SECONDARY_BASE) {
        ide_data_write_string(ide, port == IDE_SECONDARY_BASE, &value, 1, bytes);
        return;
    }
    for (unsigned i = 0; i < bytes; i++)
        byte_write(ide, (uint16_t)(port + i), (uint8_t)(value >> i * 8));
}

// --- PCI function ----------------------------------------------------------------------------------------------------

#define PCI_COMMAND    0x04
#define PCI_COMMAND_IO 0x01
#define PCI_BAR4       0x20

uint16_t ide_bus_master_base(const struct ide *ide) {
    const uint8_t *config = ide->pci.s.config;
    if (!(config[PCI_COMMAND] & PCI_COMMAND_IO))
        return 0;
    return (uint16_t)(config[PCI_BAR4 + 1] << 8 | (config[PCI_BAR4] & 0xf0));
}

static void config_written(void *device, unsigned offset, unsigned bytes) {
    struct ide *ide = (struct ide *)device;
    bool command = offset <= PCI_COMMAND && offset + bytes > PCI_COMMAND;
    bool bar = offset < PCI_BAR4 + 4 && offset + bytes > PCI_BAR4;
    if ((command || bar) && ide->ports_changed)
        ide->ports_changed(ide->host->machine);
}

// PIIX3 2.3. The decode bits of both channels are set from the start, as firmware leaves them: a kernel that is booted
// directly finds them so, and SeaBIOS sets them anyway.
static void config_init(struct pci_function *pci) {
    static const struct {
        uint8_t offset, value;
    } defaults[] = {
        {0x00, 0x86},     {0x01, 0x80}, {0x02, 0x10}, {0x03, 0x70}, // 8086:7010
        {0x06, 0x80},     {0x07, 0x02},                             // fast back-to-back, medium DEVSEL
        {0x09, 0x80},     {0x0a, 0x01}, {0x0b, 0x01},               // bus master, IDE, mass storage
        {PCI_BAR4, 0x01}, {0x41, 0x80}, {0x43, 0x80},
    };
    memset(pci->s.config, 0, sizeof pci->s.config);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        pci->s.config[defaults[i].offset] = defaults[i].value;
}

static void writable_init(struct pci_function *pci) {
    pci->writable[PCI_COMMAND] = 0x05; // I/O space, bus master
    pci->writable[0x0d] = 0xf0;        // latency timer
    pci->writable[PCI_BAR4] = 0xf0;
    pci->writable[PCI_BAR4 + 1] = 0xff;
    pci->writable[PCI_BAR4 + 2] = pci->writable[PCI_BAR4 + 3] = 0xff; // SeaBIOS sizes I/O BARs by all 32 bits
    memset(pci->writable + 0x40, 0xff, 5);                            // IDETIM, SIDETIM
    pci->write_one_to_clear[0x07] = 0x38;                             // master and target aborts
}

void ide_init(struct ide *ide, const struct device_host *host, void (*ports_changed)(void *machine)) {
    memset(ide, 0, sizeof *ide);
    ide->host = host;
    ide->ports_changed = ports_changed;
    ide->pci.name = "ide";
    ide->pci.device = ide;
    ide->pci.config_written = config_written;
    writable_init(&ide->pci);
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        ide->channels[i].ide = ide;
        ide->channels[i].index = i;
    }
    ide_reset(ide);
}

// --- Drives ----------------------------------------------------------------------------------------------------------

static void hardware_reset(struct ide *ide, unsigned channel, unsigned drive) {
    struct ide_drive_state *s = &ide->s.drives[channel][drive];
    *s = (struct ide_drive_state){.ejected = s->ejected,
                                  .write_cache = 1,
                                  .look_ahead = 1,
                                  .multiple = 16,
                                  .transfer_mode = 0x22, // multiword DMA 2
                                  .translation_heads = 16,
                                  .translation_sectors = 63};
}

void ide_attach(struct ide *ide, unsigned channel, unsigned drive, enum ide_kind kind, struct block *block,
                const char *serial) {
    struct ide_drive *d = &ide->drives[channel][drive];
    size_t length = strlen(serial);
    *d = (struct ide_drive){.kind = kind, .block = block};
    memcpy(d->serial, serial, length < sizeof d->serial ? length : sizeof d->serial - 1);
    hardware_reset(ide, channel, drive);
    drive_reset(ide, channel, drive);
}

bool ide_change_medium(struct ide *ide, unsigned channel, unsigned drive, struct block *block) {
    struct ide_drive *d = &ide->drives[channel][drive];
    struct ide_drive_state *s = &ide->s.drives[channel][drive];
    const struct ide_channel_state *c = &ide->s.channels[channel];
    bool transferring = ide->channels[channel].pending || (c->phase != IDE_IDLE && c->owner == drive);
    if (d->kind != IDE_CDROM || transferring)
        return false;
    d->block = block;
    s->ejected = 0;
    s->medium_changed = block != NULL;
    s->medium_event = block ? 2 : 3; // NewMedia, MediaRemoval: MMC-3 6.7.2.6
    return true;
}

void ide_reset(struct ide *ide) {
    config_init(&ide->pci);
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        struct ide_channel *channel = &ide->channels[i];
        for (unsigned j = 0; j < IDE_DRIVES; j++)
            hardware_reset(ide, i, j);
        ide->s.channels[i].control = 0;
        ide_dma_reset(&ide->s.channels[i]);
        ide_begin_reset(channel, IDE_RESET_CHANNEL);
        ide_end_reset(channel);
    }
    if (ide->ports_changed)
        ide->ports_changed(ide->host->machine);
}

bool ide_busy(const struct ide *ide) {
    return ide->channels[0].pending || ide->channels[1].pending;
}
