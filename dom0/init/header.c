// Head of init's flat image, which the core reads, and init's first code.
#include "dom0/init/init.h"
#include "kernel/abi.h"

extern char init_text_size[], init_rodata_size[], init_data_size[], init_bss_size[];
_Noreturn void _start(void);

// Layout of struct init_header in the core's kernel/init_image.h.
__attribute__((section(".init_header"), used)) static const struct {
    char magic[8];
    void (*entry)(void);
    const char *text_size, *rodata_size, *data_size, *bss_size;
} init_header = {"BHINIT1", _start, init_text_size, init_rodata_size, init_data_size, init_bss_size};

_Noreturn void _start(void) {
    init_main();
}
