// The 82441FX: configuration space of the host bridge, PAM registers and SMRAM register. DRAM timing and error
// registers are kept as written and do nothing.
#include "dom0/vmm/i440fx.h"
#include "dom0/vmm/pci_identity.h"

#define PAM0  0x59u // 3.2.18: the high nibble for F0000h, the low one is reserved
#define PAM6  0x5fu
#define SMRAM 0x72u // 3.2.20

#define PAM_READ  1u // RE of a nibble
#define PAM_WRITE 2u // WE

#define SMRAM_OPEN   0x40u // DOPEN
#define SMRAM_CLOSED 0x20u // DCLS
#define SMRAM_LOCK   0x10u // DLCK
#define SMRAM_ENABLE 0x08u // SMRAME
#define SMRAM_BASE   0x02u // C_BASE_SEG: A0000h, the only value

#define REGION_BYTES 0x4000u

static const struct pci_identity identity = {
    .vendor = 0x8086, .device = 0x1237, .command = 0x0006, .status = 0x0280, .revision = 2, .class = 6};

static const struct pci_default defaults[] = {
    {0x0d, 0x00, 0xf8},                                                                    // MLT
    {0x50, 0x00, 0xff}, {0x51, 0x01, 0xff}, {0x52, 0x00, 0xff}, {0x53, 0x80, 0xff},        // PMCCFG, DETURBO, DBC
    {0x55, 0x00, 0xff}, {0x56, 0x00, 0xff}, {0x57, 0x01, 0xff}, {0x58, 0x10, 0xff},        // DRT, DRAMC, DRAMT
    {0x59, 0x00, 0x30}, {0x5a, 0x00, 0x33}, {0x5b, 0x00, 0x33}, {0x5c, 0x00, 0x33},        // PAM0..3
    {0x5d, 0x00, 0x33}, {0x5e, 0x00, 0x33}, {0x5f, 0x00, 0x33},                            // PAM4..6
    {0x60, 0x01, 0xff}, {0x61, 0x01, 0xff}, {0x62, 0x01, 0xff}, {0x63, 0x01, 0xff},        // DRB0..3
    {0x64, 0x01, 0xff}, {0x65, 0x01, 0xff}, {0x66, 0x01, 0xff}, {0x67, 0x01, 0xff},        // DRB4..7
    {0x68, 0x00, 0xc0}, {0x70, 0x00, 0xff}, {0x71, 0x00, 0x1f}, {SMRAM, SMRAM_BASE, 0x78}, // FDHC, MTT, CLT, SMRAM
    {0x90, 0x00, 0xff},                                                                    // ERRCMD
};

static void changed(struct i440fx *bridge) {
    if (bridge->memory_map_changed)
        bridge->memory_map_changed(bridge->host->machine);
}

// DLCK closes SMRAM and, until reset, keeps it and itself from being written.
static void smram_lock(struct pci_function *pci) {
    if (!(pci->s.config[SMRAM] & SMRAM_LOCK))
        return;
    pci->s.config[SMRAM] &= (uint8_t)~SMRAM_OPEN;
    pci->writable[SMRAM] = SMRAM_CLOSED | SMRAM_ENABLE;
}

static void config_written(void *device, unsigned offset, unsigned bytes) {
    struct i440fx *bridge = device;
    unsigned end = offset + bytes;
    smram_lock(&bridge->pci);
    if ((offset <= PAM6 && end > PAM0) || (offset <= SMRAM && end > SMRAM))
        changed(bridge);
}

static void config_reset(struct i440fx *bridge) {
    pci_identity_reset(&bridge->pci, &identity, defaults, sizeof defaults / sizeof defaults[0]);
}

void i440fx_init(struct i440fx *bridge, const struct device_host *host, void (*memory_map_changed)(void *machine)) {
    memset(bridge, 0, sizeof *bridge);
    bridge->host = host;
    bridge->memory_map_changed = memory_map_changed;
    bridge->pci.name = "i440fx";
    bridge->pci.device = bridge;
    bridge->pci.config_written = config_written;
    bridge->pci.write_one_to_clear[0x07] = 0x70; // SERR#, master and target abort
    bridge->pci.write_one_to_clear[0x91] = 0x11; // ERRSTS
    config_reset(bridge);
}

void i440fx_reset(struct i440fx *bridge) {
    config_reset(bridge);
    changed(bridge);
}

void i440fx_restored(struct i440fx *bridge) {
    smram_lock(&bridge->pci);
    changed(bridge);
}

struct i440fx_pam_region i440fx_pam_region(const struct i440fx *bridge, unsigned index) {
    bool bios = index >= I440FX_PAM_REGIONS - 1;
    unsigned offset = bios ? PAM0 : PAM0 + 1 + index / 2;
    unsigned nibble = bridge->pci.s.config[offset] >> (bios || index % 2 ? 4 : 0);
    return (struct i440fx_pam_region){
        .start = bios ? 0xf0000u : 0xc0000u + index * REGION_BYTES,
        .bytes = bios ? 0x10000u : REGION_BYTES,
        .read_ram = nibble & PAM_READ,
        .write_ram = nibble & PAM_WRITE,
    };
}

bool i440fx_smram_open(const struct i440fx *bridge) {
    uint8_t smram = bridge->pci.s.config[SMRAM];
    return (smram & (SMRAM_OPEN | SMRAM_ENABLE)) == (SMRAM_OPEN | SMRAM_ENABLE);
}
