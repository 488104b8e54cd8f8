// The controller between the ports and the two PS/2 devices: output buffer, translation, interrupts, commands.
#include "dom0/vmm/i8042.h"
#include "dom0/vmm/isa_bytes.h"
#include "lib/string.h"

#define STATUS_OBF     0x01
#define STATUS_SYS     0x04
#define STATUS_COMMAND 0x08
#define STATUS_UNLOCK  0x10
#define STATUS_AUX     0x20

#define CONFIG_INT       0x01
#define CONFIG_INT2      0x02
#define CONFIG_SYS       0x04
#define CONFIG_DISABLE   0x10
#define CONFIG_DISABLE2  0x20
#define CONFIG_TRANSLATE 0x40

#define OUTPUT_RESET 0x01 // low resets the CPU
#define OUTPUT_A20   0x02
#define OUTPUT_INT   0x10
#define OUTPUT_INT2  0x20

#define LINE_KEYBOARD 1u
#define LINE_MOUSE    2u
#define IRQ_KEYBOARD  1u
#define IRQ_MOUSE     12u

// --- Output buffer ---------------------------------------------------------------------------------------------------

static void lines_update(struct i8042 *i8042) {
    struct i8042_state *s = &i8042->s;
    const struct device_host *host = i8042->host;
    unsigned lines = 0;
    if (s->full == I8042_KEYBOARD && s->config & CONFIG_INT && !(s->config & CONFIG_DISABLE))
        lines = LINE_KEYBOARD;
    if (s->full == I8042_MOUSE && s->config & CONFIG_INT2 && !(s->config & CONFIG_DISABLE2))
        lines = LINE_MOUSE;
    unsigned changed = lines ^ s->lines;
    s->lines = (uint8_t)lines;
    if (changed & LINE_KEYBOARD)
        host->irq_set(host->machine, IRQ_KEYBOARD, lines & LINE_KEYBOARD);
    if (changed & LINE_MOUSE)
        host->irq_set(host->machine, IRQ_MOUSE, lines & LINE_MOUSE);
}

// A translated byte of the keyboard; the prefix F0h of set 2 becomes bit 7 of the byte after it.
static bool keyboard_byte(struct i8042_state *s, uint8_t *byte) {
    while (ps2_keyboard_read(&s->keyboard, byte)) {
        if (!(s->config & CONFIG_TRANSLATE))
            return true;
        if (*byte == 0xf0) {
            s->release = 0x80;
            continue;
        }
        *byte = ps2_translate(*byte) | s->release;
        s->release = 0;
        return true;
    }
    return false;
}

// Fills the output buffer if it is empty: answers of the controller first, then the keyboard, then the mouse.
static void output_fill(struct i8042 *i8042) {
    struct i8042_state *s = &i8042->s;
    if (s->full == I8042_EMPTY) {
        if (s->answer_from != I8042_EMPTY) {
            s->output = s->answer;
            s->full = s->answer_from;
            s->answer_from = I8042_EMPTY;
        } else if (!(s->config & CONFIG_DISABLE) && keyboard_byte(s, &s->output)) {
            s->full = I8042_KEYBOARD;
        } else if (!(s->config & CONFIG_DISABLE2) && ps2_mouse_read(&s->mouse, &s->output)) {
            s->full = I8042_MOUSE;
        }
    }
    lines_update(i8042);
}

static void answer(struct i8042_state *s, uint8_t byte, enum i8042_source from) {
    s->answer = byte;
    s->answer_from = (uint8_t)from;
}

static uint8_t data_read(struct i8042 *i8042) {
    uint8_t byte = i8042->s.output; // an empty buffer gives the last byte again
    i8042->s.full = I8042_EMPTY;
    lines_update(i8042); // the line falls, so that the next byte is an edge
    output_fill(i8042);
    return byte;
}

static uint8_t status_read(const struct i8042_state *s) {
    return (uint8_t)(STATUS_UNLOCK | (s->full != I8042_EMPTY ? STATUS_OBF : 0) |
                     (s->full == I8042_MOUSE ? STATUS_AUX : 0) | (s->config & CONFIG_SYS ? STATUS_SYS : 0) |
                     (s->was_command ? STATUS_COMMAND : 0));
}

// --- Commands --------------------------------------------------------------------------------------------------------

static uint8_t output_port(const struct i8042_state *s) {
    return (uint8_t)(OUTPUT_RESET | OUTPUT_A20 | (s->output_port & 0xcc) | (s->lines & LINE_KEYBOARD ? OUTPUT_INT : 0) |
                     (s->lines & LINE_MOUSE ? OUTPUT_INT2 : 0));
}

static uint8_t ram_read(const struct i8042_state *s, unsigned at) {
    return at == 0 ? s->config : s->ram[at];
}

// Commands without answer that set and clear bits of the command byte.
static bool enable_command(struct i8042_state *s, uint8_t command) {
    switch (command) {
    case 0xa7:
        s->config |= CONFIG_DISABLE2;
        return true;
    case 0xa8:
        s->config &= (uint8_t)~CONFIG_DISABLE2;
        return true;
    case 0xad:
        s->config |= CONFIG_DISABLE;
        return true;
    case 0xae:
        s->config &= (uint8_t)~CONFIG_DISABLE;
        return true;
    default:
        return false;
    }
}

static void answered_command(struct i8042_state *s, uint8_t command) {
    switch (command) {
    case 0xa4: // no password is installed
        answer(s, 0xf1, I8042_KEYBOARD);
        return;
    case 0xa9: // interface tests: no error
    case 0xab:
        answer(s, 0, I8042_KEYBOARD);
        return;
    case 0xaa: // self-test passed
        s->config |= CONFIG_SYS;
        answer(s, 0x55, I8042_KEYBOARD);
        return;
    case 0xc0: // input port: keyboard not locked, colour display
        answer(s, 0x80, I8042_KEYBOARD);
        return;
    case 0xd0:
        answer(s, output_port(s), I8042_KEYBOARD);
        return;
    case 0xe0: // test inputs: both clock lines high
        answer(s, 0x03, I8042_KEYBOARD);
        return;
    default:
        return;
    }
}

static void command_write(struct i8042 *i8042, uint8_t command) {
    struct i8042_state *s = &i8042->s;
    s->was_command = 1;
    s->command = 0;
    if (command < 0x20)
        return;
    if (command < 0x40)
        answer(s, ram_read(s, command & 0x1f), I8042_KEYBOARD);
    else if (command < 0x80 || (command >= 0xd1 && command <= 0xd4))
        s->command = command;
    else if (command >= 0xf0) {
        if (!(command & OUTPUT_RESET))
            i8042->host->reset(i8042->host->machine);
        return;
    } else if (!enable_command(s, command)) {
        answered_command(s, command);
    }
    output_fill(i8042);
}

// A byte for a device enables its interface.
static void mouse_write(struct i8042_state *s, uint8_t value) {
    s->config &= (uint8_t)~CONFIG_DISABLE2;
    ps2_mouse_write(&s->mouse, value);
}

// The byte that a command of port 64h waited for.
static void parameter_write(struct i8042 *i8042, uint8_t command, uint8_t value) {
    struct i8042_state *s = &i8042->s;
    if (command == 0x60)
        s->config = value & 0x7f;
    else if (command < 0x80)
        s->ram[command & 0x1f] = value;
    else if (command == 0xd1)
        s->output_port = value;
    else if (command == 0xd4)
        mouse_write(s, value);
    else
        answer(s, value, command == 0xd2 ? I8042_KEYBOARD : I8042_MOUSE);
    if (command == 0xd1 && !(value & OUTPUT_RESET))
        i8042->host->reset(i8042->host->machine);
    else
        output_fill(i8042);
}

// A byte that no command waits for is the keyboard's.
static void data_write(struct i8042 *i8042, uint8_t value) {
    struct i8042_state *s = &i8042->s;
    uint8_t command = s->command;
    s->was_command = 0;
    s->command = 0;
    if (command) {
        parameter_write(i8042, command, value);
        return;
    }
    s->config &= (uint8_t)~CONFIG_DISABLE;
    ps2_keyboard_write(&s->keyboard, value);
    output_fill(i8042);
}

// --- Ports and the outside -------------------------------------------------------------------------------------------

static uint8_t read_byte(void *device, uint16_t port) {
    struct i8042 *i8042 = device;
    switch (port) {
    case I8042_PORT_DATA:
        return data_read(i8042);
    case I8042_PORT_COMMAND:
        return status_read(&i8042->s);
    default:
        return 0xff;
    }
}

static void write_byte(void *device, uint16_t port, uint8_t value) {
    if (port == I8042_PORT_DATA)
        data_write(device, value);
    else if (port == I8042_PORT_COMMAND)
        command_write(device, value);
}

uint32_t i8042_port_read(void *device, uint16_t port, unsigned bytes) {
    return isa_read_bytes(read_byte, device, port, bytes);
}

void i8042_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    isa_write_bytes(write_byte, device, port, bytes, value);
}

bool i8042_key(struct i8042 *i8042, uint16_t set1_code, bool pressed) {
    bool taken = ps2_keyboard_key(&i8042->s.keyboard, set1_code, pressed);
    output_fill(i8042);
    return taken;
}

unsigned i8042_key_room(const struct i8042 *i8042) {
    return KEY_PENDING_MAX - i8042->s.keyboard.keys_used;
}

void i8042_mouse(struct i8042 *i8042, int dx, int dy, int dz, unsigned buttons) {
    ps2_mouse_move(&i8042->s.mouse, dx, dy, dz, buttons);
    output_fill(i8042);
}

void i8042_reset(struct i8042 *i8042) {
    i8042->s.full = I8042_EMPTY;
    lines_update(i8042);
    memset(&i8042->s, 0, sizeof i8042->s);
    ps2_keyboard_reset(&i8042->s.keyboard);
    ps2_mouse_reset(&i8042->s.mouse);
    i8042->s.config = CONFIG_INT | CONFIG_DISABLE2 | CONFIG_TRANSLATE;
}

void i8042_init(struct i8042 *i8042, const struct device_host *host) {
    memset(i8042, 0, sizeof *i8042);
    i8042->host = host;
    i8042_reset(i8042);
}
