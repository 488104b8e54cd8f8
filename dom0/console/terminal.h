// What the terminal shows: the shell with log lines between, or a domain's console.
#pragma once
#include "dom0/console/channels.h"

#define TERMINAL_LEAVE 0x1d // Ctrl-]

// Connects the terminal to a domain's channel. False if the slot holds none.
bool terminal_connect(uint64_t slot);

// Gives the terminal back to the shell, after what the domain wrote, if it shows this slot.
void terminal_release(uint64_t slot);

// Moves everything that can be moved: typed bytes to the client shown, output to the UART. True if there is more to do
// that waits for no event.
bool terminal_pump(void);
