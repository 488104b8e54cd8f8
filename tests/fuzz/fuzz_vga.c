// Random accesses to the VGA's ports, its window, BAR 2; after each the window lies within VRAM, and what the shell
// shows of it is looked at. Each step has seven bytes.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/vmm/vga.h"
#include "dom0/vmm/vga_text.h"

#define VRAM_BYTES VGA_VRAM_MIN

static struct vga vga;
static uint8_t vram[VRAM_BYTES];
static uint64_t now;

static uint64_t now_ns(void *machine) {
    (void)machine;
    return now += 12345;
}

static const struct device_host host = {.now_ns = now_ns};

static void check(bool good) {
    if (!good)
        abort();
}

static void check_window(void) {
    struct vga_window w;
    vga_window(&vga, &w);
    check(((w.offset | w.bytes | w.vram_offset) & 0xfff) == 0);
    check(w.offset + w.bytes <= VGA_WINDOW_BYTES && w.vram_offset <= VRAM_BYTES &&
          w.bytes <= VRAM_BYTES - w.vram_offset);
}

static void look(void) {
    static struct vga_text_screen screens[2];
    static char text[TEXT_SCREEN_ANSI_BYTES];
    struct vga_graphics_info info;
    vga_graphics_info(&vga, &info);
    vga_text_screen(&vga, &screens[1]);
    check(text_screen_utf8(&screens[1], text, sizeof text) < TEXT_SCREEN_UTF8_BYTES);
    check(text_screen_ansi(&screens[0], &screens[1], text, sizeof text) < sizeof text);
    screens[0] = screens[1];
}

static void step(unsigned operation, const uint8_t *bytes) {
    unsigned width = 1u << bytes[0] % 4;
    uint32_t value, offset = (uint32_t)bytes[1] << 9 | (uint32_t)bytes[2] << 4 | bytes[0] >> 4;
    uint8_t string[64] = {0};
    memcpy(&value, bytes + 2, 4);
    switch (operation % 10) {
    case 0:
        vga_port_write(&vga, (uint16_t)(0x3b0 + bytes[1] % 0x30), width > 4 ? 4 : width, value);
        break;
    case 1:
        (void)vga_port_read(&vga, (uint16_t)(0x3b0 + bytes[1] % 0x30), width > 4 ? 4 : width);
        break;
    case 2:
        vga_port_write(&vga, (uint16_t)((uint16_t[]){0x3c4, 0x3ce, 0x3d4, 0x3b4}[bytes[0] & 3]), 2, value);
        break;
    case 3:
        vga_port_write(&vga, 0x1ce, 2, bytes[1] % 12);
        vga_port_write(&vga, 0x1cf, 2, value);
        (void)vga_port_read(&vga, 0x1d0, 2);
        break;
    case 4:
        vga_memory_write(&vga, offset, width, value);
        break;
    case 5:
        (void)vga_memory_read(&vga, offset, width);
        break;
    case 6:
        vga_memory_write_string(&vga, offset, string, sizeof string);
        vga_memory_read_string(&vga, offset, string, sizeof string);
        break;
    case 7:
        vga_memory_fill(&vga, offset, bytes, 4, value & 0xfff);
        break;
    case 8:
        vga_mmio_write(&vga, value, width, value);
        (void)vga_mmio_read(&vga, offset, width);
        break;
    default:
        if (bytes[0] == 0x55)
            vga_reset(&vga);
        look();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vga_init(&vga, &host, &(struct vga_settings){.vram = vram, .vram_bytes = VRAM_BYTES});
    for (size_t at = 0; at + 7 <= size && at < 7 * 200; at += 7) {
        step(data[at], data + at + 1);
        check_window();
    }
    look();
    return 0;
}
