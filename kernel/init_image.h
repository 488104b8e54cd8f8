// The image of init that is linked into the core: header, then text, rodata and data, each on pages of its own.
#pragma once
#include <stdint.h>

#define INIT_MAGIC "BHINIT1"

struct init_header {
    char magic[8];
    uint64_t entry;
    uint64_t text_size, rodata_size, data_size, bss_size; // whole pages; header is part of text; bss follows data
};
