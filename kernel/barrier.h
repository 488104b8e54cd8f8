// Against speculative execution across domains: what kernel/speculation decides, done.
#pragma once
#include <stdint.h>

// What this CPU, and with it all others, needs, and the option spec-ctrl wants; the image can still be written. Needs
// host.signature and host.microcode.
void barrier_detect(const char *command_line);
// SPECULATION_* of what is in force and what is open.
uint32_t barrier_report(void);
// Settings that stay, on the CPU that runs this.
void barrier_init_self(void);
// The CPU that runs this goes over to another domain: nothing that the one before has left steers or tells it anything.
void barrier_domain(void);
