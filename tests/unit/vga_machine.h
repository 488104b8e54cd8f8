// A machine around the VGA model, for its tests: VRAM, a clock, shorthands for the ports, and the text mode of a BIOS.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/vmm/vga.h"
#include "dom0/vmm/vga_text.h"

#define VRAM_BYTES VGA_VRAM_DEFAULT

static struct fake {
    struct vga vga;
    uint64_t now;
    unsigned window_changes, bars_changes;
    uint8_t vram[VRAM_BYTES];
} fake;

static uint64_t now_ns(void *machine) {
    return ((struct fake *)machine)->now;
}

static void window_changed(void *machine) {
    ((struct fake *)machine)->window_changes++;
}

static void bars_changed(void *machine) {
    ((struct fake *)machine)->bars_changes++;
}

static const struct device_host host = {.machine = &fake, .now_ns = now_ns};

static int setup(void **state) {
    (void)state;
    memset(&fake, 0, sizeof fake);
    vga_init(&fake.vga, &host, &(struct vga_settings){fake.vram, VRAM_BYTES, window_changed, bars_changed});
    return 0;
}

static void out(unsigned port, unsigned value) {
    vga_port_write(&fake.vga, (uint16_t)port, 1, value);
}

static unsigned in(unsigned port) {
    return vga_port_read(&fake.vga, (uint16_t)port, 1);
}

// Index and data with one 16-bit write, as BIOSes do.
static void indexed(unsigned port, unsigned index, unsigned value) {
    vga_port_write(&fake.vga, (uint16_t)port, 2, index | value << 8);
}

static void sequencer(unsigned index, unsigned value) {
    indexed(0x3c4, index, value);
}

static void graphics(unsigned index, unsigned value) {
    indexed(0x3ce, index, value);
}

static void write_byte(uint32_t offset, uint8_t value) {
    vga_memory_write(&fake.vga, offset, 1, value);
}

static uint8_t read_byte(uint32_t offset) {
    return (uint8_t)vga_memory_read(&fake.vga, offset, 1);
}

struct mode {
    uint8_t misc, sequencer[4], crtc[25], attribute[20], graphics[9];
};

// The parameter tables of the IBM VGA BIOS.
static const struct mode mode_03 = {
    0x67,
    {0x00, 0x03, 0x00, 0x02},
    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0, 0x0f, 8},
    {0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff},
};

static void set_mode(const struct mode *mode) {
    (void)in(0x3da);
    for (unsigned i = 0; i < 20; i++) {
        out(0x3c0, i);
        out(0x3c0, mode->attribute[i]);
    }
    sequencer(0, 1);
    for (unsigned i = 0; i < 4; i++)
        sequencer(i + 1, mode->sequencer[i]);
    sequencer(0, 3);
    for (unsigned i = 0; i < 9; i++)
        graphics(i, mode->graphics[i]);
    out(0x3c2, mode->misc);
    indexed(0x3d4, 0x11, 0);
    for (unsigned i = 0; i < 25; i++)
        indexed(0x3d4, i, mode->crtc[i]);
    out(0x3c0, 0x20);
    (void)in(0x3da);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)
