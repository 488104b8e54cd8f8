// Reader of cpio archives (cpio(5), "New ASCII Format").
#include "dom0/init/archive.h"
#include "lib/string.h"

#define HEADER_BYTES   110u
#define FIELD_FILESIZE 54u
#define FIELD_NAMESIZE 94u
#define FIELD_MODE     14u
#define MODE_TYPE      0170000u
#define MODE_FILE      0100000u

static bool parse_hex(const uint8_t *digits, uint32_t *value) {
    *value = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint8_t c = digits[i];
        uint32_t digit = c >= '0' && c <= '9'   ? c - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10u
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10u
                                                : 16u;
        if (digit == 16)
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

struct entry {
    uint32_t mode, name_bytes, data_bytes;
};

static bool read_header(const uint8_t *header, struct entry *entry) {
    return memcmp(header, "070701", 6) == 0 && parse_hex(header + FIELD_MODE, &entry->mode) &&
           parse_hex(header + FIELD_FILESIZE, &entry->data_bytes) &&
           parse_hex(header + FIELD_NAMESIZE, &entry->name_bytes);
}

bool archive_next(const void *archive, uint64_t archive_size, uint64_t *cursor, struct archive_file *file,
                  bool *damaged) {
    const uint8_t *bytes = archive;
    *damaged = false;
    for (;;) {
        struct entry entry;
        uint64_t at = *cursor;
        *damaged = true;
        if (at > archive_size || archive_size - at < HEADER_BYTES || !read_header(bytes + at, &entry))
            return false;
        uint64_t name = at + HEADER_BYTES, data = (name + entry.name_bytes + 3) & ~3ull;
        if (entry.name_bytes == 0 || data > archive_size || archive_size - data < entry.data_bytes)
            return false;
        *damaged = false;
        size_t length = strnlen((const char *)bytes + name, entry.name_bytes);
        if (length == 10 && memcmp(bytes + name, "TRAILER!!!", 10) == 0)
            return false;
        *cursor = (data + entry.data_bytes + 3) & ~3ull;
        if ((entry.mode & MODE_TYPE) != MODE_FILE || length >= ARCHIVE_NAME_BYTES || length == 0)
            continue;
        memcpy(file->name, bytes + name, length);
        file->name[length] = 0;
        file->offset = data;
        file->size = entry.data_bytes;
        return true;
    }
}

bool archive_find(const void *archive, uint64_t archive_size, const char *name, struct archive_file *file) {
    uint64_t cursor = 0;
    bool damaged;
    while (archive_next(archive, archive_size, &cursor, file, &damaged))
        if (strcmp(file->name, name) == 0)
            return true;
    return false;
}
