// Exceptions, interrupts and NMIs as they arrive.
#pragma once

// Stops all other CPUs for good, by NMI; each ends virtualization first. Waits until they have, at most some time.
void trap_stop_others(void);
