// Power-off and restart of the host. ACPI's S5 needs two numbers: the port of PM1a_CNT, from the FADT, and SLP_TYP of
// \_S5, from the DSDT.
#include "dom0/init/init.h"
#include "dom0/init/ports.h"
#include "dom0/init/sleep_state.h"
#include "lib/string.h"

// Tables (ACPI 6.4, 5.2) and PM1 control register (4.8.3.2.1)
#define TABLE_LENGTH     4u
#define TABLE_HEADER     36u
#define TABLE_BYTES_MAX  (1u << 20)
#define FADT_DSDT        40u
#define FADT_SMI_CMD     48u
#define FADT_ACPI_ENABLE 52u
#define FADT_PM1A_CNT    64u
#define FADT_BYTES_MIN   76u
#define SCI_EN           1u
#define SLP_TYP_MASK     (7u << 10)
#define SLP_EN           (1u << 13)

#define KEYBOARD_COMMAND 0x64u
#define KEYBOARD_RESET   0xfeu
#define RESET_CONTROL    0xcf9u

static uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

// Maps a table at a fixed place, one after the other; null if it cannot be one.
static const uint8_t *table_map(uint64_t hpa) {
    static uint64_t at = INIT_ACPI;
    uint64_t inside = hpa % PAGE_SIZE, address = at;
    if (!hpa || !physical_map(SELECTOR_SELF, address, hpa - inside, inside + TABLE_HEADER, DELEGATE_READ, false))
        return NULL;
    uint32_t bytes = get32((const uint8_t *)address + inside + TABLE_LENGTH);
    physical_unmap(SELECTOR_SELF, address, inside + TABLE_HEADER);
    at += TABLE_BYTES_MAX + 2 * PAGE_SIZE;
    if (bytes < TABLE_HEADER || bytes > TABLE_BYTES_MAX ||
        !physical_map(SELECTOR_SELF, address, hpa - inside, inside + bytes, DELEGATE_READ, false))
        return NULL;
    return (const uint8_t *)address + inside;
}

static const uint8_t *find_table(const char *signature) {
    const uint8_t *root = table_map(boot_page->rsdp);
    if (!root)
        return NULL;
    uint32_t entry = memcmp(root, "XSDT", 4) == 0 ? 8 : 4;
    for (uint32_t at = TABLE_HEADER; at + entry <= get32(root + TABLE_LENGTH); at += entry) {
        uint64_t hpa = 0;
        memcpy(&hpa, root + at, entry);
        const uint8_t *table = table_map(hpa);
        if (table && memcmp(table, signature, 4) == 0)
            return table;
    }
    return NULL;
}

static void stop_host(const char *what) {
    init_log("%s", what);
    (void)sys_reply_wait(WAIT_NO_CALL, 0, now_tsc() + boot_page->tsc_hz / 5); // the console prints its last lines
    (void)sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_STOP, 0, 0);
}

_Noreturn static void hang(void) {
    for (;;)
        (void)sys_reply_wait(WAIT_NO_CALL, 0, NO_DEADLINE);
}

// In legacy mode the chipset ignores PM1a_CNT; the firmware's SMI handler hands it over (4.8.1.1).
static void enable_acpi(const uint8_t *fadt, uint16_t control) {
    uint16_t command = (uint16_t)get32(fadt + FADT_SMI_CMD);
    uint8_t enable = fadt[FADT_ACPI_ENABLE];
    if ((port_in16(control) & SCI_EN) || !command || !enable || !ports_take(command, 0))
        return;
    port_out8(command, enable);
    uint64_t until = now_tsc() + boot_page->tsc_hz;
    while (!(port_in16(control) & SCI_EN) && now_tsc() < until)
        ;
}

void power_off(void) {
    const uint8_t *fadt = find_table("FACP");
    bool usable = fadt && get32(fadt + TABLE_LENGTH) >= FADT_BYTES_MIN;
    const uint8_t *dsdt = usable ? table_map(get32(fadt + FADT_DSDT)) : NULL;
    uint16_t control = usable ? (uint16_t)get32(fadt + FADT_PM1A_CNT) : 0;
    unsigned type = 0;
    if (!dsdt || !sleep_state_s5(dsdt, get32(dsdt + TABLE_LENGTH), &type) || !control ||
        !ports_take(control & ~1u, 1)) {
        init_log("this machine's ACPI tables do not say how to power it off");
        return;
    }
    stop_host("power off");
    enable_acpi(fadt, control);
    uint32_t value = (port_in16(control) & ~(SLP_TYP_MASK | SLP_EN)) | type << 10;
    port_out16(control, (uint16_t)value);
    port_out16(control, (uint16_t)(value | SLP_EN));
    hang();
}

_Noreturn void power_restart(void) {
    bool control = ports_take(RESET_CONTROL, 0), keyboard = ports_take(KEYBOARD_COMMAND, 0);
    stop_host("restart");
    if (control) {
        port_out8(RESET_CONTROL, 2);
        port_out8(RESET_CONTROL, 6);
    }
    if (keyboard)
        port_out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    hang();
}
