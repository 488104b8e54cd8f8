// Linux' boot protocol.
#include "dom0/vmm/direct_boot.h"
#include "dom0/vmm/page_walk.h"
#include "lib/string.h"

// The setup header: offsets in the file and in the zero page (boot.rst, "Details of Header Fields").
#define SETUP_SECTS       0x1f1u
#define BOOT_FLAG         0x1feu // AA55h
#define JUMP_OFFSET       0x201u
#define MAGIC             0x202u // "HdrS"
#define VERSION           0x206u
#define TYPE_OF_LOADER    0x210u
#define LOADFLAGS         0x211u
#define RAMDISK_IMAGE     0x218u
#define RAMDISK_SIZE      0x21cu
#define HEAP_END          0x224u
#define COMMAND_LINE      0x228u
#define RAMDISK_MAX       0x22cu
#define KERNEL_ALIGNMENT  0x230u
#define COMMAND_LINE_SIZE 0x238u
#define PREF_ADDRESS      0x258u
#define INIT_SIZE         0x260u
#define HEADER_END        0x268u
// The rest of the zero page (zero-page.rst)
#define ACPI_RSDP    0x070u
#define E820_ENTRIES 0x1e8u
#define E820_TABLE   0x2d0u

#define LOADED_HIGH  1u
#define CAN_USE_HEAP 0x80u
#define LOADER_OTHER 0xffu
#define SECTOR       512u

#define E820_RAM      1u
#define E820_RESERVED 2u

struct e820_entry {
    uint64_t start, bytes;
    uint32_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct e820_entry) == 20, "E820");

static uint64_t field(const void *from, unsigned offset, unsigned bytes) {
    uint64_t value = 0;
    memcpy(&value, (const uint8_t *)from + offset, bytes);
    return value;
}

static void set_field(void *to, unsigned offset, unsigned bytes, uint64_t value) {
    memcpy((uint8_t *)to + offset, &value, bytes);
}

static uint64_t setup_bytes(const struct direct_boot *boot) {
    uint64_t sectors = field(boot->kernel, SETUP_SECTS, 1);
    return (sectors ? sectors + 1 : 5) * SECTOR;
}

// Bytes of memory that the kernel needs from its load address on before it looks at the memory map.
static uint64_t kernel_needs(const struct direct_boot *boot) {
    uint64_t image = boot->kernel_bytes - setup_bytes(boot);
    if (field(boot->kernel, VERSION, 2) < 0x20a)
        return image;
    // It moves itself to where it prefers to run, or up to its alignment.
    uint64_t init = field(boot->kernel, INIT_SIZE, 4), preferred = field(boot->kernel, PREF_ADDRESS, 8);
    uint64_t moved = field(boot->kernel, KERNEL_ALIGNMENT, 4);
    if (preferred >> 32)
        return preferred;
    if (preferred > DIRECT_BOOT_KERNEL && preferred - DIRECT_BOOT_KERNEL > moved)
        moved = preferred - DIRECT_BOOT_KERNEL;
    return (image > init ? image : init) + moved;
}

// End of the RAM from 1 MiB on that nothing lies in yet.
static uint64_t free_end(const struct direct_boot *boot, uint64_t below_4g_bytes) {
    uint64_t end = below_4g_bytes;
    for (unsigned i = 0; i < boot->reserved_count; i++)
        if (boot->reserved[i].start >= DIRECT_BOOT_KERNEL && boot->reserved[i].start < end)
            end = boot->reserved[i].start;
    return end;
}

static uint64_t ramdisk_limit(const struct direct_boot *boot, uint64_t below_4g_bytes) {
    uint64_t limit = field(boot->kernel, RAMDISK_MAX, 4) + 1, end = free_end(boot, below_4g_bytes);
    return limit < end ? limit : end;
}

// Where the ramdisk goes: as high as allowed, page-aligned.
static uint64_t ramdisk_address(const struct direct_boot *boot, uint64_t below_4g_bytes) {
    return (ramdisk_limit(boot, below_4g_bytes) - boot->ramdisk_bytes) & ~(PAGE_SIZE - 1);
}

const char *direct_boot_check(const struct direct_boot *boot, uint64_t below_4g_bytes) {
    const void *kernel = boot->kernel;
    if (!kernel || boot->kernel_bytes < 2 * SECTOR || field(kernel, BOOT_FLAG, 2) != 0xaa55 ||
        field(kernel, MAGIC, 4) != 0x53726448)
        return "kernel: not a Linux kernel (bzImage): its boot header is not there";
    if (field(kernel, VERSION, 2) < 0x204)
        return "kernel: its boot protocol is older than 2.04, which this machine does not boot";
    if (!(field(kernel, LOADFLAGS, 1) & LOADED_HIGH))
        return "kernel: a zImage, which is loaded low; only a bzImage can be booted";
    if (setup_bytes(boot) >= boot->kernel_bytes)
        return "kernel: the file ends within its setup sectors; it is cut off or damaged";
    uint64_t end = free_end(boot, below_4g_bytes);
    if (boot->kernel_bytes >= 1ull << 32 || kernel_needs(boot) > end || DIRECT_BOOT_KERNEL > end - kernel_needs(boot))
        return "memory: too little for this kernel";
    if (boot->ramdisk && (boot->ramdisk_bytes >= ramdisk_limit(boot, below_4g_bytes) ||
                          ramdisk_address(boot, below_4g_bytes) < DIRECT_BOOT_KERNEL + kernel_needs(boot)))
        return "memory: too little for this kernel with its ramdisk";
    uint64_t command_max = field(kernel, VERSION, 2) >= 0x206 ? field(kernel, COMMAND_LINE_SIZE, 4) : 255;
    if (strlen(boot->command_line) > command_max || strlen(boot->command_line) >= 0x10000)
        return "extra: the command line is longer than this kernel takes";
    return NULL;
}

// ---- Loading

static void e820_add(uint8_t *zero_page, uint64_t start, uint64_t end, uint32_t type) {
    unsigned count = zero_page[E820_ENTRIES];
    if (start >= end || count >= 128)
        return;
    struct e820_entry entry = {start, end - start, type};
    memcpy(zero_page + E820_TABLE + count * sizeof entry, &entry, sizeof entry);
    zero_page[E820_ENTRIES] = (uint8_t)(count + 1);
}

// RAM from `start` to `end` but for what is reserved.
static void e820_add_ram(const struct direct_boot *boot, uint8_t *zero_page, uint64_t start, uint64_t end) {
    for (unsigned i = 0; i < boot->reserved_count; i++) {
        uint64_t first = boot->reserved[i].start, last = first + boot->reserved[i].bytes;
        if (first < start || first >= end || boot->reserved[i].bytes == 0)
            continue;
        e820_add_ram(boot, zero_page, start, first);
        e820_add(zero_page, first, last < end ? last : end, E820_RESERVED);
        start = last;
    }
    e820_add(zero_page, start, end, E820_RAM);
}

static void fill_zero_page(const struct direct_boot *boot, const struct guest_memory *memory, uint8_t *zero_page) {
    const uint8_t *kernel = boot->kernel;
    uint64_t header_end = 0x202u + kernel[JUMP_OFFSET];
    if (header_end > HEADER_END)
        header_end = HEADER_END;
    memcpy(zero_page + SETUP_SECTS, kernel + SETUP_SECTS, header_end - SETUP_SECTS);
    zero_page[TYPE_OF_LOADER] = LOADER_OTHER;
    zero_page[LOADFLAGS] |= CAN_USE_HEAP;
    set_field(zero_page, HEAP_END, 2, 0xfe00);
    set_field(zero_page, COMMAND_LINE, 4, DIRECT_BOOT_COMMAND_LINE);
    if (boot->ramdisk) {
        set_field(zero_page, RAMDISK_IMAGE, 4, ramdisk_address(boot, memory->below_4g_bytes));
        set_field(zero_page, RAMDISK_SIZE, 4, boot->ramdisk_bytes);
    }
    set_field(zero_page, ACPI_RSDP, 8, boot->rsdp);
    e820_add(zero_page, 0, DIRECT_BOOT_EBDA, E820_RAM);
    e820_add(zero_page, DIRECT_BOOT_EBDA, 0xa0000, E820_RESERVED);
    e820_add(zero_page, 0xe0000, DIRECT_BOOT_KERNEL, E820_RESERVED);
    e820_add_ram(boot, zero_page, DIRECT_BOOT_KERNEL, memory->below_4g_bytes);
    e820_add(zero_page, GUEST_ROM_TOP - memory->rom_bytes, GUEST_ROM_TOP, E820_RESERVED);
    e820_add(zero_page, GUEST_RAM_ABOVE_4G, GUEST_RAM_ABOVE_4G + guest_memory_above_4g_bytes(memory), E820_RAM);
}

const char *direct_boot_load(struct direct_boot *boot, struct guest_memory *memory) {
    static const uint64_t gdt[4] = {0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
    static uint8_t zero_page[PAGE_SIZE];
    const char *wrong = direct_boot_check(boot, memory->below_4g_bytes);
    if (wrong)
        return wrong;
    uint64_t setup = setup_bytes(boot);
    memset(zero_page, 0, sizeof zero_page);
    fill_zero_page(boot, memory, zero_page);
    bool good =
        guest_memory_write(memory, DIRECT_BOOT_ZERO_PAGE, zero_page, sizeof zero_page) &&
        guest_memory_write(memory, DIRECT_BOOT_GDT, gdt, sizeof gdt) &&
        guest_memory_write(memory, DIRECT_BOOT_COMMAND_LINE, boot->command_line, strlen(boot->command_line) + 1) &&
        guest_memory_write(memory, DIRECT_BOOT_KERNEL, (const uint8_t *)boot->kernel + setup,
                           boot->kernel_bytes - setup);
    if (good && boot->ramdisk)
        good = guest_memory_write(memory, ramdisk_address(boot, memory->below_4g_bytes), boot->ramdisk,
                                  boot->ramdisk_bytes);
    boot->entry = DIRECT_BOOT_KERNEL;
    return good ? NULL : "memory: too little for this kernel";
}

void direct_boot_registers(const struct direct_boot *boot, struct vcpu_page *page) {
    struct vcpu_segment code = {DIRECT_BOOT_CODE, 0xc9b, 0xffffffff, 0},
                        data = {DIRECT_BOOT_DATA, 0xc93, 0xffffffff, 0};
    memset(page->gpr, 0, sizeof page->gpr);
    page->gpr[RSI] = DIRECT_BOOT_ZERO_PAGE;
    page->gpr[RSP] = DIRECT_BOOT_STACK;
    page->rip = boot->entry;
    page->rflags = 2;
    page->cr0 = CR0_PE | CR0_ET;
    page->segment[SEGMENT_CS] = code;
    page->segment[SEGMENT_SS] = page->segment[SEGMENT_DS] = page->segment[SEGMENT_ES] = data;
    page->segment[SEGMENT_FS] = page->segment[SEGMENT_GS] = data;
    page->gdtr = (struct vcpu_segment){.limit = 31, .base = DIRECT_BOOT_GDT};
}
