// Memory types: PAT and MTRRs have to be alike on all CPUs (SDM 3A 12.11.8, 12.12.4; APM 2 7.7.5).
#pragma once
#include <stdint.h>

#define PAT_RESET 0x0007040600070406ull // entry 0: write-back, 3: uncacheable; the tables use no other

// Sets this CPU's PAT, and its MTRRs as those of CPU 0 if they differ. Says so in the log, and if they are off.
void memory_type_init_self(uint32_t cpu);
