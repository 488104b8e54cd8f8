// QEMU's firmware configuration device: named blobs for the firmware, read-only here (QEMU docs/specs/fw_cfg).
#pragma once
#include "dom0/vmm/device.h"

#define FW_CFG_PORT_BASE  0x510u // 12 ports: selector, data, DMA address
#define FW_CFG_PORTS      12u
#define FW_CFG_ITEMS_MAX  64u
#define FW_CFG_FILES_MAX  32u
#define FW_CFG_NAME_BYTES 56u // with its NUL
#define FW_CFG_FILE_FIRST 0x20u

// Items with fixed keys that firmware knows.
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_IRQ0_OVERRIDE = 0x8002,
};

struct fw_cfg_state {
    uint16_t selector;
    uint32_t offset; // of the next byte in the selected item
    uint64_t dma_address;
};

struct fw_cfg_item {
    uint16_t key;
    uint32_t size;
    const void *bytes;
};

struct fw_cfg {
    const struct device_host *host;
    struct fw_cfg_item items[FW_CFG_ITEMS_MAX];
    unsigned item_count, file_count;
    uint8_t directory[4 + 64 * FW_CFG_FILES_MAX]; // as the guest reads it, big-endian
    struct fw_cfg_state s;
};

// A device with signature, id and an empty file directory.
void fw_cfg_init(struct fw_cfg *fw_cfg, const struct device_host *host);
void fw_cfg_reset(struct fw_cfg *fw_cfg);

// Adds an item. The bytes are not copied: they stay the caller's and must stay where they are. False: no room, or the
// key is taken.
bool fw_cfg_add(struct fw_cfg *fw_cfg, uint16_t key, const void *bytes, uint32_t size);

// Adds a file under a name, e.g. "etc/e820". False: no room, the name is taken, empty or too long.
bool fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, uint32_t size);

// The FW_CFG_PORTS ports. DMA happens within the write, through host->memory_read and memory_write.
uint32_t fw_cfg_port_read(void *device, uint16_t port, unsigned bytes);
void fw_cfg_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);
