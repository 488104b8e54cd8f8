// fw_cfg: selector, data port and DMA. The guest reads only; reads beyond an item's end give zeros.
#include "dom0/vmm/fw_cfg.h"
#include "lib/string.h"

#define PORT_SELECTOR FW_CFG_PORT_BASE
#define PORT_DATA     (FW_CFG_PORT_BASE + 1)
#define PORT_DMA_HIGH (FW_CFG_PORT_BASE + 4) // big-endian: the high half is at the lower port
#define PORT_DMA_LOW  (FW_CFG_PORT_BASE + 8)

#define SELECTOR_MASK 0xbfffu // without the write channel, which QEMU ignores too

#define DMA_ERROR  0x01u
#define DMA_READ   0x02u
#define DMA_SKIP   0x04u
#define DMA_SELECT 0x08u
#define DMA_WRITE  0x10u

#define CHUNK_BYTES 4096u

static const uint8_t signature[4] = {'Q', 'E', 'M', 'U'};
static const uint8_t dma_signature[8] = {'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};
static const uint8_t id[4] = {3, 0, 0, 0}; // traditional interface and DMA

struct dma_descriptor {
    uint32_t control, length;
    uint64_t address;
};
_Static_assert(sizeof(struct dma_descriptor) == 16, "as the guest lays it out");

static void put_be32(uint8_t *to, uint32_t value) {
    value = __builtin_bswap32(value);
    memcpy(to, &value, sizeof value);
}

static const struct fw_cfg_item *find(const struct fw_cfg *fw_cfg, uint16_t key) {
    for (unsigned i = 0; i < fw_cfg->item_count; i++)
        if (fw_cfg->items[i].key == key)
            return &fw_cfg->items[i];
    return NULL;
}

bool fw_cfg_add(struct fw_cfg *fw_cfg, uint16_t key, const void *bytes, uint32_t size) {
    if (fw_cfg->item_count == FW_CFG_ITEMS_MAX || key != (key & SELECTOR_MASK) || find(fw_cfg, key))
        return false;
    fw_cfg->items[fw_cfg->item_count++] = (struct fw_cfg_item){.key = key, .size = size, .bytes = bytes};
    return true;
}

static uint8_t *directory_entry(struct fw_cfg *fw_cfg, unsigned index) {
    return fw_cfg->directory + 4 + (size_t)64 * index;
}

static bool name_good(struct fw_cfg *fw_cfg, const char *name, size_t length) {
    if (length == 0 || length >= FW_CFG_NAME_BYTES)
        return false;
    for (unsigned i = 0; i < fw_cfg->file_count; i++)
        if (strcmp((const char *)directory_entry(fw_cfg, i) + 8, name) == 0)
            return false;
    return true;
}

bool fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, uint32_t size) {
    uint16_t key = (uint16_t)(FW_CFG_FILE_FIRST + fw_cfg->file_count);
    size_t length = strlen(name);
    if (fw_cfg->file_count == FW_CFG_FILES_MAX || !name_good(fw_cfg, name, length) ||
        !fw_cfg_add(fw_cfg, key, bytes, size))
        return false;
    uint8_t *entry = directory_entry(fw_cfg, fw_cfg->file_count++);
    put_be32(entry, size);
    put_be32(entry + 4, (uint32_t)key << 16);
    memcpy(entry + 8, name, length);
    put_be32(fw_cfg->directory, fw_cfg->file_count);
    return true;
}

void fw_cfg_reset(struct fw_cfg *fw_cfg) {
    fw_cfg->s = (struct fw_cfg_state){0};
}

void fw_cfg_init(struct fw_cfg *fw_cfg, const struct device_host *host) {
    memset(fw_cfg, 0, sizeof *fw_cfg);
    fw_cfg->host = host;
    // The table is empty: these cannot fail.
    (void)fw_cfg_add(fw_cfg, FW_CFG_SIGNATURE, signature, sizeof signature);
    (void)fw_cfg_add(fw_cfg, FW_CFG_ID, id, sizeof id);
    (void)fw_cfg_add(fw_cfg, FW_CFG_FILE_DIR, fw_cfg->directory, sizeof fw_cfg->directory);
}

// --- Reading ---------------------------------------------------------------------------------------------------------

static void select(struct fw_cfg *fw_cfg, uint16_t key) {
    fw_cfg->s.selector = key & SELECTOR_MASK;
    fw_cfg->s.offset = 0;
}

// Bytes left of the selected item, at most `wanted`; *bytes: where they are.
static uint32_t rest(const struct fw_cfg *fw_cfg, uint32_t wanted, const uint8_t **bytes) {
    const struct fw_cfg_item *item = find(fw_cfg, fw_cfg->s.selector);
    if (!item || fw_cfg->s.offset >= item->size)
        return 0;
    uint32_t left = item->size - fw_cfg->s.offset;
    *bytes = (const uint8_t *)item->bytes + fw_cfg->s.offset;
    return left < wanted ? left : wanted;
}

// The offset stops at the largest number, which is behind the end of every item.
static void advance(struct fw_cfg *fw_cfg, uint32_t bytes) {
    uint32_t room = UINT32_MAX - fw_cfg->s.offset;
    fw_cfg->s.offset += bytes < room ? bytes : room;
}

static uint8_t data_read(struct fw_cfg *fw_cfg) {
    const uint8_t *bytes = NULL;
    uint8_t value = rest(fw_cfg, 1, &bytes) ? *bytes : 0;
    advance(fw_cfg, 1);
    return value;
}

// --- DMA -------------------------------------------------------------------------------------------------------------

static bool dma_write_to_guest(struct fw_cfg *fw_cfg, uint64_t gpa, const void *from, uint32_t bytes) {
    if (gpa > UINT64_MAX - bytes)
        return false;
    return fw_cfg->host->memory_write(fw_cfg->host->machine, gpa, from, bytes);
}

static bool dma_read(struct fw_cfg *fw_cfg, uint64_t gpa, uint32_t length) {
    static const uint8_t zeros[CHUNK_BYTES];
    while (length) {
        const uint8_t *bytes = NULL;
        uint32_t now = rest(fw_cfg, length, &bytes);
        if (now == 0) {
            bytes = zeros;
            now = length < CHUNK_BYTES ? length : CHUNK_BYTES;
        }
        if (!dma_write_to_guest(fw_cfg, gpa, bytes, now))
            return false;
        advance(fw_cfg, now);
        gpa += now;
        length -= now;
    }
    return true;
}

static bool dma_run(struct fw_cfg *fw_cfg, const struct dma_descriptor *descriptor) {
    if (descriptor->control & DMA_SELECT)
        select(fw_cfg, (uint16_t)(descriptor->control >> 16));
    if (descriptor->control & DMA_READ)
        return dma_read(fw_cfg, descriptor->address, descriptor->length);
    if (descriptor->control & DMA_WRITE)
        return false;
    if (descriptor->control & DMA_SKIP)
        advance(fw_cfg, descriptor->length);
    return true;
}

// The descriptor is read once; the guest sees the end by its control field: 0, or the error bit.
static void dma_start(struct fw_cfg *fw_cfg) {
    const struct device_host *host = fw_cfg->host;
    struct dma_descriptor raw;
    uint64_t gpa = fw_cfg->s.dma_address;
    fw_cfg->s.dma_address = 0;
    if (gpa > UINT64_MAX - sizeof raw || !host->memory_read(host->machine, gpa, &raw, sizeof raw))
        return;
    struct dma_descriptor descriptor = {
        .control = __builtin_bswap32(raw.control),
        .length = __builtin_bswap32(raw.length),
        .address = __builtin_bswap64(raw.address),
    };
    uint8_t result[4];
    put_be32(result, dma_run(fw_cfg, &descriptor) ? 0 : DMA_ERROR);
    (void)host->memory_write(host->machine, gpa, result, sizeof result);
}

// --- Ports -----------------------------------------------------------------------------------------------------------

uint32_t fw_cfg_port_read(void *device, uint16_t port, unsigned bytes) {
    struct fw_cfg *fw_cfg = device;
    if (port == PORT_DATA && bytes == 1)
        return data_read(fw_cfg);
    if (port < PORT_DMA_HIGH || port + bytes > PORT_DMA_HIGH + sizeof dma_signature)
        return 0xffffffff;
    uint32_t value = 0;
    memcpy(&value, dma_signature + (port - PORT_DMA_HIGH), bytes < 4 ? bytes : 4);
    return value;
}

void fw_cfg_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    struct fw_cfg *fw_cfg = device;
    if (port == PORT_SELECTOR && bytes == 2) {
        select(fw_cfg, (uint16_t)value);
    } else if (port == PORT_DMA_HIGH && bytes == 4) {
        fw_cfg->s.dma_address = (uint64_t)__builtin_bswap32(value) << 32;
    } else if (port == PORT_DMA_LOW && bytes == 4) {
        fw_cfg->s.dma_address |= __builtin_bswap32(value);
        dma_start(fw_cfg);
    }
}
