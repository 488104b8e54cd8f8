// The VBE extension and the PCI function of the VGA model.
#include "tests/unit/vga_machine.h"

static void dispi(unsigned index, unsigned value) {
    vga_port_write(&fake.vga, 0x1ce, 2, index);
    vga_port_write(&fake.vga, 0x1d0, 2, value);
}

static unsigned dispi_in(unsigned index) {
    vga_port_write(&fake.vga, 0x1ce, 2, index);
    return vga_port_read(&fake.vga, 0x1cf, 2);
}

static void vbe_mode(void **state) {
    (void)state;
    struct vga_window w;
    struct vga_graphics_info info;
    set_mode(&mode_03);
    write_byte(0x18000, 'T');
    dispi(VBE_ID, 0xb0c0);
    assert_int_equal(dispi_in(VBE_ID), 0xb0c0);
    dispi(VBE_ID, 0x1234);
    assert_int_equal(dispi_in(VBE_ID), 0xb0c0);
    assert_int_equal(dispi_in(VBE_VIDEO_MEMORY_64K), VRAM_BYTES / 0x10000 - 1);
    dispi(VBE_ENABLE, VBE_GETCAPS);
    assert_true(dispi_in(VBE_XRES) >= 1024);
    assert_int_equal(dispi_in(VBE_BPP), 32);
    dispi(VBE_ENABLE, 0);
    memset(fake.vram + 0x1000, 0xee, 16);
    dispi(VBE_XRES, 1024);
    dispi(VBE_YRES, 768);
    dispi(VBE_BPP, 32);
    dispi(VBE_ENABLE, VBE_ENABLED | VBE_LFB);
    assert_int_equal(fake.vram[0x1000], 0);
    assert_false(vga_text_mode(&fake.vga));
    vga_graphics_info(&fake.vga, &info);
    assert_int_equal(info.width, 1024);
    assert_int_equal(info.depth, 32);
    assert_int_equal(dispi_in(VBE_VIRT_HEIGHT), (VRAM_BYTES - VGA_TEXT_BYTES) / 4096);
    dispi(VBE_BANK, 3);
    vga_window(&fake.vga, &w);
    assert_int_equal(w.vram_offset, 0x30000);
    write_byte(1, 9);
    assert_int_equal(fake.vram[0x30001], 9);
    dispi(VBE_BANK, VRAM_BYTES / 0x10000 - 1); // the text planes are not offered
    assert_int_equal(dispi_in(VBE_BANK), 3);
    dispi(VBE_XRES, 640); // not while enabled
    assert_int_equal(dispi_in(VBE_XRES), 1024);
    dispi(VBE_ENABLE, 0);
    assert_true(vga_text_mode(&fake.vga));
    assert_int_equal(read_byte(0x18000), 0); // cleared with the mode
}

static void vbe_mode_too_large(void **state) {
    (void)state;
    memset(fake.vram, 0xcc, VRAM_BYTES);
    dispi(VBE_XRES, 4096);
    dispi(VBE_YRES, 4096);
    dispi(VBE_BPP, 32);
    dispi(VBE_ENABLE, VBE_ENABLED);
    assert_int_equal(dispi_in(VBE_ENABLE) & VBE_ENABLED, 0);
    assert_int_equal(fake.vram[0], 0xcc);
    dispi(VBE_XRES, 0xffff);
    assert_int_equal(dispi_in(VBE_XRES), 4096);
    dispi(VBE_BPP, 7);
    assert_int_equal(dispi_in(VBE_BPP), 32);
    assert_int_equal(dispi_in(77), 0);
    assert_int_equal(vga_port_read(&fake.vga, 0x1ce, 1), 0xff);
}

static void pci_and_mmio(void **state) {
    (void)state;
    struct pci_function *pci = &fake.vga.pci;
    assert_int_equal(pci->s.config[0] | pci->s.config[1] << 8, 0x1234);
    assert_int_equal(pci->s.config[0x0b], 3);
    assert_int_equal(pci->writable[0x12], 0xc0); // 4 MiB
    assert_int_equal(pci->writable[0x19], 0xf0); // 4 KiB
    pci->s.config[0x13] = 0xfd;
    pci->s.config[0x1a] = 0x81;
    assert_int_equal(vga_framebuffer_base(&fake.vga), 0);
    unsigned before = fake.bars_changes;
    pci->s.config[4] = 3;
    pci->config_written(pci->device, 4, 2);
    assert_int_equal(fake.bars_changes, before + 1);
    assert_int_equal(vga_framebuffer_base(&fake.vga), 0xfd000000);
    assert_int_equal(vga_mmio_base(&fake.vga), 0x810000);
    vga_mmio_write(&fake.vga, 0x500 + VBE_XRES * 2, 2, 800);
    assert_int_equal(vga_mmio_read(&fake.vga, 0x502, 2), 800);
    vga_mmio_write(&fake.vga, 0x40e, 2, 0x0308); // 3CEh: bit mask
    assert_int_equal(fake.vga.s.graphics[8], 3);
    assert_int_equal(vga_mmio_read(&fake.vga, 0, 1) & 0xff, 0xff); // no EDID
    assert_true(vga_mmio_read(&fake.vga, UINT64_MAX, 4) == UINT64_MAX);
    vga_mmio_write(&fake.vga, 0x41f, 4, 0);
}

static void reset_keeps_planes(void **state) {
    (void)state;
    set_mode(&mode_03);
    write_byte(0x18000, 'K');
    vga_reset(&fake.vga);
    assert_int_equal(fake.vram[0], 'K'); // plane 0, address 0
    set_mode(&mode_03);
    assert_int_equal(read_byte(0x18000), 'K');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(vbe_mode),
        TEST(vbe_mode_too_large),
        TEST(pci_and_mmio),
        TEST(reset_keeps_planes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
