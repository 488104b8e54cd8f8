// Fresh UUIDs for domains whose configurations name none.
#pragma once
#include <stdint.h>

// A random UUID, version 4 (RFC 4122 section 4.4), from the CPU's random numbers where it has them, else from its
// clock.
void uuid_make(uint8_t uuid[16]);
