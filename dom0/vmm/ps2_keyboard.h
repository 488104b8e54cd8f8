// An MF2 keyboard as its PS/2 connector shows it (IBM PS/2 Hardware Interface Technical Reference, Keyboards).
#pragma once
#include "dom0/vmm/ps2_queue.h"
#include "lib/keyboard_text.h"
#include <stddef.h>

#define KEY_PENDING_MAX 256u

struct ps2_keyboard_state {
    struct ps2_queue queue;
    uint16_t keys[KEY_PENDING_MAX]; // events that wait for room in the queue; bit 8: released
    uint16_t keys_head, keys_used;
    uint8_t pending; // command that waits for its parameter, 0: none
    uint8_t scanning;
    uint8_t set; // scan code set, 1 or 2
    uint8_t leds, typematic;
    uint8_t last; // for RESEND
};

void ps2_keyboard_reset(struct ps2_keyboard_state *s);

// A key event. False: the queue of events is full, try again when the guest has read. Events while the guest has
// disabled the keyboard (F5h) are dropped, and so are codes that no key has.
bool ps2_keyboard_key(struct ps2_keyboard_state *s, uint16_t code, bool pressed);

// A byte from the host: a command or its parameter.
void ps2_keyboard_write(struct ps2_keyboard_state *s, uint8_t byte);

// The next byte for the host.
bool ps2_keyboard_read(struct ps2_keyboard_state *s, uint8_t *byte);

// What the 8042 makes of a byte of set 2, F0h left out.
uint8_t ps2_translate(uint8_t byte);
