// The PIIX4's power management: PM1 event and control registers (ACPI 1.0b 4.7.3), PM timer (4.7.3.3), SCI, S5.
#include "dom0/vmm/piix4_pm.h"
#include "dom0/vmm/isa_bytes.h"
#include "dom0/vmm/pci_identity.h"

#define PMBA      0x40u // 7.1.7
#define DEVACTB   0x58u
#define PMREGMISC 0x80u

#define PMSTS_TMR    0x0001u
#define PMSTS_PWRBTN 0x0100u
#define PMSTS_ALL    0x8d31u // TMR, BM, GBL, PWRBTN, (sleep button's place), RTC, RSM
#define PMEN_ALL     0x0521u // TMR, GBL, PWRBTN, RTC

#define PMCNTRL_SCI_EN  0x0001u
#define PMCNTRL_BM_RLD  0x0002u
#define PMCNTRL_SLP_TYP 0x1c00u
#define PMCNTRL_SLP_EN  0x2000u
#define PMCNTRL_KEPT    (PMCNTRL_SCI_EN | PMCNTRL_BM_RLD | PMCNTRL_SLP_TYP)

#define OFFSET_GPE_ENABLE     0x0eu
#define OFFSET_GLOBAL_CONTROL 0x28u

#define TIMER_HZ        3579545u
#define TIMER_MASK      0x00ffffffu
#define TIMER_HALF_BITS 23u // TMR_STS is set whenever bit 23 changes
#define SECOND_NS       1000000000u

static const struct pci_identity identity = {
    .vendor = 0x8086, .device = 0x7113, .status = 0x0280, .revision = 3, .subclass = 0x80, .class = 6};

// DEVACTB's APMC_EN reads 1: to SeaBIOS that says that somebody else has set up system management mode. Without it
// SeaBIOS would raise an SMI and wait for ever. SMBHSTCFG stays 0, so that no driver looks for an SMBus.
static const struct pci_default defaults[] = {
    {0x04, 0x00, 0x01}, // I/O space; the PM block does not depend on it
    {0x3d, 0x01, 0x00}, // INTA#, which is SCI here
    {PMBA, 0x01, 0xc0}, // 64 ports
    {PMBA + 1, 0x00, 0xff}, {DEVACTB + 3, 0x02, 0x00}, {PMREGMISC, 0x00, 0x01},
};

// --- Timer -----------------------------------------------------------------------------------------------------------

static uint64_t ticks_at(uint64_t ns) {
    return ns / SECOND_NS * TIMER_HZ + ns % SECOND_NS * TIMER_HZ / SECOND_NS;
}

// The first nanosecond at which ticks_at() gives `ticks`.
static uint64_t ns_of(uint64_t ticks) {
    return ticks / TIMER_HZ * SECOND_NS + (ticks % TIMER_HZ * SECOND_NS + TIMER_HZ - 1) / TIMER_HZ;
}

static uint64_t ticks_now(const struct piix4_pm *pm) {
    return ticks_at(pm->host->now_ns(pm->host->machine));
}

// TMR_STS is set late, when somebody looks.
static void timer_status(struct piix4_pm *pm) {
    uint64_t half = ticks_now(pm) >> TIMER_HALF_BITS;
    if (half == pm->s.timer_half)
        return;
    pm->s.timer_half = half;
    pm->s.status |= PMSTS_TMR;
}

uint64_t piix4_pm_deadline_ns(const struct piix4_pm *pm) {
    const struct piix4_pm_state *s = &pm->s;
    bool wanted = s->control & PMCNTRL_SCI_EN && s->enable & ~s->status & PMSTS_TMR;
    return wanted ? ns_of((s->timer_half + 1) << TIMER_HALF_BITS) : DEVICE_NO_DEADLINE;
}

// --- SCI -------------------------------------------------------------------------------------------------------------

static void sci_update(struct piix4_pm *pm) {
    struct piix4_pm_state *s = &pm->s;
    bool level = s->control & PMCNTRL_SCI_EN && s->status & s->enable;
    if (level == s->sci)
        return;
    s->sci = level;
    pm->host->irq_set(pm->host->machine, PIIX4_PM_IRQ, level);
}

void piix4_pm_expire(struct piix4_pm *pm, uint64_t now_ns) {
    (void)now_ns;
    timer_status(pm);
    sci_update(pm);
}

static void registers_changed(struct piix4_pm *pm) {
    timer_status(pm);
    sci_update(pm);
    pm->host->timer_changed(pm->host->machine);
}

bool piix4_pm_power_button(struct piix4_pm *pm) {
    pm->s.status |= PMSTS_PWRBTN;
    sci_update(pm);
    return pm->s.control & PMCNTRL_SCI_EN && pm->s.enable & PMSTS_PWRBTN;
}

// --- Ports -----------------------------------------------------------------------------------------------------------

static void sleep_enter(struct piix4_pm *pm) {
    unsigned type = (pm->s.control & PMCNTRL_SLP_TYP) >> 10;
    if (type == PIIX4_PM_SLP_TYP_S5)
        pm->host->power_off(pm->host->machine);
    else
        pm->host->log(pm->host->machine, "sleep state with SLP_TYP %u is none of this machine's", type);
}

static void set_byte(uint16_t *of, unsigned high, uint8_t value) {
    *of = (uint16_t)(high ? (*of & 0x00ff) | value << 8 : (*of & 0xff00) | value);
}

static void byte_write(struct piix4_pm *pm, unsigned offset, uint8_t value) {
    struct piix4_pm_state *s = &pm->s;
    unsigned high = offset & 1;
    switch (offset) {
    case PIIX4_PM_EVENT:
    case PIIX4_PM_EVENT + 1:
        timer_status(pm);
        s->status &= (uint16_t) ~(PMSTS_ALL & (unsigned)value << 8 * high);
        break;
    case PIIX4_PM_EVENT + 2:
    case PIIX4_PM_EVENT + 3:
        set_byte(&s->enable, high, value);
        s->enable &= PMEN_ALL;
        break;
    case PIIX4_PM_CONTROL:
    case PIIX4_PM_CONTROL + 1:
        set_byte(&s->control, high, value);
        s->control &= PMCNTRL_KEPT;
        if (high && value & PMCNTRL_SLP_EN >> 8)
            sleep_enter(pm);
        break;
    case OFFSET_GPE_ENABLE:
    case OFFSET_GPE_ENABLE + 1:
        set_byte(&s->gpe_enable, high, value);
        break;
    case OFFSET_GLOBAL_CONTROL ... OFFSET_GLOBAL_CONTROL + 3:
        s->global_control &= ~(0xffu << 8 * (offset & 3));
        s->global_control |= (uint32_t)value << 8 * (offset & 3);
        break;
    default:
        break;
    }
}

// The dword at `offset`, a multiple of 4.
static uint32_t dword_read(struct piix4_pm *pm, unsigned offset) {
    const struct piix4_pm_state *s = &pm->s;
    switch (offset) {
    case PIIX4_PM_EVENT:
        timer_status(pm);
        return s->status | (uint32_t)s->enable << 16;
    case PIIX4_PM_CONTROL:
        return s->control;
    case PIIX4_PM_TIMER:
        return (uint32_t)ticks_now(pm) & TIMER_MASK;
    case PIIX4_PM_GPE0:
        return (uint32_t)s->gpe_enable << 16;
    case OFFSET_GLOBAL_CONTROL:
        return s->global_control;
    default:
        return 0;
    }
}

uint32_t piix4_pm_port_read(void *device, uint16_t port, unsigned bytes) {
    struct piix4_pm *pm = device;
    unsigned offset = port % PIIX4_PM_PORTS, shift = 8 * (offset & 3);
    uint64_t value = dword_read(pm, offset & ~3u);
    if ((offset & 3) + bytes > 4 && offset + 4 < PIIX4_PM_PORTS)
        value |= (uint64_t)dword_read(pm, (offset & ~3u) + 4) << 32;
    if ((offset & ~3u) == PIIX4_PM_EVENT)
        registers_changed(pm);
    return (uint32_t)(value >> shift & ((uint64_t)1 << 8 * bytes) - 1);
}

void piix4_pm_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    struct piix4_pm *pm = device;
    unsigned offset = port % PIIX4_PM_PORTS;
    for (unsigned i = 0; i < bytes && i < 4 && offset + i < PIIX4_PM_PORTS; i++)
        byte_write(pm, offset + i, (uint8_t)(value >> 8 * i));
    registers_changed(pm);
}

// --- The SMI command port
// ---------------------------------------------------------------------------------------------

static uint8_t command_byte_read(void *device, uint16_t port) {
    const struct piix4_pm *pm = device;
    unsigned index = port - PIIX4_PM_PORT_COMMAND;
    return index < sizeof pm->s.apm ? pm->s.apm[index] : 0xff;
}

// What a BIOS would do in its SMI handler.
static void command(struct piix4_pm *pm, uint8_t value) {
    if (value == PIIX4_PM_ACPI_ENABLE)
        pm->s.control |= PMCNTRL_SCI_EN;
    else if (value == PIIX4_PM_ACPI_DISABLE)
        pm->s.control &= (uint16_t)~PMCNTRL_SCI_EN;
    else
        return;
    registers_changed(pm);
}

static void command_byte_write(void *device, uint16_t port, uint8_t value) {
    struct piix4_pm *pm = device;
    unsigned index = port - PIIX4_PM_PORT_COMMAND;
    if (index >= sizeof pm->s.apm)
        return;
    pm->s.apm[index] = value;
    if (index == 0)
        command(pm, value);
}

uint32_t piix4_pm_command_read(void *device, uint16_t port, unsigned bytes) {
    return isa_read_bytes(command_byte_read, device, port, bytes);
}

void piix4_pm_command_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    isa_write_bytes(command_byte_write, device, port, bytes, value);
}

// --- PCI function ----------------------------------------------------------------------------------------------------

uint16_t piix4_pm_base(const struct piix4_pm *pm) {
    const uint8_t *config = pm->pci.s.config;
    return config[PMREGMISC] & 1 ? pci_config_get16(&pm->pci, PMBA) & 0xffc0 : 0;
}

static void block_moved(struct piix4_pm *pm) {
    if (pm->ports_changed)
        pm->ports_changed(pm->host->machine);
}

static void config_written(void *device, unsigned offset, unsigned bytes) {
    if ((offset < PMBA + 2 && offset + bytes > PMBA) || (offset <= PMREGMISC && offset + bytes > PMREGMISC))
        block_moved(device);
}

static void registers_reset(struct piix4_pm *pm) {
    pci_identity_reset(&pm->pci, &identity, defaults, sizeof defaults / sizeof defaults[0]);
    uint8_t sci = pm->s.sci;
    memset(&pm->s, 0, sizeof pm->s);
    pm->s.sci = sci;
    pm->s.timer_half = ticks_now(pm) >> TIMER_HALF_BITS;
}

void piix4_pm_init(struct piix4_pm *pm, const struct device_host *host, void (*ports_changed)(void *machine)) {
    memset(pm, 0, sizeof *pm);
    pm->host = host;
    pm->ports_changed = ports_changed;
    pm->pci.name = "piix4-pm";
    pm->pci.device = pm;
    pm->pci.config_written = config_written;
    pm->pci.write_one_to_clear[0x07] = 0x78;
    registers_reset(pm);
}

void piix4_pm_reset(struct piix4_pm *pm) {
    registers_reset(pm);
    registers_changed(pm);
    block_moved(pm);
}
