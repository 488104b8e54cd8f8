// A PS/2 mouse with wheel and five buttons (IBM PS/2 Hardware Interface Technical Reference; IntelliMouse extensions).
#pragma once
#include "dom0/vmm/ps2_queue.h"

#define MOUSE_LEFT   1u
#define MOUSE_RIGHT  2u
#define MOUSE_MIDDLE 4u

struct ps2_mouse_state {
    struct ps2_queue queue;
    int32_t dx, dy, dz;            // movement that no packet has reported
    uint8_t buttons, sent_buttons; // MOUSE_*, bits 3 and 4 the fourth and fifth
    uint8_t pending;               // command that waits for its parameter, 0: none
    uint8_t id;                    // 0, 3: with wheel, 4: with five buttons
    uint8_t rate, resolution, scaling, reporting, remote, wrap;
    uint8_t rates[3]; // the last ones set: the knock of the IntelliMouse
    uint8_t last;     // for RESEND
};

void ps2_mouse_reset(struct ps2_mouse_state *s);

// Movement (x to the right, y upwards, z of the wheel towards the user) and buttons. Without a reader movement adds up.
void ps2_mouse_move(struct ps2_mouse_state *s, int dx, int dy, int dz, unsigned buttons);

// A byte from the host, and the next byte for it.
void ps2_mouse_write(struct ps2_mouse_state *s, uint8_t byte);
bool ps2_mouse_read(struct ps2_mouse_state *s, uint8_t *byte);
