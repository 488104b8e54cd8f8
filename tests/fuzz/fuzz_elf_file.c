// Any bytes as a program: what is accepted can be loaded without a look at anything outside it, and its symbols too.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/init/elf_file.h"
#include "kernel/abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
    if (!good)
        abort();
}

static void check_program(const struct elf_program *program, size_t size) {
    uint64_t end = 0;
    check(program->segments <= ELF_SEGMENTS);
    for (uint32_t i = 0; i < program->segments; i++) {
        const struct elf_segment *segment = &program->segment[i];
        check(segment->address % PAGE_SIZE == 0 && segment->address >= end && segment->address >= 0x400000);
        check(segment->offset <= size && segment->file_bytes <= size - segment->offset);
        check(segment->file_bytes <= segment->memory_bytes && segment->memory_bytes <= 0x80000000);
        check((segment->rights & (DELEGATE_WRITE | DELEGATE_EXECUTE)) != (DELEGATE_WRITE | DELEGATE_EXECUTE));
        end = (segment->address + segment->memory_bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
        check(end <= 0x80000000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct elf_program program;
    uint64_t start;
    if (!elf_read(data, size, &program))
        check_program(&program, size);
    for (uint64_t address = 0x400000; address < 0x400200; address += 0x40) {
        const char *name = elf_symbol(data, size, address, &start);
        check(!name || (name >= (const char *)data && name + strlen(name) < (const char *)data + size));
    }
    return 0;
}
