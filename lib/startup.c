// Look-up of what the startup page names.
#include "lib/startup.h"
#include "lib/string.h"

uint64_t startup_capability(const struct startup *startup, const char *name) {
    for (uint32_t i = 0; i < startup->capabilities && i < STARTUP_CAPABILITIES; i++)
        if (strncmp(startup->capability[i].name, name, sizeof(startup->capability[i].name)) == 0)
            return startup->capability[i].selector;
    return NO_SELECTOR;
}

const struct startup_window *startup_window(const struct startup *startup, const char *name) {
    for (uint32_t i = 0; i < startup->windows && i < STARTUP_WINDOWS; i++)
        if (strncmp(startup->window[i].name, name, sizeof(startup->window[i].name)) == 0)
            return &startup->window[i];
    return NULL;
}
