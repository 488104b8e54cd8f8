// Power-off and restart of the host, and the time of its clock. ACPI's S5 needs two numbers: the port of PM1a_CNT
// (FADT) and SLP_TYP of \_S5 (DSDT); both are looked for without an AML interpreter.
#include "dom0/init/init.h"
#include "lib/string.h"

#define SLP_EN            (1u << 13)
#define FADT_DSDT         40u
#define FADT_PM1A_CNT     64u
#define ACPI_HEADER       36u
#define TABLE_BYTES_MAX   (1u << 20)
#define KEYBOARD_COMMAND  0x64u
#define KEYBOARD_RESET    0xfeu
#define RESET_CONTROL     0xcf9u
#define CMOS_INDEX        0x70u
#define CMOS_DATA         0x71u
#define CMOS_STATUS_A     10u
#define CMOS_STATUS_B     11u
#define STATUS_A_UPDATING 0x80u
#define STATUS_B_BINARY   0x04u

static bool take_ports(uint64_t base, unsigned order) {
    return sys_delegate(SELECTOR_PORTS, base, SELECTOR_SELF, base,
                        DELEGATE_READ | DELEGATE_WRITE | DELEGATE_ORDER(order) | DELEGATE_PORT) == OK;
}

static void out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

// Maps a table at a fixed place, one after the other; null if it cannot be one.
static const uint8_t *table_map(uint64_t hpa) {
    static uint64_t at = INIT_ACPI;
    uint64_t inside = hpa % PAGE_SIZE, address = at;
    if (!hpa || !physical_map(SELECTOR_SELF, address, hpa - inside, inside + ACPI_HEADER, DELEGATE_READ, false))
        return NULL;
    uint32_t bytes = get32((const uint8_t *)address + inside + 4);
    physical_unmap(SELECTOR_SELF, address, inside + ACPI_HEADER);
    at += TABLE_BYTES_MAX + 2 * PAGE_SIZE;
    if (bytes < ACPI_HEADER || bytes > TABLE_BYTES_MAX ||
        !physical_map(SELECTOR_SELF, address, hpa - inside, inside + bytes, DELEGATE_READ, false))
        return NULL;
    return (const uint8_t *)address + inside;
}

static const uint8_t *find_table(const char *signature) {
    const uint8_t *root = table_map(boot_page->rsdp);
    if (!root)
        return NULL;
    uint32_t entry = memcmp(root, "XSDT", 4) == 0 ? 8 : 4;
    for (uint32_t at = ACPI_HEADER; at + entry <= get32(root + 4); at += entry) {
        uint64_t hpa = 0;
        memcpy(&hpa, root + at, entry);
        const uint8_t *table = table_map(hpa);
        if (table && memcmp(table, signature, 4) == 0)
            return table;
    }
    return NULL;
}

// SLP_TYPa: the first element of the package that Name(_S5_, Package(..){..}) defines (ACPI 20.2).
static bool find_s5(const uint8_t *dsdt, unsigned *type) {
    uint32_t bytes = get32(dsdt + 4);
    for (uint32_t at = ACPI_HEADER + 1; at + 12 < bytes; at++) {
        if (memcmp(dsdt + at, "_S5_\x12", 5) != 0 || (dsdt[at - 1] != 0x08 && dsdt[at - 1] != '\\'))
            continue;
        uint32_t element = at + 5 + 1 + (dsdt[at + 5] >> 6) + 1; // package length (1 to 4 bytes), number of elements
        if (element + 2 > bytes)
            return false;
        *type = dsdt[element] == 0x0a ? dsdt[element + 1] : dsdt[element];
        return *type < 8;
    }
    return false;
}

static void stop_host(const char *what) {
    init_log("%s", what);
    uint64_t until = now_tsc() + boot_page->tsc_hz / 5; // the console prints its last lines
    while (now_tsc() < until)
        (void)sys_reply_wait(WAIT_NO_REPLY, 0, until);
    (void)sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_STOP, 0, 0);
}

_Noreturn static void hang(void) {
    for (;;)
        (void)sys_reply_wait(WAIT_NO_REPLY, 0, NO_DEADLINE);
}

_Noreturn void power_off(void) {
    const uint8_t *fadt = find_table("FACP"), *dsdt = fadt ? table_map(get32(fadt + FADT_DSDT)) : NULL;
    unsigned type = 0;
    uint16_t control = fadt ? (uint16_t)get32(fadt + FADT_PM1A_CNT) : 0;
    if (!dsdt || !find_s5(dsdt, &type) || !control || !take_ports(control & ~1u, 1)) {
        init_log("this machine's ACPI tables do not say how to power off; it can be switched off now");
        hang();
    }
    stop_host("power off");
    out16(control, (uint16_t)(type << 10 | SLP_EN));
    hang();
}

_Noreturn void power_restart(void) {
    bool control = take_ports(RESET_CONTROL, 0), keyboard = take_ports(KEYBOARD_COMMAND, 0);
    stop_host("restart");
    if (control) {
        out8(RESET_CONTROL, 2);
        out8(RESET_CONTROL, 6);
    }
    if (keyboard)
        out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    hang();
}

static uint8_t cmos(uint8_t index) {
    out8(CMOS_INDEX, index);
    return in8(CMOS_DATA);
}

// Days from 1970-01-01 (proleptic Gregorian calendar, years from March on).
static uint64_t days_since_1970(uint64_t year, uint64_t month, uint64_t day) {
    uint64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t power_wall_seconds(void) {
    static uint64_t seconds_at_boot, tsc_at_boot;
    if (!tsc_at_boot) {
        uint64_t v[6];
        static const uint8_t index[6] = {0, 2, 4, 7, 8, 9};
        tsc_at_boot = now_tsc();
        if (!take_ports(CMOS_INDEX, 1))
            return 0;
        for (unsigned tries = 0; tries < 100000 && (cmos(CMOS_STATUS_A) & STATUS_A_UPDATING); tries++)
            ;
        bool binary = cmos(CMOS_STATUS_B) & STATUS_B_BINARY;
        for (unsigned i = 0; i < 6; i++) {
            uint8_t value = cmos(index[i]);
            v[i] = binary ? value : (uint64_t)(value / 16 * 10 + value % 16);
        }
        seconds_at_boot = ((days_since_1970(2000 + v[5], v[4], v[3]) * 24 + v[2]) * 60 + v[1]) * 60 + v[0];
    }
    return seconds_at_boot + (now_tsc() - tsc_at_boot) / boot_page->tsc_hz;
}
