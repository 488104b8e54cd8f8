// The VGA model: registers, the window and the planes, text screens.
#include "tests/unit/vga_machine.h"

static const struct mode mode_13 = {
    0x63,
    {0x01, 0x0f, 0x00, 0x0e},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0},
    {0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff},
};
static const struct mode mode_12 = {
    0xe3,
    {0x01, 0x0f, 0x00, 0x06},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x01, 0, 0x0f, 0},
    {0, 0, 0, 0, 0, 0, 0x05, 0x0f, 0xff},
};

static void registers_keep_their_bits(void **state) {
    (void)state;
    set_mode(&mode_03);
    out(0x3c4, 1);
    out(0x3c5, 0xff);
    assert_int_equal(in(0x3c5), 0x3d);
    out(0x3d4, 0x02);
    out(0x3d5, 0x11); // protected by CR11
    assert_int_equal(in(0x3d5), 0x50);
    assert_int_equal(in(0x3b5), 0xff); // colour: nothing at 3Bxh
    out(0x3c2, 0x66);
    assert_int_equal(in(0x3d5), 0xff);
    assert_int_equal(in(0x3b5), 0x50);
    out(0x3c2, 0x67);
    assert_int_equal(in(0x3cc), 0x67);
    (void)in(0x3da);
    out(0x3c0, 0x10);
    assert_int_equal(in(0x3c1), 0x0c);
    out(0x3c0, 0x0b);
    assert_int_equal(in(0x3c1), 0x0b);
}

static void dac(void **state) {
    (void)state;
    out(0x3c8, 255);
    for (unsigned i = 0; i < 6; i++)
        out(0x3c9, 0xc0 + 10 * i);
    out(0x3c7, 255);
    assert_int_equal(in(0x3c7), 3);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(in(0x3c9), (0xc0 + 10 * i) & 0x3f);
}

static void retrace_toggles(void **state) {
    (void)state;
    unsigned seen = 0;
    for (unsigned i = 0; i < 2000; i++, fake.now += 10000) {
        unsigned status = in(0x3da);
        assert_true(!(status & 8) || status & 1);
        seen |= 1u << (status & 9);
    }
    assert_int_equal(seen, 1u << 0 | 1u << 1 | 1u << 9);
}

static void text_window_is_linear(void **state) {
    (void)state;
    struct vga_window w;
    set_mode(&mode_03);
    vga_window(&fake.vga, &w);
    assert_int_equal(w.offset, 0x18000);
    assert_int_equal(w.bytes, 0x8000);
    assert_int_equal(w.vram_offset % 4096, 0);
    // What a mapping would do, and the trapped way.
    fake.vram[w.vram_offset + 0] = 'H';
    fake.vram[w.vram_offset + 1] = 0x1f;
    write_byte(0x18002, 'i');
    vga_memory_write(&fake.vga, 0x18003, 1, 0x2e);
    assert_int_equal(fake.vram[w.vram_offset + 2], 'i');
    assert_int_equal(vga_memory_read(&fake.vga, 0x18000, 4), 0x2e691f48);
    assert_int_equal(read_byte(0), 0xff); // A0000h is not decoded
}

// The font goes to plane 2 through A0000h, as BIOS and Linux load it, and what is on the screen survives.
static void font_loading_keeps_text(void **state) {
    (void)state;
    struct vga_window w;
    static uint8_t font[4096];
    set_mode(&mode_03);
    vga_window(&fake.vga, &w);
    for (unsigned i = 0; i < 4000; i++)
        fake.vram[w.vram_offset + i] = (uint8_t)(i * 3);
    for (unsigned i = 0; i < sizeof font; i++)
        font[i] = (uint8_t)(i * 7 + 1);
    sequencer(2, 4);
    sequencer(4, 7);
    graphics(4, 2);
    graphics(5, 0);
    graphics(6, 4);
    vga_window(&fake.vga, &w);
    assert_int_equal(w.bytes, 0);
    vga_memory_write_string(&fake.vga, 0, font, sizeof font);
    uint8_t back[64];
    vga_memory_read_string(&fake.vga, 64, back, sizeof back);
    assert_memory_equal(back, font + 64, sizeof back);
    // Plane 0 holds the characters at even addresses.
    graphics(4, 0);
    assert_int_equal(read_byte(2), 6);
    sequencer(2, 3);
    sequencer(4, 3);
    graphics(5, 0x10);
    graphics(6, 0x0e);
    vga_window(&fake.vga, &w);
    assert_int_equal(w.bytes, 0x8000);
    for (unsigned i = 0; i < 4000; i++)
        assert_int_equal(fake.vram[w.vram_offset + i], (uint8_t)(i * 3));
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(fake.vram[i * 4 + 2], font[i]);
}

static void window_changes_are_told(void **state) {
    (void)state;
    set_mode(&mode_03);
    unsigned before = fake.window_changes;
    indexed(0x3d4, 0x0e, 1);
    sequencer(3, 0);
    assert_int_equal(fake.window_changes, before);
    graphics(8, 0x0f); // a bit mask: no longer plain memory
    assert_int_equal(fake.window_changes, before + 1);
    graphics(8, 0xff);
    assert_int_equal(fake.window_changes, before + 2);
}

static void text_screen(void **state) {
    (void)state;
    static struct vga_text_screen screen;
    struct vga_window w;
    set_mode(&mode_03);
    vga_window(&fake.vga, &w);
    for (unsigned i = 0; i < 0x8000; i += 2) {
        fake.vram[w.vram_offset + i] = (uint8_t)('A' + i / 160 % 26);
        fake.vram[w.vram_offset + i + 1] = (uint8_t)(i / 2 % 80);
    }
    indexed(0x3d4, 0x0e, 0);
    indexed(0x3d4, 0x0f, 83);
    assert_true(vga_text_mode(&fake.vga));
    vga_text_screen(&fake.vga, &screen);
    assert_int_equal(screen.columns, 80);
    assert_int_equal(screen.rows, 25);
    assert_true(screen.blink);
    assert_true(screen.cursor_visible);
    assert_int_equal(screen.cursor_row, 1);
    assert_int_equal(screen.cursor_column, 3);
    assert_int_equal(screen.cells[2][5].character, 'C');
    assert_int_equal(screen.cells[2][5].attribute, 5);
    // Scrolled by a row; the cursor stays at its address.
    indexed(0x3d4, 0x0d, 80);
    indexed(0x3d4, 0x0a, 0x2d);
    vga_text_screen(&fake.vga, &screen);
    assert_int_equal(screen.cells[24][79].character, 'Z');
    assert_int_equal(screen.cursor_row, 0);
    assert_false(screen.cursor_visible);
    // 50 lines; and a split screen from its first scan line on.
    indexed(0x3d4, 9, 0x47);
    indexed(0x3d4, 0x18, 0x8f);
    indexed(0x3d4, 7, 0x0f);
    indexed(0x3d4, 9, 0x07);
    vga_text_screen(&fake.vga, &screen);
    assert_int_equal(screen.rows, 50);
    assert_int_equal(screen.cells[17][0].character, 'B' + 17);
    assert_int_equal(screen.cells[18][0].character, 'A');
}

static void text_screen_of_any_registers(void **state) {
    (void)state;
    static struct vga_text_screen screen;
    for (unsigned value = 0; value < 256; value += 15) {
        for (unsigned i = 0; i < VGA_CRTC_REGISTERS; i++)
            fake.vga.s.crtc[i] = (uint8_t)(value * (i + 1));
        vga_text_screen(&fake.vga, &screen);
        assert_true(screen.columns <= VGA_TEXT_COLUMNS_MAX && screen.rows <= VGA_TEXT_ROWS_MAX);
        assert_true(screen.rows == 0 || screen.cursor_row < screen.rows);
        assert_true(screen.cursor_column < screen.columns);
    }
}

static void text_mode_without_a_bios(void **state) {
    (void)state;
    static struct vga_text_screen screen;
    uint8_t crtc[VGA_CRTC_REGISTERS];
    vga_set_text_mode(&fake.vga);
    memcpy(crtc, fake.vga.s.crtc, sizeof crtc);
    vga_text_screen(&fake.vga, &screen);
    assert_int_equal(screen.columns, 80);
    assert_int_equal(screen.rows, 25);
    assert_int_equal(screen.cells[24][79].attribute, 7);
    assert_true(screen.cursor_visible);
    assert_memory_equal(fake.vga.s.palette[0x14], "\x2a\x15\x00", 3); // brown
    set_mode(&mode_03);
    assert_memory_equal(crtc, fake.vga.s.crtc, sizeof crtc);
}

// --- Planes ---

static void planar_write_modes(void **state) {
    (void)state;
    const uint8_t *word = fake.vram + 5 * 4;
    set_mode(&mode_12);
    write_byte(5, 0xa5); // mode 0 to all planes
    assert_memory_equal(word, "\xa5\xa5\xa5\xa5", 4);
    sequencer(2, 0x02);
    write_byte(5, 0x0f);
    assert_memory_equal(word, "\xa5\x0f\xa5\xa5", 4);
    sequencer(2, 0x0f);
    graphics(0, 0x05); // set/reset planes 0 and 2, CPU data to 3
    graphics(1, 0x07);
    write_byte(5, 0x11);
    assert_memory_equal(word, "\xff\x00\xff\x11", 4);
    graphics(1, 0);
    (void)read_byte(5); // latch
    graphics(8, 0x0f);
    graphics(3, 4); // rotate by 4
    write_byte(5, 0x30);
    assert_memory_equal(word, "\xf3\x03\xf3\x13", 4);
    graphics(3, 0x18); // xor with the latch
    write_byte(5, 0xff);
    assert_memory_equal(word, "\xf0\x0f\xf0\x1e", 4);
    graphics(3, 0);
    graphics(8, 0xff);
    graphics(5, 1); // mode 1: copies the latches
    write_byte(9, 0);
    assert_memory_equal(fake.vram + 9 * 4, "\xff\x00\xff\x11", 4);
    graphics(5, 2); // mode 2: a colour
    graphics(8, 0x81);
    (void)read_byte(9);
    write_byte(9, 0x0a);
    assert_memory_equal(fake.vram + 9 * 4, "\x7e\x81\x7e\x91", 4);
    graphics(5, 3); // mode 3: set/reset through data and bit mask
    graphics(0, 0x0f);
    graphics(8, 0xf0);
    write_byte(9, 0x3c);
    assert_memory_equal(fake.vram + 9 * 4, "\xff\x30\xff\x31", 4);
}

static void planar_read_modes(void **state) {
    (void)state;
    set_mode(&mode_12);
    memcpy(fake.vram + 7 * 4, "\x0f\x33\x55\xff", 4);
    for (unsigned plane = 0; plane < 4; plane++) {
        graphics(4, plane);
        assert_int_equal(read_byte(7), fake.vram[7 * 4 + plane]);
    }
    graphics(5, 8);
    graphics(2, 0x0f);
    assert_int_equal(read_byte(7), 0x01);
    graphics(7, 0x03);
    assert_int_equal(read_byte(7), 0x03);
    graphics(7, 0);
    assert_int_equal(read_byte(7), 0xff);
    out(0x3c2, 0xe1); // memory off
    assert_int_equal(read_byte(7), 0xff);
    write_byte(7, 0);
    assert_int_equal(fake.vram[7 * 4 + 3], 0xff);
}

static void odd_even_through_the_planes(void **state) {
    (void)state;
    set_mode(&mode_03);
    sequencer(2, 1); // characters only: traps
    write_byte(0x18004, 'x');
    write_byte(0x18005, 0x70);
    sequencer(2, 3);
    assert_int_equal(read_byte(0x18004), 'x');
    assert_int_equal(read_byte(0x18005), 0);
}

static void chain4_is_linear(void **state) {
    (void)state;
    struct vga_window w;
    struct vga_graphics_info info;
    set_mode(&mode_13);
    vga_window(&fake.vga, &w);
    assert_int_equal(w.offset, 0);
    assert_int_equal(w.bytes, 0x10000);
    assert_int_equal(w.vram_offset, 0);
    write_byte(6, 0x42);
    assert_int_equal(fake.vram[6], 0x42);
    sequencer(2, 1); // one plane: traps, and only every fourth byte is written
    vga_memory_write(&fake.vga, 8, 8, 0x1122334455667788);
    assert_int_equal(fake.vram[8], 0x88);
    assert_int_equal(fake.vram[9], 0);
    assert_int_equal(fake.vram[12], 0x44);
    assert_int_equal(read_byte(6), 0x42);
    sequencer(4, 6); // unchained, the byte is in plane 2 at address 1
    graphics(4, 2);
    assert_int_equal(read_byte(1), 0x42);
    vga_graphics_info(&fake.vga, &info);
    assert_int_equal(info.width, 320);
    assert_int_equal(info.height, 200);
    assert_int_equal(info.depth, 8);
    set_mode(&mode_12);
    vga_graphics_info(&fake.vga, &info);
    assert_int_equal(info.width, 640);
    assert_int_equal(info.height, 480);
    assert_int_equal(info.depth, 4);
}

static void fill_and_bounds(void **state) {
    (void)state;
    set_mode(&mode_12);
    vga_memory_fill(&fake.vga, 0, "\x12\x34", 2, 0x8000);
    assert_int_equal(fake.vram[0xffff * 4], 0x34);
    vga_memory_fill(&fake.vga, 0x1fffe, "\x12\x34\x56\x78", 4, 0x4000);
    vga_memory_write(&fake.vga, 0x1ffff, 8, 0);
    assert_int_equal(vga_memory_read(&fake.vga, UINT64_MAX - 3, 8) & 0xffffffff, 0xffffffff);
    vga_memory_write(&fake.vga, UINT64_MAX, 8, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(registers_keep_their_bits),
        TEST(dac),
        TEST(retrace_toggles),
        TEST(text_window_is_linear),
        TEST(font_loading_keeps_text),
        TEST(window_changes_are_told),
        TEST(text_screen),
        TEST(text_screen_of_any_registers),
        TEST(text_mode_without_a_bios),
        TEST(planar_write_modes),
        TEST(planar_read_modes),
        TEST(odd_even_through_the_planes),
        TEST(chain4_is_linear),
        TEST(fill_and_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
