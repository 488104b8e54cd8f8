// The VMM's start: what init gave it becomes a machine, which waits to be unpaused.
#include "dom0/vmm/control.h"
#include "lib/format.h"
#include "lib/server.h"
#include "lib/string.h"

#define ROM_BYTES_MAX 0x100000u

static struct machine machine;

static void *window(const char *name, uint64_t *bytes) {
    const struct startup_window *found = startup_window(startup, name);
    *bytes = found ? found->size : 0;
    return found ? (void *)found->address : NULL;
}

// The firmware has to end at 4 GiB, in whole pages. A machine that boots a kernel directly has an empty ROM.
static const char *take_rom(struct machine_parts *parts) {
    uint64_t bytes;
    uint8_t *rom = window(VMM_WINDOW_BIOS, &bytes);
    if (parts->config->builder == DOMAIN_BUILDER_KERNEL) {
        bytes = GUEST_ROM_SHADOW;
        rom = pages_new(bytes / PAGE_SIZE);
    }
    if (!rom || bytes < GUEST_ROM_SHADOW || bytes > ROM_BYTES_MAX || bytes % PAGE_SIZE)
        return "the firmware (bios-256k.bin) is not aboard, or is none";
    if ((uintptr_t)rom % PAGE_SIZE) {
        uint8_t *copy = pages_new(bytes / PAGE_SIZE);
        if (!copy)
            return "memory: too little for the firmware";
        memcpy(copy, rom, bytes);
        rom = copy;
    }
    parts->rom = rom;
    parts->rom_bytes = (uint32_t)bytes;
    return NULL;
}

// Video memory is the end of the domain's memory, as in Xen (xl.cfg(5): videoram).
static const char *take_vram(struct machine_parts *parts) {
    if (parts->ram_bytes <= VGA_VRAM_DEFAULT)
        return "memory: none is left beside the screen's";
    parts->ram_bytes -= VGA_VRAM_DEFAULT;
    parts->vram = (uint8_t *)parts->ram + parts->ram_bytes;
    parts->vram_bytes = VGA_VRAM_DEFAULT;
    return NULL;
}

static const char *take_disks(struct machine_parts *parts) {
    static char message[160];
    for (unsigned i = 0; i < DOMAIN_DISKS_MAX && i < parts->config->disk_count; i++) {
        const struct domain_disk *disk = &parts->config->disks[i];
        char name[16];
        if (disk->kind != DOMAIN_DISK_IMAGE && disk->kind != DOMAIN_DISK_RAM)
            continue;
        format(name, sizeof name, VMM_WINDOW_DISK "%u", i);
        parts->disks[i].memory = window(name, &parts->disks[i].bytes);
        uint64_t sector = disk->cdrom ? 2048 : 512;
        if (!parts->disks[i].memory || parts->disks[i].bytes < sector) {
            format(message, sizeof message, "disk: \"%s\" is not aboard, or has not one sector", disk->name);
            return message;
        }
    }
    return NULL;
}

static const char *take_parts(struct machine_parts *parts) {
    uint64_t bytes;
    parts->config = window(VMM_WINDOW_CONFIG, &bytes);
    if (!parts->config || bytes < sizeof *parts->config || parts->config->version != DOMAIN_CONFIG_VERSION)
        return "init gave this VMM no configuration that it understands";
    parts->ram = window(VMM_WINDOW_RAM, &parts->ram_bytes);
    if (!parts->ram)
        return "init gave this VMM no memory for its guest";
    parts->vgabios = window(VMM_WINDOW_VGABIOS, &parts->vgabios_bytes);
    parts->kernel = window(VMM_WINDOW_KERNEL, &parts->kernel_bytes);
    parts->ramdisk = window(VMM_WINDOW_RAMDISK, &parts->ramdisk_bytes);
    if (parts->config->builder == DOMAIN_BUILDER_FIRMWARE && (!parts->vgabios || parts->vgabios_bytes > ROM_BYTES_MAX))
        return "the VGA firmware (vgabios-stdvga.bin) is not aboard";
    if (parts->config->serial_pty)
        parts->console = window(VMM_WINDOW_CONSOLE, &bytes);
    parts->console_kick = startup_capability(startup, VMM_WINDOW_CONSOLE ".kick");
    parts->changed = startup_capability(startup, VMM_CAPABILITY_CHANGED);
    parts->tsc_hz = startup->tsc_hz;
    uint64_t since = now_tsc() - startup->wall_tsc;
    parts->wall_ns = startup->wall_seconds * 1000000000 + ns_of_tsc(since);
    const char *wrong = take_rom(parts);
    if (!wrong)
        wrong = take_vram(parts);
    return wrong ? wrong : take_disks(parts);
}

int server_main(void) {
    static struct machine_parts parts;
    uint64_t bytes;
    struct domain_page *page = window(VMM_WINDOW_PAGE, &bytes);
    if (!page || bytes < sizeof *page) {
        log_line("init gave this VMM no domain page");
        return 2;
    }
    parts.page = machine.page = page;
    machine.changed = startup_capability(startup, VMM_CAPABILITY_CHANGED);
    const char *wrong = take_parts(&parts);
    if (!wrong)
        wrong = machine_init(&machine, &parts);
    for (unsigned i = 0; !wrong && i < machine.vcpu_count; i++)
        wrong = vcpu_start_thread(&machine.vcpus[i]);
    page->vcpus = machine.vcpu_count;
    page->memory_bytes = parts.ram_bytes;
    __atomic_store_n(&page->version, VMM_PROTOCOL_VERSION, __ATOMIC_RELEASE);
    if (wrong) {
        machine.hold |= HOLD_ENDED;
        log_line("%s", wrong);
        machine_set_state(&machine, VMM_FAILED, VMM_REASON_INTERNAL, wrong);
    } else {
        machine_set_state(&machine, VMM_PAUSED, VMM_REASON_NONE, "");
    }
    control_serve(&machine);
}
