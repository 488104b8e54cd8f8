// The chipset: PAM and SMRAM of the i440FX, interrupt routing and resets of the PIIX3, power management of the PIIX4,
// and what a direct boot finds set up.
#include "tests/unit/board.h"

#include "dom0/vmm/chipset_setup.h"
#include "dom0/vmm/i440fx.h"
#include "dom0/vmm/piix3.h"
#include "dom0/vmm/piix4_pm.h"
#include "dom0/vmm/ports.h"
#include "lib/string.h"

#define HALF_TICKS  0x800000u // TMR_STS is set at multiples of these
#define HALF_NS     2343484438ull
#define ELCR_UNSEEN 0xdeadu

static struct board board;
static struct device_host host;
static struct pci_bus bus;
static struct i440fx bridge;
static struct piix3 piix3;
static struct piix4_pm pm;
static unsigned maps, moves, power_offs, refused;
static uint16_t elcr;

static void map_changed(void *machine) {
    assert_ptr_equal(machine, &board);
    maps++;
}

static void ports_changed(void *machine) {
    assert_ptr_equal(machine, &board);
    moves++;
}

static void elcr_changed(void *machine, uint16_t level_triggered) {
    assert_ptr_equal(machine, &board);
    elcr = level_triggered;
}

static void power_off(void *machine) {
    assert_ptr_equal(machine, &board);
    power_offs++;
}

static void log_line(void *machine, const char *message, ...) {
    (void)machine, (void)message;
    refused++;
}

static int setup(void **state) {
    (void)state;
    host = board_host(&board);
    host.power_off = power_off;
    host.log = log_line;
    maps = moves = power_offs = refused = 0;
    elcr = ELCR_UNSEEN;
    memset(&bus, 0, sizeof bus);
    i440fx_init(&bridge, &host, map_changed);
    piix3_init(&piix3, &host, elcr_changed);
    piix4_pm_init(&pm, &host, ports_changed);
    pci_attach(&bus, I440FX_DEVFN, &bridge.pci);
    pci_attach(&bus, PIIX3_DEVFN, &piix3.pci);
    pci_attach(&bus, PIIX4_PM_DEVFN, &pm.pci);
    return 0;
}

static uint32_t config_read(uint8_t devfn, unsigned offset, unsigned bytes) {
    pci_port_write(&bus, 0xcf8, 4, 0x80000000u | (uint32_t)devfn << 8 | (offset & 0xfc));
    return pci_port_read(&bus, (uint16_t)(0xcfc + (offset & 3)), bytes);
}

static void config_write(uint8_t devfn, unsigned offset, unsigned bytes, uint32_t value) {
    pci_port_write(&bus, 0xcf8, 4, 0x80000000u | (uint32_t)devfn << 8 | (offset & 0xfc));
    pci_port_write(&bus, (uint16_t)(0xcfc + (offset & 3)), bytes, value);
}

// --- i440FX ----------------------------------------------------------------------------------------------------------

static void identities(void **state) {
    (void)state;
    assert_int_equal(config_read(I440FX_DEVFN, 0, 4), 0x12378086);
    assert_int_equal(config_read(I440FX_DEVFN, 0x2c, 4), 0x11001af4);
    assert_int_equal(config_read(I440FX_DEVFN, 0x08, 4), 0x06000002);
    assert_int_equal(config_read(PIIX3_DEVFN, 0, 4), 0x70008086);
    assert_int_equal(config_read(PIIX3_DEVFN, 0x08, 4), 0x06010000);
    assert_int_equal(config_read(PIIX3_DEVFN, 0x0e, 1), 0x80);
    assert_int_equal(config_read(PIIX4_PM_DEVFN, 0, 4), 0x71138086);
    assert_int_equal(config_read(PIIX4_PM_DEVFN, 0x08, 4), 0x06800003);
    assert_int_equal(config_read(PIIX4_PM_DEVFN, 0x3d, 1), 1);
    assert_int_equal(config_read(PIIX4_PM_DEVFN, 0x5b, 1), 2); // or SeaBIOS waits for SMM
    config_write(PIIX4_PM_DEVFN, 0x58, 4, 0);
    assert_int_equal(config_read(PIIX4_PM_DEVFN, 0x58, 4), 0x02000000);
}

static void pam_regions_cover_the_window(void **state) {
    (void)state;
    uint32_t next = 0xc0000;
    for (unsigned i = 0; i < I440FX_PAM_REGIONS; i++) {
        struct i440fx_pam_region region = i440fx_pam_region(&bridge, i);
        assert_int_equal(region.start, next);
        assert_false(region.read_ram || region.write_ram);
        next += region.bytes;
    }
    assert_int_equal(next, 0x100000);
}

static void pam_nibbles(void **state) {
    (void)state;
    config_write(I440FX_DEVFN, 0x59, 1, 0xff); // the low nibble is reserved
    assert_int_equal(config_read(I440FX_DEVFN, 0x59, 1), 0x30);
    assert_int_equal(maps, 1);
    struct i440fx_pam_region bios = i440fx_pam_region(&bridge, 12);
    assert_true(bios.read_ram && bios.write_ram);
    config_write(I440FX_DEVFN, 0x5a, 1, 0x12); // C4000 reads RAM, C0000 writes it
    assert_false(i440fx_pam_region(&bridge, 0).read_ram);
    assert_true(i440fx_pam_region(&bridge, 0).write_ram);
    assert_true(i440fx_pam_region(&bridge, 1).read_ram);
    assert_false(i440fx_pam_region(&bridge, 1).write_ram);
    assert_false(i440fx_pam_region(&bridge, 2).write_ram);
    config_write(I440FX_DEVFN, 0x5c, 4, 0x10000000); // EC000
    assert_true(i440fx_pam_region(&bridge, 11).read_ram);
    assert_int_equal(maps, 3);
    config_write(I440FX_DEVFN, 0x5c, 4, 0x10000000); // no change
    config_write(I440FX_DEVFN, 0x60, 4, 0x10000000); // others
    assert_int_equal(maps, 3);
    i440fx_reset(&bridge);
    assert_int_equal(maps, 4);
    assert_false(i440fx_pam_region(&bridge, 12).read_ram);
}

static void smram_lock(void **state) {
    (void)state;
    assert_false(i440fx_smram_open(&bridge));
    config_write(I440FX_DEVFN, 0x72, 1, 0x4a);
    assert_true(i440fx_smram_open(&bridge));
    config_write(I440FX_DEVFN, 0x72, 1, 0x5a);
    assert_int_equal(config_read(I440FX_DEVFN, 0x72, 1), 0x1a);
    assert_false(i440fx_smram_open(&bridge));
    config_write(I440FX_DEVFN, 0x72, 1, 0x4a);
    assert_int_equal(config_read(I440FX_DEVFN, 0x72, 1), 0x1a);
    i440fx_reset(&bridge);
    config_write(I440FX_DEVFN, 0x72, 1, 0x48);
    assert_int_equal(config_read(I440FX_DEVFN, 0x72, 1), 0x4a);
}

// --- PIIX3 -----------------------------------------------------------------------------------------------------------

static void slots_are_swizzled(void **state) {
    (void)state;
    static const uint8_t irqs[4] = {3, 5, 10, 11};
    for (unsigned pirq = 0; pirq < 4; pirq++)
        config_write(PIIX3_DEVFN, 0x60 + pirq, 1, irqs[pirq]);
    for (unsigned slot = 1; slot < 32; slot++)
        for (unsigned pin = 1; pin <= 4; pin++) {
            unsigned irq = irqs[(slot + pin - 2) & 3];
            piix3_pirq_set(&piix3, slot << 3, pin, true);
            for (unsigned line = 0; line < 24; line++)
                assert_int_equal(board.lines[line], line == irq);
            piix3_pirq_set(&piix3, slot << 3, pin, false);
            assert_false(board.lines[irq]);
        }
}

static void shared_lines_are_ored(void **state) {
    (void)state;
    config_write(PIIX3_DEVFN, 0x60, 4, 0x8080800a); // PIRQA to IRQ 10
    piix3_pirq_set(&piix3, PCI_DEVFN(1, 2), 1, true);
    piix3_pirq_set(&piix3, PCI_DEVFN(5, 0), 1, true); // PIRQA as well
    piix3_pirq_set(&piix3, PCI_DEVFN(5, 0), 1, true);
    assert_true(board.lines[10]);
    piix3_pirq_set(&piix3, PCI_DEVFN(5, 0), 1, false);
    assert_true(board.lines[10]);
    piix3_pirq_set(&piix3, PCI_DEVFN(1, 2), 1, false);
    assert_false(board.lines[10]);
    assert_int_equal(board.edges[10], 1);
    piix3_pirq_set(&piix3, PCI_DEVFN(1, 2), 0, true); // no such pins, no such function
    piix3_pirq_set(&piix3, PCI_DEVFN(1, 2), 5, true);
    piix3_pirq_set(&piix3, 256, 1, true);
    assert_false(board.lines[10]);
}

static void rerouting_moves_the_line(void **state) {
    (void)state;
    piix3_pirq_set(&piix3, PCI_DEVFN(2, 0), 1, true); // PIRQB, disabled
    for (unsigned line = 0; line < 24; line++)
        assert_false(board.lines[line]);
    config_write(PIIX3_DEVFN, 0x61, 1, 11);
    assert_true(board.lines[11]);
    config_write(PIIX3_DEVFN, 0x61, 1, 5);
    assert_false(board.lines[11]);
    assert_true(board.lines[5]);
    for (unsigned irq = 0; irq < 16; irq++) {
        bool routable = irq > 2 && irq != 8 && irq != 13;
        config_write(PIIX3_DEVFN, 0x61, 1, irq);
        assert_int_equal(piix3_pirq_route(&piix3, 1), routable ? irq : PIIX3_IRQ_NONE);
        assert_int_equal(board.lines[irq], routable);
    }
    piix3_reset(&piix3);
    assert_false(board.lines[15]);
    assert_int_equal(config_read(PIIX3_DEVFN, 0x60, 4), 0x80808080);
}

// FERR#: IRQ 13 until port F0h is written, or a reset.
static void coprocessor_error(void **state) {
    (void)state;
    piix3_port_write(&piix3, PIIX3_PORT_COPROCESSOR, 1, 0);
    assert_int_equal(board.edges[13], 0);
    piix3_coprocessor_error(&piix3);
    piix3_coprocessor_error(&piix3);
    assert_true(board.lines[13] && board.edges[13] == 1);
    piix3_port_write(&piix3, PIIX3_PORT_COPROCESSOR, 1, 0);
    assert_false(board.lines[13]);
    piix3_coprocessor_error(&piix3);
    piix3_reset(&piix3);
    assert_false(board.lines[13]);
}

static void elcr_keeps_edge_irqs(void **state) {
    (void)state;
    piix3_port_write(&piix3, PIIX3_PORT_ELCR, 2, 0xffff);
    assert_int_equal(elcr, 0xdef8);
    assert_int_equal(piix3_port_read(&piix3, PIIX3_PORT_ELCR, 2), 0xdef8);
    piix3_port_write(&piix3, PIIX3_PORT_ELCR + 1, 1, 0x0c);
    assert_int_equal(piix3_elcr(&piix3), 0x0cf8);
    piix3_reset(&piix3);
    assert_int_equal(elcr, 0);
}

static void reset_ports(void **state) {
    (void)state;
    piix3_port_write(&piix3, PIIX3_PORT_RESET, 4, 0xffffffff); // CF8h's
    piix3_port_write(&piix3, PIIX3_PORT_RESET, 1, 0x02);
    assert_int_equal(board.resets, 0);
    piix3_port_write(&piix3, PIIX3_PORT_RESET, 1, 0x06);
    assert_int_equal(board.resets, 1);
    piix3_port_write(&piix3, PIIX3_PORT_RESET, 1, 0x06); // no edge
    assert_int_equal(board.resets, 1);
    assert_int_equal(piix3_port_read(&piix3, PIIX3_PORT_RESET, 1), 0x06);
    assert_int_equal(piix3_port_read(&piix3, PIIX3_PORT_SYSTEM, 1), 0x02);
    piix3_port_write(&piix3, PIIX3_PORT_SYSTEM, 1, 0x00);
    assert_int_equal(piix3_port_read(&piix3, PIIX3_PORT_SYSTEM, 1), 0x00);
    assert_int_equal(board.resets, 1);
    piix3_port_write(&piix3, PIIX3_PORT_SYSTEM, 1, 0x03);
    assert_int_equal(board.resets, 2);
}

// --- PIIX4 -----------------------------------------------------------------------------------------------------------

static uint32_t pm_in(unsigned offset, unsigned bytes) {
    return piix4_pm_port_read(&pm, (uint16_t)(PIIX4_PM_BASE + offset), bytes);
}

static void pm_out(unsigned offset, unsigned bytes, uint32_t value) {
    piix4_pm_port_write(&pm, (uint16_t)(PIIX4_PM_BASE + offset), bytes, value);
}

static void block_moves(void **state) {
    (void)state;
    assert_int_equal(piix4_pm_base(&pm), 0);
    config_write(PIIX4_PM_DEVFN, 0x40, 4, 0xffffffff);
    assert_int_equal(config_read(PIIX4_PM_DEVFN, 0x40, 4), 0xffc1);
    assert_int_equal(piix4_pm_base(&pm), 0);
    config_write(PIIX4_PM_DEVFN, 0x40, 4, 0x601);
    config_write(PIIX4_PM_DEVFN, 0x80, 1, 1);
    assert_int_equal(piix4_pm_base(&pm), 0x600);
    assert_int_equal(moves, 3);
    piix4_pm_reset(&pm);
    assert_int_equal(piix4_pm_base(&pm), 0);
    assert_int_equal(moves, 4);
}

static void timer_counts(void **state) {
    (void)state;
    assert_int_equal(pm_in(8, 4), 0);
    board.now_ns = 1000000000;
    assert_int_equal(pm_in(8, 4), 3579545);
    assert_int_equal(pm_in(8, 2), 3579545 & 0xffff);
    assert_int_equal(pm_in(10, 1), 3579545 >> 16);
    board.now_ns = 86400ull * 1000000000 * 365;
    assert_int_equal(pm_in(8, 4), 3579545ull * 86400 * 365 & 0xffffff);
    pm_out(8, 4, 0);
    assert_int_equal(pm_in(8, 4), 3579545ull * 86400 * 365 & 0xffffff);
}

static void timer_overflow_interrupts(void **state) {
    (void)state;
    assert_true(piix4_pm_deadline_ns(&pm) == DEVICE_NO_DEADLINE);
    pm_out(2, 2, 1);
    assert_true(piix4_pm_deadline_ns(&pm) == DEVICE_NO_DEADLINE); // not in ACPI mode
    pm_out(4, 2, 1);
    assert_true(piix4_pm_deadline_ns(&pm) == HALF_NS);
    board.now_ns = HALF_NS - 1;
    assert_int_equal(pm_in(0, 2), 0);
    assert_int_equal(pm_in(8, 4), HALF_TICKS - 1);
    board.now_ns = HALF_NS;
    piix4_pm_expire(&pm, board.now_ns);
    assert_true(board.lines[9]);
    assert_int_equal(pm_in(8, 4), HALF_TICKS);
    assert_true(piix4_pm_deadline_ns(&pm) == DEVICE_NO_DEADLINE);
    pm_out(0, 2, 1);
    assert_false(board.lines[9]);
    assert_int_equal(pm_in(0, 4), 0x00010000);
    board.now_ns = piix4_pm_deadline_ns(&pm);
    assert_true(board.now_ns > HALF_NS);
    assert_int_equal(pm_in(8, 4), 0);
    assert_int_equal(pm_in(0, 2), 1); // seen before it expires
    assert_true(board.lines[9]);
}

static void acpi_mode_by_command(void **state) {
    (void)state;
    piix4_pm_command_write(&pm, 0xb2, 1, PIIX4_PM_ACPI_ENABLE);
    assert_int_equal(pm_in(4, 2), 1);
    piix4_pm_command_write(&pm, 0xb2, 2, 0x5500 | PIIX4_PM_ACPI_DISABLE);
    assert_int_equal(pm_in(4, 2), 0);
    assert_int_equal(piix4_pm_command_read(&pm, 0xb2, 2), 0x5500 | PIIX4_PM_ACPI_DISABLE);
}

static void power_button(void **state) {
    (void)state;
    assert_false(piix4_pm_power_button(&pm));
    assert_int_equal(pm_in(0, 2), 0x100);
    pm_out(0, 2, 0x100);
    pm_out(2, 2, 0x100);
    assert_false(piix4_pm_power_button(&pm));
    assert_false(board.lines[9]);
    piix4_pm_command_write(&pm, 0xb2, 1, PIIX4_PM_ACPI_ENABLE);
    assert_true(board.lines[9]);
    pm_out(0, 1, 0xff); // the other byte
    assert_true(board.lines[9]);
    pm_out(1, 1, 0x01);
    assert_false(board.lines[9]);
    assert_true(piix4_pm_power_button(&pm));
    assert_true(board.lines[9]);
    piix4_pm_reset(&pm);
    assert_false(board.lines[9]);
}

static void soft_off(void **state) {
    (void)state;
    pm_out(4, 2, 0x0001); // SLP_TYP of S5 without SLP_EN
    assert_int_equal(power_offs, 0);
    pm_out(4, 2, 0x3401); // SLP_TYP 5
    assert_int_equal(power_offs, 0);
    assert_int_equal(refused, 1);
    assert_int_equal(pm_in(4, 2), 0x1401); // SLP_EN reads 0
    pm_out(4, 4, 0x2001);
    assert_int_equal(power_offs, 1);
    pm_out(5, 1, 0x20);
    assert_int_equal(power_offs, 2);
}

static void edges_of_the_block(void **state) {
    (void)state;
    pm_out(0x3f, 4, 0xffffffff);
    assert_int_equal(pm_in(0x3f, 4), 0);
    pm_out(0x28, 4, 0x12345678);
    assert_int_equal(pm_in(0x28, 4), 0x12345678);
    assert_int_equal(pm_in(0x2a, 1), 0x34);
    assert_int_equal(pm_in(0x26, 4), 0x56780000);
    pm_out(0x0c, 4, 0xffffffff);
    assert_int_equal(pm_in(0x0c, 4), 0xffff0000);
    pm_out(0x02, 2, 0xffff);
    assert_int_equal(pm_in(0x02, 2), 0x0521);
}

// --- Setup for direct boot, small ports ------------------------------------------------------------------------------

static void direct_boot_setup(void **state) {
    (void)state;
    chipset_setup(&bus, &piix3);
    assert_int_equal(piix4_pm_base(&pm), PIIX4_PM_BASE);
    assert_int_equal(elcr, 0x0e00);
    assert_int_equal(config_read(PIIX3_DEVFN, 0x60, 4), 0x0b0b0a0a);
    assert_int_equal(config_read(PIIX4_PM_DEVFN, 0x3c, 1), 9);
    for (unsigned i = 0; i < I440FX_PAM_REGIONS; i++)
        assert_true(i440fx_pam_region(&bridge, i).read_ram && i440fx_pam_region(&bridge, i).write_ram);
}

static char lines[4][PORTS_LINE_BYTES];
static unsigned line_count;

static void debug_line(void *context, const char *line) {
    assert_ptr_equal(context, lines);
    assert_true(line_count < 4);
    memcpy(lines[line_count++], line, strlen(line) + 1);
}

static void small_ports(void **state) {
    (void)state;
    static struct ports ports;
    line_count = 0;
    ports_init(&ports, lines, debug_line);
    assert_int_equal(ports_port_read(&ports, 0x402, 1), 0xe9);
    ports_port_write(&ports, 0x80, 1, 0x5a);
    ports_port_write(&ports, 0xed, 1, 0x77);
    assert_int_equal(ports_port_read(&ports, 0x80, 1), 0x5a);
    for (const char *c = "one\r\nt\033o\n"; *c; c++)
        ports_port_write(&ports, 0x402, 1, (uint8_t)*c);
    assert_int_equal(line_count, 2);
    assert_string_equal(lines[0], "one");
    assert_string_equal(lines[1], "t.o");
    for (unsigned i = 0; i < PORTS_LINE_BYTES + 9; i++)
        ports_port_write(&ports, 0x402, 1, 'x');
    assert_int_equal(line_count, 3);
    assert_int_equal(strlen(lines[2]), PORTS_LINE_BYTES - 1);
    ports_reset(&ports);
    assert_int_equal(strlen(lines[3]), 10);
    ports_init(&ports, NULL, NULL);
    ports_port_write(&ports, 0x402, 1, '\n');
    assert_int_equal(ports_port_read(&ports, 0x402, 1) & 0xff, 0xff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(identities, setup),
        cmocka_unit_test_setup(pam_regions_cover_the_window, setup),
        cmocka_unit_test_setup(pam_nibbles, setup),
        cmocka_unit_test_setup(smram_lock, setup),
        cmocka_unit_test_setup(slots_are_swizzled, setup),
        cmocka_unit_test_setup(shared_lines_are_ored, setup),
        cmocka_unit_test_setup(rerouting_moves_the_line, setup),
        cmocka_unit_test_setup(elcr_keeps_edge_irqs, setup),
        cmocka_unit_test_setup(coprocessor_error, setup),
        cmocka_unit_test_setup(reset_ports, setup),
        cmocka_unit_test_setup(block_moves, setup),
        cmocka_unit_test_setup(timer_counts, setup),
        cmocka_unit_test_setup(timer_overflow_interrupts, setup),
        cmocka_unit_test_setup(acpi_mode_by_command, setup),
        cmocka_unit_test_setup(power_button, setup),
        cmocka_unit_test_setup(soft_off, setup),
        cmocka_unit_test_setup(edges_of_the_block, setup),
        cmocka_unit_test_setup(direct_boot_setup, setup),
        cmocka_unit_test_setup(small_ports, setup),
    };
    return cmocka_run_group_tests_name("piix", tests, NULL, NULL);
}
