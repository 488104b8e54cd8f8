// Static ELF64 programs: the checks before one is loaded, and its symbols. Pure; the file is not trusted.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS 8u

struct elf_segment {
    uint64_t address, memory_bytes; // page-aligned address
    uint64_t offset, file_bytes;
    unsigned rights; // DELEGATE_*
};

struct elf_program {
    uint64_t entry;
    uint64_t headers_address; // of the program headers in memory, 0 if no segment holds them
    uint32_t headers;
    uint32_t segments;
    struct elf_segment segment[ELF_SEGMENTS];
};

// Reads a program. Returns null, or what is wrong with it: not an x86-64 static program, a segment writable and
// executable, outside [0x400000, 2^31), overlapping, or beyond the file.
const char *elf_read(const void *file, uint64_t size, struct elf_program *program);

// The function symbol that holds an address: its name (into the file) and where it starts. Null if there is none.
const char *elf_symbol(const void *file, uint64_t size, uint64_t address, uint64_t *start);
