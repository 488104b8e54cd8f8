// POST codes, delays, and collecting the firmware's debug output into lines.
#include "dom0/vmm/ports.h"
#include "lib/string.h"

#define DEBUG_PRESENT 0xe9u // what QEMU's isa-debugcon reads as

void ports_init(struct ports *ports, void *context, void (*debug_line)(void *context, const char *line)) {
    memset(ports, 0, sizeof *ports);
    ports->context = context;
    ports->debug_line = debug_line;
}

static void line_end(struct ports *ports) {
    ports->s.line[ports->s.used] = '\0';
    ports->s.used = 0;
    ports->debug_line(ports->context, ports->s.line);
}

void ports_reset(struct ports *ports) {
    if (ports->s.used)
        line_end(ports);
    memset(&ports->s, 0, sizeof ports->s);
}

// Lines that are too long are cut into several.
static void debug_write(struct ports *ports, uint8_t byte) {
    if (!ports->debug_line || byte == '\r')
        return;
    if (byte == '\n') {
        line_end(ports);
        return;
    }
    ports->s.line[ports->s.used++] = byte >= ' ' && byte < 0x7f ? (char)byte : '.';
    if (ports->s.used == PORTS_LINE_BYTES - 1)
        line_end(ports);
}

uint32_t ports_port_read(void *device, uint16_t port, unsigned bytes) {
    const struct ports *ports = device;
    if (bytes == 1 && port == PORTS_POST)
        return ports->s.post;
    if (bytes == 1 && port == PORTS_DEBUG && ports->debug_line)
        return DEBUG_PRESENT;
    return 0xffffffff;
}

void ports_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    struct ports *ports = device;
    if (port == PORTS_POST)
        ports->s.post = (uint8_t)value;
    else if (port == PORTS_DEBUG && bytes == 1)
        debug_write(ports, (uint8_t)value);
}
