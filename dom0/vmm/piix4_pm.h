// The power management function of the 82371AB (PIIX4, Intel order no. 290562): ACPI's fixed registers, the PM timer,
// the power button, soft off, and the SMI command port. There is no system management mode and no SMBus.
#pragma once
#include "dom0/vmm/device.h"
#include "dom0/vmm/pci.h"

#define PIIX4_PM_DEVFN        PCI_DEVFN(1, 3)
#define PIIX4_PM_PORTS        64u   // from piix4_pm_base()
#define PIIX4_PM_PORT_COMMAND 0xb2u // 2 ports: APMC, APMS
#define PIIX4_PM_IRQ          9u    // SCI

// What FADT says of it, see acpi_tables.c; the firmware puts the ports there.
#define PIIX4_PM_BASE         0x600u
#define PIIX4_PM_EVENT        0x00u // PM1a event block, 4 bytes
#define PIIX4_PM_CONTROL      0x04u // PM1a control block, 2 bytes
#define PIIX4_PM_TIMER        0x08u // 24 bits
#define PIIX4_PM_GPE0         0x0cu // 4 bytes
#define PIIX4_PM_ACPI_ENABLE  0xf1u // to APMC
#define PIIX4_PM_ACPI_DISABLE 0xf0u
#define PIIX4_PM_SLP_TYP_S5   0u

struct piix4_pm_state {
    uint16_t status, enable; // PMSTS, PMEN
    uint16_t control;        // PMCNTRL
    uint16_t gpe_enable;     // GPEN; nothing sets GPSTS
    uint32_t global_control; // GLBCTL
    uint64_t timer_half;     // half periods of the timer up to the last one that set TMR_STS
    uint8_t apm[2];          // APMC, APMS
    uint8_t sci;             // level
};

struct piix4_pm {
    const struct device_host *host;
    void (*ports_changed)(void *machine); // piix4_pm_base() may have changed. May be null.
    struct pci_function pci;
    struct piix4_pm_state s;
};

// The machine puts `pm->pci` on its bus at PIIX4_PM_DEVFN.
void piix4_pm_init(struct piix4_pm *pm, const struct device_host *host, void (*ports_changed)(void *machine));
void piix4_pm_reset(struct piix4_pm *pm);

// Somebody presses the power button. False: the guest does not listen (no ACPI mode, or the event is not enabled).
bool piix4_pm_power_button(struct piix4_pm *pm);

// Where the PIIX4_PM_PORTS ports are now; 0: nowhere.
uint16_t piix4_pm_base(const struct piix4_pm *pm);

// These ports; `port` is absolute or relative.
uint32_t piix4_pm_port_read(void *device, uint16_t port, unsigned bytes);
void piix4_pm_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// Ports B2h and B3h.
uint32_t piix4_pm_command_read(void *device, uint16_t port, unsigned bytes);
void piix4_pm_command_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// The next overflow of the timer, if it interrupts.
uint64_t piix4_pm_deadline_ns(const struct piix4_pm *pm);
void piix4_pm_expire(struct piix4_pm *pm, uint64_t now_ns);
