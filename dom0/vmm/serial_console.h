// COM1's far end: the channel to the console server.
#pragma once
#include "dom0/vmm/machine.h"

// Of the UART's backend; `backend` is the machine.
void serial_console_transmit(void *backend, uint8_t byte);
bool serial_console_writable(void *backend);
void serial_console_readable(void *backend);

// The console server has taken output, or has input.
void serial_console_event(struct machine *machine);

// Output that the console was not told of yet is due at this guest time; and telling it.
uint64_t serial_console_deadline_ns(const struct machine *machine);
void serial_console_flush(struct machine *machine);
