// The mouse: packets of the stream and remote modes, commands.
#include "dom0/vmm/ps2_mouse.h"
#include "lib/string.h"

#define ACK          0xfa
#define RESEND       0xfe
#define BAT_PASSED   0xaa
#define MOVEMENT_MAX 32767

static void defaults(struct ps2_mouse_state *s) {
    s->rate = 100;
    s->resolution = 2; // 4 counts a millimetre
    s->scaling = 0;
    s->reporting = 0;
    s->remote = 0;
    s->dx = s->dy = s->dz = 0;
}

void ps2_mouse_reset(struct ps2_mouse_state *s) {
    memset(s, 0, sizeof *s);
    defaults(s);
}

static int32_t clamp(int64_t value, int32_t limit) {
    return (int32_t)(value > limit ? limit : value < -limit ? -limit : value);
}

void ps2_mouse_move(struct ps2_mouse_state *s, int dx, int dy, int dz, unsigned buttons) {
    s->dx = clamp((int64_t)s->dx + dx, MOVEMENT_MAX);
    s->dy = clamp((int64_t)s->dy + dy, MOVEMENT_MAX);
    s->dz = clamp((int64_t)s->dz + dz, MOVEMENT_MAX);
    s->buttons = buttons & 0x1f;
}

// --- Packets ---------------------------------------------------------------------------------------------------------

static void put_packet(struct ps2_mouse_state *s) {
    int32_t x = clamp(s->dx, 255), y = clamp(s->dy, 255), z = clamp(s->dz, 7);
    s->dx -= x;
    s->dy -= y;
    s->dz = s->id ? s->dz - z : 0;
    s->sent_buttons = s->buttons;
    ps2_queue_put(&s->queue, (uint8_t)((s->buttons & 7) | 8 | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0)));
    ps2_queue_put(&s->queue, (uint8_t)x);
    ps2_queue_put(&s->queue, (uint8_t)y);
    if (s->id == 3)
        ps2_queue_put(&s->queue, (uint8_t)z);
    else if (s->id == 4)
        ps2_queue_put(&s->queue, (uint8_t)((z & 15) | (s->buttons & 0x18) << 1));
}

static bool changed(const struct ps2_mouse_state *s) {
    return s->dx || s->dy || (s->id && s->dz) || s->buttons != s->sent_buttons;
}

bool ps2_mouse_read(struct ps2_mouse_state *s, uint8_t *byte) {
    if (s->queue.used == 0 && s->reporting && !s->remote && !s->wrap && changed(s))
        put_packet(s);
    if (!ps2_queue_take(&s->queue, byte))
        return false;
    s->last = *byte;
    return true;
}

// --- Commands --------------------------------------------------------------------------------------------------------

static void rate_set(struct ps2_mouse_state *s, uint8_t rate) {
    s->rate = rate;
    s->rates[0] = s->rates[1];
    s->rates[1] = s->rates[2];
    s->rates[2] = rate;
    if (s->rates[0] == 200 && s->rates[1] == 100 && rate == 80)
        s->id = 3;
    else if (s->rates[0] == 200 && s->rates[1] == 200 && rate == 80 && s->id)
        s->id = 4;
}

static void put_status(struct ps2_mouse_state *s) {
    unsigned buttons =
        (s->buttons & MOUSE_LEFT ? 4u : 0) | (s->buttons & MOUSE_RIGHT ? 1u : 0) | (s->buttons & MOUSE_MIDDLE ? 2u : 0);
    ps2_queue_put(&s->queue,
                  (uint8_t)(buttons | (s->scaling ? 0x10u : 0) | (s->reporting ? 0x20u : 0) | (s->remote ? 0x40u : 0)));
    ps2_queue_put(&s->queue, s->resolution);
    ps2_queue_put(&s->queue, s->rate);
}

static void command(struct ps2_mouse_state *s, uint8_t byte) {
    ps2_queue_put(&s->queue, byte == 0xfe ? s->last : ACK);
    switch (byte) {
    case 0xe6: // scaling 1:1
    case 0xe7: // scaling 2:1
        s->scaling = byte & 1;
        return;
    case 0xe8: // resolution
    case 0xf3: // sample rate
        s->pending = byte;
        return;
    case 0xe9:
        put_status(s);
        return;
    case 0xea: // stream mode
    case 0xf0: // remote mode
        s->remote = byte == 0xf0;
        return;
    case 0xeb: // read data
        put_packet(s);
        return;
    case 0xee: // wrap mode
    case 0xec: // and out of it
        s->wrap = byte == 0xee;
        return;
    case 0xf2:
        ps2_queue_put(&s->queue, s->id);
        return;
    case 0xf4: // enable reporting
    case 0xf5: // and disable
        s->reporting = byte == 0xf4;
        return;
    case 0xf6:
        defaults(s);
        return;
    case 0xfe: // resend
        return;
    case 0xff:
        ps2_mouse_reset(s);
        ps2_queue_put(&s->queue, ACK);
        ps2_queue_put(&s->queue, BAT_PASSED);
        ps2_queue_put(&s->queue, 0);
        return;
    default:
        ps2_queue_clear(&s->queue);
        ps2_queue_put(&s->queue, RESEND);
    }
}

// A command ends whatever packet was on its way.
void ps2_mouse_write(struct ps2_mouse_state *s, uint8_t byte) {
    ps2_queue_clear(&s->queue);
    if (s->wrap && byte != 0xec && byte != 0xff) {
        ps2_queue_put(&s->queue, byte);
        return;
    }
    if (!s->pending) {
        command(s, byte);
        return;
    }
    ps2_queue_put(&s->queue, ACK);
    if (s->pending == 0xe8)
        s->resolution = byte & 3;
    else
        rate_set(s, byte);
    s->pending = 0;
}
