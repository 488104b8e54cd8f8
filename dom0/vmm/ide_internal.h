// What the parts of the IDE model share: registers' bits, and the ways of ending and moving a transfer.
#pragma once
#include "dom0/vmm/ide.h"

// Status register, ATA/ATAPI-6 7.15
#define ATA_ERR  0x01
#define ATA_DRQ  0x08
#define ATA_DSC  0x10 // seek complete; obsolete, yet old drivers wait for it
#define ATA_DF   0x20
#define ATA_DRDY 0x40
#define ATA_BSY  0x80

// Error register, ATA/ATAPI-6 7.9
#define ATA_ABRT 0x04
#define ATA_IDNF 0x10
#define ATA_UNC  0x40
#define ATA_WP   0x40 // of writes to protected media

// Device control register, ATA/ATAPI-6 7.8
#define ATA_NIEN 0x02
#define ATA_SRST 0x04
#define ATA_HOB  0x80

// Device register
#define ATA_DEV 0x10
#define ATA_LBA 0x40

// Interrupt reason register of PACKET commands, ATA/ATAPI-6 7.11
#define ATAPI_COD 0x01
#define ATAPI_IO  0x02

// Bus master status register, BMIDE 1.0 2.2: the drive has asserted its interrupt
#define BM_INTR 0x04

#define ATA_SECTOR   512u
#define CDROM_SECTOR 2048u
#define CDROM_RAW    2352u

static inline struct ide_channel_state *ide_state_of(struct ide_channel *channel) {
    return &channel->ide->s.channels[channel->index];
}
static inline struct ide_drive *ide_owner(struct ide_channel *channel) {
    return &channel->ide->drives[channel->index][ide_state_of(channel)->owner];
}
static inline struct ide_drive_state *ide_owner_state(struct ide_channel *channel) {
    return &channel->ide->s.drives[channel->index][ide_state_of(channel)->owner];
}
static inline uint64_t ide_sectors(const struct ide_drive *drive, unsigned sector_bytes) {
    return drive->block ? drive->block->size / sector_bytes : 0;
}

// ide.c
void ide_interrupt(struct ide_channel *channel);                           // the owner asserts INTRQ
void ide_set_signature(struct ide *ide, unsigned channel, unsigned drive); // ATA/ATAPI-6 9.12
void ide_finish(struct ide_channel *channel);                              // the command ended well, with an interrupt
void ide_fail(struct ide_channel *channel, uint8_t error);                 // ... with ERR and `error`
void ide_begin_reset(struct ide_channel *channel, enum ide_reset reset);   // BSY until ide_end_reset()
void ide_end_reset(struct ide_channel *channel); // if neither SRST nor the backend stand against it

// ata.c
void ata_command(struct ide_channel *channel, uint8_t command);
void ata_set_address(struct ide_channel *channel, uint64_t lba); // the task file names a sector

// ata_identify.c: 512 bytes
void ata_identify_disk(const struct ide_drive *drive, const struct ide_drive_state *s, uint8_t *to);
void ata_identify_cdrom(const struct ide_drive *drive, const struct ide_drive_state *s, uint8_t *to);

// atapi.c
void atapi_packet(struct ide_channel *channel, const uint8_t packet[12]);
void atapi_finish(struct ide_channel *channel);
void atapi_error(struct ide_channel *channel, uint8_t key, uint8_t asc, uint8_t ascq);

// atapi_answer.c: answers that tell about drive and medium; the number of bytes, 0 for an invalid field in the packet
uint32_t atapi_read_toc(uint64_t sectors, const uint8_t packet[12], uint8_t *to);
uint32_t atapi_mode_sense(const struct ide_drive_state *s, const uint8_t packet[12], uint8_t *to);
uint32_t atapi_configuration(uint64_t sectors, const uint8_t packet[12], uint8_t *to);
uint32_t atapi_disc_information(uint8_t *to);

// ide_transfer.c: the phases of a command. The transfer's fields are set up before.
void ide_start_read(struct ide_channel *channel);                   // from the medium
void ide_start_write(struct ide_channel *channel);                  // to the medium
void ide_start_answer(struct ide_channel *channel, uint32_t bytes); // all of it is in the buffer
void ide_start_packet(struct ide_channel *channel);
void ide_start_flush(struct ide_channel *channel);
void ide_advance(struct ide_channel *channel); // after each of these, and when the bus master starts

// ide_dma.c
bool ide_dma_move(struct ide_channel *channel); // true when it got to drq_end
void ide_dma_reset(struct ide_channel_state *s);
