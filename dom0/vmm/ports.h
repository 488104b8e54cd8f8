// Ports without a device behind them: the POST code port 80h, the delay port EDh, and SeaBIOS' debug console 402h.
#pragma once
#include "dom0/vmm/device.h"

#define PORTS_POST       0x80u
#define PORTS_DELAY      0xedu
#define PORTS_DEBUG      0x402u
#define PORTS_LINE_BYTES 128u

struct ports_state {
    uint8_t post; // last code
    uint8_t used; // bytes of the line so far
    char line[PORTS_LINE_BYTES];
};

struct ports {
    void *context;
    void (*debug_line)(void *context, const char *line); // a line without its end, printable characters only
    struct ports_state s;
};

// debug_line null: there is no debug console, and SeaBIOS writes none, which saves exits.
void ports_init(struct ports *ports, void *context, void (*debug_line)(void *context, const char *line));
void ports_reset(struct ports *ports);

// Ports 80h, EDh, 402h.
uint32_t ports_port_read(void *device, uint16_t port, unsigned bytes);
void ports_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);
