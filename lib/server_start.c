// First code of a server without a C library.
#include "lib/server.h"

_Noreturn void _start(void);

__attribute__((force_align_arg_pointer)) _Noreturn void _start(void) {
    SERVER_ASSERT(startup->magic == STARTUP_MAGIC && startup->version == STARTUP_VERSION);
    server_exit(server_main());
}
