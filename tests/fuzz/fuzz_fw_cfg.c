// Random port accesses to fw_cfg, with DMA descriptors in a guest's memory that the input writes. The items lie in
// memory that must not change. Each step is five bytes: what, and a value.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/vmm/fw_cfg.h"

#define GUEST_RAM_BYTES 0x3000u
#include "tests/fuzz/guest_ram.h"

#define STEP_BYTES 5u

static struct {
    struct fw_cfg fw_cfg;
    uint8_t small[3], large[5000];
} m;

static const struct device_host host = {.memory_read = guest_ram_read, .memory_write = guest_ram_write};

static void check(bool good) {
    if (!good)
        abort();
}

static void setup(void) {
    memset(&m, 0, sizeof m);
    memset(guest_ram, 0, sizeof guest_ram);
    memset(m.small, 0x11, sizeof m.small);
    memset(m.large, 0x22, sizeof m.large);
    fw_cfg_init(&m.fw_cfg, &host);
    check(fw_cfg_add(&m.fw_cfg, FW_CFG_MAX_CPUS, m.small, sizeof m.small));
    check(fw_cfg_add_file(&m.fw_cfg, "small", m.small, sizeof m.small));
    check(fw_cfg_add_file(&m.fw_cfg, "large", m.large, sizeof m.large));
}

static void check_items(void) {
    for (size_t i = 0; i < sizeof m.small; i++)
        check(m.small[i] == 0x11);
    for (size_t i = 0; i < sizeof m.large; i++)
        check(m.large[i] == 0x22);
    check(m.fw_cfg.file_count == 2);
}

static void step(const uint8_t *at) {
    static const uint8_t widths[4] = {1, 2, 4, 4};
    uint32_t value;
    memcpy(&value, at + 1, sizeof value);
    uint16_t port = (uint16_t)(FW_CFG_PORT_BASE + (at[0] & 15) % FW_CFG_PORTS);
    unsigned bytes = widths[at[0] >> 4 & 3];
    switch (at[0] >> 6) {
    case 0:
        (void)fw_cfg_port_read(&m.fw_cfg, port, bytes);
        break;
    case 1:
        fw_cfg_port_write(&m.fw_cfg, port, bytes, value);
        break;
    case 2: // a descriptor is written: a byte at a place
        guest_ram[(value & 0xffff) % GUEST_RAM_BYTES] = at[4];
        break;
    default:
        fw_cfg_reset(&m.fw_cfg);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    setup();
    for (size_t at = 0; size - at >= STEP_BYTES; at += STEP_BYTES)
        step(data + at);
    check_items();
    return 0;
}
