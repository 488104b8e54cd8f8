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

// RSDP (ACPI 6.4, 5.2.5.3); the old form ends behind the RSDT's address, whatever its revision says.
#define RSDP_REVISION  15u
#define RSDP_RSDT      16u
#define RSDP_XSDT      24u
#define RSDP_OLD_BYTES 20u
#define RSDP_NEW_BYTES 36u

struct tag {
    uint32_t type, size; // size: with this header, without what fills up to a multiple of 8
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
    uint32_t is = type < 5 && kind[type] ? kind[type] : BOOT_MEMORY_RESERVED, n = info->memory_ranges;
    if (n && info->memory[n - 1].kind == is && info->memory[n - 1].base + info->memory[n - 1].size == base) {
        info->memory[n - 1].size += size;
        return;
    }
    if (n == BOOT_MEMORY_RANGES)
        PANIC("the boot loader's memory map has more than %u ranges", BOOT_MEMORY_RANGES);
    info->memory[n].base = base;
    info->memory[n].size = size;
    info->memory[n].kind = is;
    info->memory_ranges++;
}

static void read_mmap(const struct tag_mmap *mmap, struct boot_info *info) {
    const char *entry = (const char *)mmap->entries;
    if (mmap->entry_size < sizeof(mmap->entries[0]))
        PANIC("the boot loader's memory map has entries of %u bytes, not %zu", mmap->entry_size,
              sizeof(mmap->entries[0]));
    for (uint32_t left = mmap->tag.size - sizeof(*mmap); left >= mmap->entry_size;
         left -= mmap->entry_size, entry += mmap->entry_size) {
        uint64_t base, length;
        uint32_t type;
        memcpy(&base, entry, 8);
        memcpy(&length, entry + 8, 8);
        memcpy(&type, entry + 16, 4);
        if (length && base <= UINT64_MAX - length)
            add_range(info, base, length, type);
    }
}

// The first one is the archive.
static void read_module(const struct tag_module *module, struct boot_info *info) {
    if (module->tag.size < sizeof(*module) || module->end <= module->start || info->archive_size)
        return;
    info->archive_base = module->start;
    info->archive_size = module->end - module->start;
}

static void read_rsdp(const struct tag *tag, struct acpi_root *root) {
    const char *rsdp = (const char *)(tag + 1);
    uint32_t bytes = tag->type == TAG_ACPI_NEW ? RSDP_NEW_BYTES : RSDP_OLD_BYTES;
    if (tag->size < sizeof(*tag) + bytes || memcmp(rsdp, "RSD PTR ", 8) != 0)
        return;
    memcpy(&root->rsdt, rsdp + RSDP_RSDT, 4);
    if (tag->type == TAG_ACPI_NEW && rsdp[RSDP_REVISION] >= 2)
        memcpy(&root->xsdt, rsdp + RSDP_XSDT, 8);
}

static void read_tag(const struct tag *tag, struct boot_info *info, struct acpi_root *root) {
    switch (tag->type) {
    case TAG_CMDLINE: {
        size_t length = strnlen((const char *)(tag + 1), tag->size - sizeof(*tag));
        length = length < sizeof(info->command_line) - 1 ? length : sizeof(info->command_line) - 1;
        memcpy(info->command_line, tag + 1, length);
        break;
    }
    case TAG_MODULE:
        read_module((const struct tag_module *)(const void *)tag, info);
        break;
    case TAG_MMAP:
        if (tag->size >= sizeof(struct tag_mmap))
            read_mmap((const struct tag_mmap *)(const void *)tag, info);
        break;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        read_rsdp(tag, root);
        break;
    default:
        break;
    }
}

void multiboot_read(uint64_t info_hpa, struct boot_info *info, struct acpi_root *root) {
    const char *at = (const char *)info_hpa;
    uint32_t total;
    memcpy(&total, at, sizeof(total));
    for (uint64_t offset = 8; offset + sizeof(struct tag) <= total;) {
        const struct tag *tag = (const struct tag *)(const void *)(at + offset);
        if (tag->type == TAG_END || tag->size < sizeof(*tag) || tag->size > total - offset)
            break;
        read_tag(tag, info, root);
        offset += ((uint64_t)tag->size + 7) & ~7ull;
    }
    if (!info->memory_ranges)
        PANIC("the boot loader gave no memory map");
    if (!info->archive_size)
        PANIC("the boot loader loaded no archive: the boot entry needs a line 'module2 /boot/boot.cpio'");
}
