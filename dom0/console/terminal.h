// What the terminal shows: the shell with log lines between, or a domain's console.
#pragma once
#include "dom0/console/channels.h"

#define TERMINAL_LEAVE 0x1d // Ctrl-]

// Connects the terminal to a domain's channel. False if the slot holds none.
bool terminal_connect(uint64_t slot);

// Gives the terminal back to the shell, after what the domain wrote, if it shows this slot.
void terminal_release(uint64_t slot);

// Moves everything that can be moved: typed bytes to the client shown, output to the UART. Returns when it wants to be
// called again if no event comes before, NO_DEADLINE for never. Times are of the TSC.
uint64_t terminal_pump(uint64_t now, uint64_t ticks_per_second);
