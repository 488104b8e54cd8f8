// Any bytes as a boot archive: every file that is found lies within it, and the walk ends.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/init/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct archive_file file;
    uint64_t cursor = 0, last = 0;
    bool damaged;
    while (archive_next(data, size, &cursor, &file, &damaged)) {
        if (file.offset > size || file.size > size - file.offset || cursor <= last)
            abort();
        if (strnlen(file.name, sizeof(file.name)) == sizeof(file.name))
            abort();
        last = cursor;
        struct archive_file found;
        if (!archive_find(data, size, file.name, &found))
            abort();
    }
    return 0;
}
