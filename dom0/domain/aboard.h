// The files of the boot archive as the domain manager sees them, read-only, one at a time.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aboard_file {
    const char *name;
    const void *data;
    uint64_t size;
};

// In the order of the archive, without data; false at the end. Begin with *CURSOR = 0. The name is valid until the next
// call.
bool aboard_next(uint64_t *cursor, struct aboard_file *file);

// Maps the file: its data and name are valid until the next aboard_find().
bool aboard_find(const char *name, struct aboard_file *file);

#define ABOARD_IMAGES  "images/"
#define ABOARD_DOMAINS "etc/domains/"

// Finds NAME as it stands, or else in FOLDER, which ends in a slash.
bool aboard_find_in(const char *folder, const char *name, struct aboard_file *file);

// Lists what is in FOLDER, without the folder, for a message: "a, b, c", or "none". Returns TO.
const char *aboard_names(const char *folder, char *to, size_t size);
