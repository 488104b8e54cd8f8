// Reading of the Multiboot 2 information.
#include "kernel/multiboot.h"
#include "kernel/panic.h"
#include "lib/string.h"

#define TAG_END      0u
#define TAG_CMDLINE  1u
#define TAG_MODULE   3u
#define TAG_MMAP     6u
#define TAG_ACPI_OLD 14u
#define TAG_ACPI_NEW 15u

struct tag {
    uint32_t type, size;
};

struct tag_module {
    struct tag tag;
    uint32_t start, end;
};

struct tag_mmap {
    struct tag tag;
    uint32_t entry_size, entry_version;
    struct {
        uint64_t base, length;
        uint32_t type, reserved;
    } entries[];
};

static void add_range(struct boot_info *info, uint64_t base, uint64_t size, uint32_t type) {
    static const uint32_t kind[] = {
        [1] = BOOT_MEMORY_FREE, [2] = BOOT_MEMORY_RESERVED, [3] = BOOT_MEMORY_ACPI, [4] = BOOT_MEMORY_NVS};
    if (info->memory_ranges == BOOT_MEMORY_RANGES)
        return;
    info->memory[info->memory_ranges].base = base;
    info->memory[info->memory_ranges].size = size;
    info->memory[info->memory_ranges].kind = type < 5 && kind[type] ? kind[type] : BOOT_MEMORY_RESERVED;
    info->memory_ranges++;
}

static void read_mmap(const struct tag_mmap *mmap, struct boot_info *info) {
    const char *entry = (const char *)mmap->entries, *end = (const char *)mmap + mmap->tag.size;
    for (; entry + sizeof(mmap->entries[0]) <= end; entry += mmap->entry_size) {
        uint64_t base, length;
        uint32_t type;
        memcpy(&base, entry, 8);
        memcpy(&length, entry + 8, 8);
        memcpy(&type, entry + 16, 4);
        if (length)
            add_range(info, base, length, type);
    }
}

static void read_tag(const struct tag *tag, struct boot_info *info) {
    switch (tag->type) {
    case TAG_CMDLINE: {
        size_t length = strnlen((const char *)(tag + 1), tag->size - sizeof(*tag));
        length = length < sizeof(info->command_line) - 1 ? length : sizeof(info->command_line) - 1;
        memcpy(info->command_line, tag + 1, length);
        break;
    }
    case TAG_MODULE:
        if (!info->archive_size) {
            info->archive_base = ((const struct tag_module *)(const void *)tag)->start;
            info->archive_size = ((const struct tag_module *)(const void *)tag)->end - info->archive_base;
        }
        break;
    case TAG_MMAP:
        read_mmap((const struct tag_mmap *)(const void *)tag, info);
        break;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        // The tag holds a copy; what is kept is the address of the root table in it (acpi.c looks at both forms).
        if (!info->rsdp || tag->type == TAG_ACPI_NEW)
            info->rsdp = (uint64_t)(uintptr_t)(tag + 1);
        break;
    default:
        break;
    }
}

void multiboot_read(uint64_t info_hpa, struct boot_info *info) {
    const char *at = (const char *)info_hpa;
    uint32_t total;
    memcpy(&total, at, sizeof(total));
    for (uint32_t offset = 8; offset + sizeof(struct tag) <= total;) {
        const struct tag *tag = (const struct tag *)(const void *)(at + offset);
        if (tag->type == TAG_END || tag->size < sizeof(*tag))
            break;
        read_tag(tag, info);
        offset += (tag->size + 7) & ~7u;
    }
    if (!info->memory_ranges)
        PANIC("the boot loader gave no memory map");
    if (!info->archive_size)
        PANIC("the boot loader loaded no archive: the boot entry needs a line 'module2 /boot/boot.cpio'");
}
