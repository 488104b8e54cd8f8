// The boot archive, mapped for reading.
#include "dom0/init/init.h"
#include "lib/string.h"

static const uint8_t *archive;

void files_init(void) {
    uint64_t base = boot_page->archive_base & ~(PAGE_SIZE - 1), offset = base % (2ull << 20);
    if (physical_map(SELECTOR_SELF, INIT_ARCHIVE + offset, base,
                     boot_page->archive_size + boot_page->archive_base - base, DELEGATE_READ, false))
        archive = (const uint8_t *)(INIT_ARCHIVE + offset + boot_page->archive_base - base);
    struct archive_file file;
    uint64_t cursor = 0;
    bool damaged = false;
    while (archive && archive_next(archive, boot_page->archive_size, &cursor, &file, &damaged))
        ;
    if (!archive || damaged)
        init_log("the boot archive is damaged at byte %llu of %llu: files behind it are missing",
                 (unsigned long long)cursor, (unsigned long long)boot_page->archive_size);
}

const void *archive_data(const struct archive_file *file) {
    return archive + file->offset;
}

uint64_t archive_hpa(const struct archive_file *file) {
    return boot_page->archive_base + file->offset;
}

bool file_find(const char *name, struct archive_file *file) {
    return archive && archive_find(archive, boot_page->archive_size, name, file);
}

bool file_by_index(uint64_t index, struct archive_file *file) {
    uint64_t cursor = 0;
    bool damaged = false;
    if (!archive)
        return false;
    do {
        if (!archive_next(archive, boot_page->archive_size, &cursor, file, &damaged))
            return false;
    } while (index-- > 0);
    return true;
}
