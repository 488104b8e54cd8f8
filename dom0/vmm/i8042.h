// The 8042 keyboard controller with a PS/2 keyboard and a PS/2 mouse (IBM PS/2 Hardware Interface Technical Reference,
// Keyboard and Auxiliary Device Controller). The A20 line is always on.
#pragma once
#include "dom0/vmm/device.h"
#include "dom0/vmm/ps2_keyboard.h"
#include "dom0/vmm/ps2_mouse.h"

#define I8042_PORT_DATA    0x60u
#define I8042_PORT_COMMAND 0x64u

struct i8042_state {
    struct ps2_keyboard_state keyboard;
    struct ps2_mouse_state mouse;
    uint8_t config;      // the command byte, RAM 20h
    uint8_t ram[32];     // the rest of the RAM
    uint8_t output;      // output buffer
    uint8_t full;        // enum i8042_source of what is in it
    uint8_t answer;      // of a command, waits for the output buffer
    uint8_t answer_from; // enum i8042_source
    uint8_t command;     // that waits for its parameter, 0: none
    uint8_t was_command; // the last byte written was to port 64h
    uint8_t output_port;
    uint8_t release; // translation: F0h was seen
    uint8_t lines;   // bit 0: IRQ 1, bit 1: IRQ 12
};

enum i8042_source { I8042_EMPTY, I8042_KEYBOARD, I8042_MOUSE };

struct i8042 {
    const struct device_host *host;
    struct i8042_state s;
};

void i8042_init(struct i8042 *i8042, const struct device_host *host);
void i8042_reset(struct i8042 *i8042);

// Ports 60h and 64h.
uint32_t i8042_port_read(void *device, uint16_t port, unsigned bytes);
void i8042_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// A key goes down or up, see ps2_keyboard_key(). False: no room, the caller keeps it and tries again later.
bool i8042_key(struct i8042 *i8042, uint16_t set1_code, bool pressed);

// Number of key events for which there is room now.
unsigned i8042_key_room(const struct i8042 *i8042);

// The mouse moves, see ps2_mouse_move().
void i8042_mouse(struct i8042 *i8042, int dx, int dy, int dz, unsigned buttons);
