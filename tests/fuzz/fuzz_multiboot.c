// Any bytes as a boot loader's information: it is read within its bounds, to an end or to a message.
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/multiboot.h"
#include "kernel/panic.h"

static jmp_buf stopped;

void panic(const char *file, int line, const char *message, ...) {
    (void)file, (void)line, (void)message;
    longjmp(stopped, 1);
}

static void check(const struct boot_info *info) {
    if (info->memory_ranges == 0 || info->memory_ranges > BOOT_MEMORY_RANGES || !info->archive_size)
        abort();
    for (uint32_t i = 0; i < info->memory_ranges; i++)
        if (info->memory[i].base + info->memory[i].size < info->memory[i].base || info->memory[i].size == 0)
            abort();
    if (info->command_line[sizeof(info->command_line) - 1])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct boot_info info = {0};
    struct acpi_root root = {0};
    if (size < 8)
        return 0;
    uint8_t *memory = malloc(size); // of just this size, and aligned as the loader's is
    uint32_t total = (uint32_t)size;
    memcpy(memory, data, size);
    memcpy(memory, &total, sizeof(total));
    if (!setjmp(stopped)) {
        multiboot_read((uint64_t)(uintptr_t)memory, &info, &root);
        check(&info);
    }
    free(memory);
    return 0;
}
