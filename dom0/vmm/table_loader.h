// The script by which firmware puts blobs of tables into memory, makes offsets in them addresses and sets checksums
// (QEMU's BIOS linker/loader, hw/acpi/bios-linker-loader). Firmware executes it, or, without firmware, loader_run().
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOADER_NAME_BYTES   56
#define LOADER_COMMANDS_MAX 24u

enum loader_zone { LOADER_HIGH = 1, LOADER_SEGMENT_F = 2 };

struct loader_command {
    uint32_t command;
    union {
        struct {
            char file[LOADER_NAME_BYTES];
            uint32_t align;
            uint8_t zone;
        } allocate;
        struct {
            char file[LOADER_NAME_BYTES], target[LOADER_NAME_BYTES];
            uint32_t offset;
            uint8_t bytes;
        } pointer;
        struct {
            char file[LOADER_NAME_BYTES];
            uint32_t offset, start, length;
        } checksum;
        uint8_t padding[124];
    };
};
_Static_assert(sizeof(struct loader_command) == 128, "as firmware reads it");
_Static_assert(offsetof(struct loader_command, pointer.offset) == 4 + 2 * LOADER_NAME_BYTES, "as firmware reads it");

struct table_loader {
    struct loader_command commands[LOADER_COMMANDS_MAX];
    uint32_t count;
    bool full; // a command did not fit
};

// A file gets its place. align: a power of two.
void loader_allocate(struct table_loader *loader, const char *file, uint32_t align, enum loader_zone zone);

// The field of `bytes` bytes at `offset` in `file`, an offset in `target`, becomes an address.
void loader_pointer(struct table_loader *loader, const char *file, uint32_t offset, uint8_t bytes, const char *target);

// The byte at `offset` in `file` makes the sum over [start, start + length) zero.
void loader_checksum(struct table_loader *loader, const char *file, uint32_t offset, uint32_t start, uint32_t length);

// A file that has its place already: the bytes, and the address at which the guest sees them.
struct loader_file {
    const char *name;
    uint8_t *bytes;
    size_t size;
    uint64_t gpa;
};

// Executes pointers and checksums over files that lie where they belong. False: a command names what is not there.
bool loader_run(const struct table_loader *loader, const struct loader_file *files, size_t count);
