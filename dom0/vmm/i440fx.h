// The host bridge and memory controller 82441FX (PMC, Intel order no. 290549): which of the memory below 1 MiB is RAM.
#pragma once
#include "dom0/vmm/device.h"
#include "dom0/vmm/pci.h"

#define I440FX_DEVFN       PCI_DEVFN(0, 0)
#define I440FX_PAM_REGIONS 13u // twelve of 16 KiB from C0000h, one of 64 KiB at F0000h

struct i440fx {
    const struct device_host *host;
    // What i440fx_pam_region() and i440fx_smram_open() say has changed. May be null.
    void (*memory_map_changed)(void *machine);
    struct pci_function pci; // all of the state
};

// Where accesses to a region between C0000h and FFFFFh go. Reads: RAM or the ROM behind it (all ones where there is
// none); writes: RAM or nowhere.
struct i440fx_pam_region {
    uint32_t start, bytes;
    bool read_ram, write_ram;
};

// The machine puts `bridge->pci` on its bus at I440FX_DEVFN.
void i440fx_init(struct i440fx *bridge, const struct device_host *host, void (*memory_map_changed)(void *machine));

// Reset of the machine: reads of C0000h..FFFFFh come from ROM again. Calls memory_map_changed.
void i440fx_reset(struct i440fx *bridge);

// A saved configuration was put back: what follows from it is derived again. Calls memory_map_changed.
void i440fx_restored(struct i440fx *bridge);

// Region `index` below I440FX_PAM_REGIONS, in ascending order of address (PAM0..PAM6, 3.2.18).
struct i440fx_pam_region i440fx_pam_region(const struct i440fx *bridge, unsigned index);

// True: A0000h..BFFFFh is RAM (SMRAM, 3.2.20). False: it is the VGA's.
bool i440fx_smram_open(const struct i440fx *bridge);
