// The boot archive: cpio in the "new ASCII" format (magic 070701), each file's data starting on a page. Pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_NAME_BYTES 128u // with terminator; files with longer names are passed over

struct archive_file {
    char name[ARCHIVE_NAME_BYTES];
    uint64_t offset, size; // of the data, in the archive
};

// Steps through an archive. *cursor is 0 at first. False at its end, or where it is damaged (then *damaged says so).
bool archive_next(const void *archive, uint64_t archive_size, uint64_t *cursor, struct archive_file *file,
                  bool *damaged);

// Finds a file by name.
bool archive_find(const void *archive, uint64_t archive_size, const char *name, struct archive_file *file);
