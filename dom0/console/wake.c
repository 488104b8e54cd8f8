// Waking the clients of channels.
#include "dom0/console/channels.h"
#include "lib/server.h"

void channel_wake(uint64_t slot) {
    sys_semaphore_control(CONSOLE_WAKE + slot, SEMAPHORE_UP, 0);
}
