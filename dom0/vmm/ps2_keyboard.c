// The keyboard: scan codes of sets 1 and 2, commands, LEDs.
#include "dom0/vmm/ps2_keyboard.h"
#include "lib/string.h"

#define ACK           0xfa
#define RESEND        0xfe
#define BAT_PASSED    0xaa
#define BREAK         0xf0
#define PREFIX        0xe0
#define PREFIX1       0xe1
#define RELEASED      0x100u
#define CODE_PAUSE    0x1ffu // in keys[]; no key has 7Fh with a prefix
#define EXTENDED_FLAG 0x80u  // in keys[]

// 8042 keyboard controller, scan code conversion: set 2 to set 1.
static const uint8_t set1_of_set2[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, // 00h
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, // 10h
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, // 20h
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, // 30h
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, // 40h
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, // 50h
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, // 60h
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, // 70h
};

uint8_t ps2_translate(uint8_t byte) {
    if (byte < 128)
        return set1_of_set2[byte];
    return byte == 0x83 ? 0x41 : byte == 0x84 ? 0x54 : byte;
}

// From the top: F7 and SysRq are 83h and 84h, the two codes below 80h that translate alike belong to no key.
static uint8_t set2_of_set1(uint8_t code) {
    for (unsigned i = 0x84; i > 0; i--)
        if (ps2_translate((uint8_t)i) == code)
            return (uint8_t)i;
    return 0;
}

static void put_all(struct ps2_keyboard_state *s, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        ps2_queue_put(&s->queue, bytes[i]);
}

// --- Keys ------------------------------------------------------------------------------------------------------------

static void defaults(struct ps2_keyboard_state *s) {
    s->typematic = 0x2b; // 10.9 characters a second after 500 ms
    s->set = 2;
    s->keys_used = 0;
}

void ps2_keyboard_reset(struct ps2_keyboard_state *s) {
    memset(s, 0, sizeof *s);
    defaults(s);
    s->scanning = 1;
}

bool ps2_keyboard_key(struct ps2_keyboard_state *s, uint16_t code, bool pressed) {
    uint16_t prefix = code & 0xff00;
    uint16_t event = code & 0x7f;
    if (!s->scanning)
        return true;
    if (code == KEY_PAUSE) {
        if (!pressed)
            return true;
        event = CODE_PAUSE;
    } else if ((prefix != 0 && prefix != KEY_EXTENDED) || code & 0x80 || event == 0 || event == 0x7f ||
               set2_of_set1((uint8_t)event) == 0) {
        return true;
    } else {
        event = (uint16_t)(event | (prefix ? EXTENDED_FLAG : 0) | (pressed ? 0 : RELEASED));
    }
    if (s->keys_used >= KEY_PENDING_MAX)
        return false;
    s->keys[(s->keys_head + s->keys_used++) % KEY_PENDING_MAX] = event;
    return true;
}

static void put_code(struct ps2_keyboard_state *s, uint8_t code, bool extended, bool released) {
    if (extended)
        ps2_queue_put(&s->queue, PREFIX);
    if (s->set == 1) {
        ps2_queue_put(&s->queue, (uint8_t)(code | (released ? 0x80 : 0)));
        return;
    }
    if (released)
        ps2_queue_put(&s->queue, BREAK);
    ps2_queue_put(&s->queue, set2_of_set1(code));
}

static void put_pause(struct ps2_keyboard_state *s) {
    static const uint8_t set1[] = {PREFIX1, 0x1d, 0x45, PREFIX1, 0x9d, 0xc5};
    static const uint8_t set2[] = {PREFIX1, 0x14, 0x77, PREFIX1, BREAK, 0x14, BREAK, 0x77};
    if (s->set == 1)
        put_all(s, set1, sizeof set1);
    else
        put_all(s, set2, sizeof set2);
}

// Print Screen comes with a left shift of its own.
static void put_event(struct ps2_keyboard_state *s, uint16_t event) {
    bool released = event & RELEASED, extended = event & EXTENDED_FLAG;
    uint8_t code = event & 0x7f;
    if (event == CODE_PAUSE) {
        put_pause(s);
        return;
    }
    bool print_screen = extended && code == (KEY_PRINT_SCREEN & 0x7f);
    if (print_screen && !released)
        put_code(s, 0x2a, true, false);
    put_code(s, code, extended, released);
    if (print_screen && released)
        put_code(s, 0x2a, true, true);
}

bool ps2_keyboard_read(struct ps2_keyboard_state *s, uint8_t *byte) {
    if (s->queue.used == 0 && s->keys_used > 0) {
        put_event(s, s->keys[s->keys_head % KEY_PENDING_MAX]);
        s->keys_head = (uint16_t)((s->keys_head + 1) % KEY_PENDING_MAX);
        s->keys_used--;
    }
    if (!ps2_queue_take(&s->queue, byte))
        return false;
    s->last = *byte;
    return true;
}

// --- Commands --------------------------------------------------------------------------------------------------------

static void parameter(struct ps2_keyboard_state *s, uint8_t byte) {
    uint8_t command = s->pending;
    s->pending = 0;
    if (command == 0xf0 && byte > 2) { // set 3 is not offered
        ps2_queue_put(&s->queue, RESEND);
        return;
    }
    ps2_queue_put(&s->queue, ACK);
    if (command == 0xed)
        s->leds = byte & 7;
    else if (command == 0xf3)
        s->typematic = byte & 0x7f;
    else if (command == 0xf0 && byte == 0)
        ps2_queue_put(&s->queue, s->set);
    else if (command == 0xf0)
        s->set = byte;
}

static void command(struct ps2_keyboard_state *s, uint8_t byte) {
    static const uint8_t identity[] = {ACK, 0xab, 0x83};
    static const uint8_t tested[] = {ACK, BAT_PASSED};
    switch (byte) {
    case 0xee: // echo
        ps2_queue_put(&s->queue, 0xee);
        return;
    case 0xfe: // resend
        ps2_queue_put(&s->queue, s->last);
        return;
    case 0xf2:
        put_all(s, identity, sizeof identity);
        return;
    case 0xff:
        ps2_keyboard_reset(s);
        put_all(s, tested, sizeof tested);
        return;
    case 0xed: // LEDs
    case 0xf0: // scan code set
    case 0xf3: // typematic rate
        s->pending = byte;
        break;
    case 0xf4: // enable
        s->scanning = 1;
        break;
    case 0xf5: // disable, and
    case 0xf6: // defaults
        defaults(s);
        s->scanning = byte == 0xf6 ? s->scanning : 0;
        break;
    default:
        ps2_queue_put(&s->queue, byte >= 0xf7 && byte <= 0xfa ? ACK : RESEND); // F7h..FAh: of set 3 only
        return;
    }
    ps2_queue_put(&s->queue, ACK);
}

void ps2_keyboard_write(struct ps2_keyboard_state *s, uint8_t byte) {
    if (s->pending && byte < 0xed) {
        parameter(s, byte);
        return;
    }
    s->pending = 0;
    command(s, byte);
}
