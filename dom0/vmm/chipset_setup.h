// What firmware does to the chipset before an operating system runs, for guests that boot without firmware.
#pragma once
#include "dom0/vmm/pci.h"

struct piix3;

// Routes the PIRQs and gives every function its interrupt line, makes all of C0000h..FFFFFh RAM, and puts the PM block
// where FADT says. BARs are left to the operating system. Call it after the reset of all models, before the first
// entry.
void chipset_setup(struct pci_bus *bus, struct piix3 *piix3);
