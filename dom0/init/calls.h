// Calls to init (lib/protocol_init.h).
#pragma once
#include <stdint.h>

// Serves the call in init's message buffer; how many words the reply has.
uint64_t calls_serve(void);
