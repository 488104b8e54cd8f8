// Calls of the domain manager: lib/protocol_console.h.
#pragma once
#include "kernel/abi.h"

// Serves the call in the message buffer; how many words the reply has.
uint64_t call_serve(struct message_buffer *message);
