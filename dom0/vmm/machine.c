// Setting up and resetting the machine.
#include "dom0/vmm/machine.h"
#include "dom0/vmm/boot_order.h"
#include "dom0/vmm/chipset_setup.h"
#include "dom0/vmm/cmos_layout.h"
#include "dom0/vmm/firmware_tables.h"
#include "dom0/vmm/mtrr.h"
#include "dom0/vmm/serial_console.h"
#include "dom0/vmm/vector_registers.h"
#include "lib/server.h"
#include "lib/string.h"

#define VGA_DEVFN PCI_DEVFN(2, 0)

static struct firmware_tables tables;
static char boot_order[512];

uint64_t machine_now_ns(void *context) {
    return guest_clock_ns(&((struct machine *)context)->clock, now_tsc());
}

// ---- Holding and releasing

bool machine_all_parked(const struct machine *machine) {
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        if (!machine->vcpus[i].parked)
            return false;
    return true;
}

static void attend_all(struct machine *machine) {
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        vcpu_attend(&machine->vcpus[i], &machine->vcpus[i].attention);
}

void machine_hold(struct machine *machine, unsigned reasons) {
    machine->hold |= reasons;
    attend_all(machine);
}

void machine_release(struct machine *machine, unsigned reasons) {
    machine->hold &= ~reasons;
    if (machine->hold)
        return;
    guest_clock_go(&machine->clock, now_tsc());
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        struct vcpu *vcpu = &machine->vcpus[i];
        vcpu->page->tsc_offset = machine->clock.tsc_offset + vcpu->msr.s.tsc_adjust;
        vcpu->page->dirty |= GROUP_TSC;
    }
    attend_all(machine);
}

void machine_parked(struct machine *machine) {
    if (machine->hold & HOLD_RESET) {
        machine_reset(machine);
        machine_release(machine, HOLD_RESET);
    }
    if (machine->hold) {
        guest_clock_stop(&machine->clock, now_tsc());
        sys_thread_control(machine->main_thread, THREAD_SIGNAL, MAIN_EVENT_PARKED, 0, 0);
    }
}

// ---- Reset

// Starts the kernel of the configuration as firmware would leave the machine to it.
static const char *boot_kernel(struct machine *machine) {
    uint64_t place = (machine->memory.below_4g_bytes - FIRMWARE_PLACE_BYTES) & ~(PAGE_SIZE - 1);
    struct direct_boot *boot = &machine->direct_boot;
    struct vcpu *vcpu = &machine->vcpus[0];
    boot->reserved[0] = (struct direct_boot_reserved){place, machine->memory.below_4g_bytes - place};
    boot->reserved_count = 1;
    boot->rsdp = tables.acpi_bytes ? FIRMWARE_SEGMENT_F : 0;
    chipset_setup(&machine->pci, &machine->piix3);
    machine_map_changed(machine);
    machine_ports_changed(machine);
    vga_set_text_mode(&machine->vga);
    lapic_virtual_wire(&vcpu->lapic);
    for (unsigned i = 0; i < machine->vcpu_count; i++) // MTRRs on, write-back by default, or Linux goes without PAT
        (void)msr_write(&machine->vcpus[i].msr, MSR_MTRR_DEF_TYPE, MTRR_ENABLED_WRITE_BACK);
    // Place only: the guest's memory is written below 4 GiB, where all of it is RAM now.
    if (!firmware_tables_place(&tables, machine->memory.ram + FIRMWARE_SEGMENT_F, machine->memory.ram + place,
                               (uint32_t)place))
        return "the firmware tables cannot be placed";
    const char *wrong = direct_boot_load(boot, &machine->memory);
    if (wrong)
        return wrong;
    direct_boot_registers(boot, vcpu->page);
    return NULL;
}

static const char *reset(struct machine *machine) {
    i440fx_reset(&machine->i440fx);
    piix3_reset(&machine->piix3);
    if (machine->has_pm)
        piix4_pm_reset(&machine->pm);
    ide_reset(&machine->ide);
    vga_reset(&machine->vga);
    pic_reset(&machine->pic);
    pit_reset(&machine->pit);
    rtc_reset(&machine->rtc);
    ioapic_reset(&machine->ioapic);
    i8042_reset(&machine->i8042);
    uart_reset(&machine->uart);
    fw_cfg_reset(&machine->fw_cfg);
    ports_reset(&machine->ports);
    machine_map_changed(machine);
    machine_ports_changed(machine);
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        vcpu_reset(&machine->vcpus[i]);
    machine_apic_access(machine, true);
    return machine->config->builder == DOMAIN_BUILDER_KERNEL ? boot_kernel(machine) : NULL;
}

void machine_reset(struct machine *machine) {
    machine->reset_ns = machine_now_ns(machine);
    const char *wrong = reset(machine);
    if (wrong)
        machine_end(machine, VMM_CRASHED, VMM_REASON_INTERNAL, wrong);
}

// ---- Building

static bool map_for_guest(void *context, const void *host, uint64_t gpa, unsigned order, unsigned rights) {
    struct machine *machine = context;
    uint64_t attributes = DELEGATE_MEMORY | DELEGATE_ORDER(order);
    if (rights)
        attributes |= DELEGATE_READ | DELEGATE_EXECUTE | (rights & GUEST_WRITE ? DELEGATE_WRITE : 0);
    return sys_delegate(SELECTOR_SELF, (uint64_t)(uintptr_t)host, machine->space, gpa, attributes) == OK;
}

static struct cpuid_result host_cpuid(uint32_t leaf, uint32_t subleaf) {
    struct cpuid_result r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

static uint64_t host_xcr0(void) {
    bool osxsave = host_cpuid(1, 0).ecx & 1u << 27;
    return osxsave ? vector_registers_xcr0(NULL) : 0;
}

// A kernel that saves its tasks' registers by an XSAVEC that loses them kills its processes (Bochs): not offered then.
static bool host_xsavec(void) {
    bool avx = (host_xcr0() & 6) == 6 && (host_cpuid(0xd, 1).eax & 2);
    return !avx || vector_registers_xsavec_good();
}

static void init_models(struct machine *machine, const struct machine_parts *parts) {
    const struct device_host *host = &machine->host;
    struct uart_backend serial = {machine, serial_console_transmit, serial_console_writable, serial_console_readable};
    struct vga_settings vga = {parts->vram, parts->vram_bytes, machine_map_changed, machine_map_changed};
    i440fx_init(&machine->i440fx, host, NULL);
    piix3_init(&machine->piix3, host, NULL);
    piix4_pm_init(&machine->pm, host, machine_ports_changed);
    ide_init(&machine->ide, host, machine_ports_changed);
    vga_init(&machine->vga, host, &vga);
    pit_init(&machine->pit, host);
    rtc_init(&machine->rtc, host, (int64_t)(parts->wall_ns / 1000000000) + machine->config->rtc_timeoffset_seconds);
    i8042_init(&machine->i8042, host);
    uart_init(&machine->uart, host, 0x3f8, 4, &serial);
    fw_cfg_init(&machine->fw_cfg, host);
    ports_init(&machine->ports, machine, machine_firmware_line);
    pci_attach(&machine->pci, I440FX_DEVFN, &machine->i440fx.pci);
    pci_attach(&machine->pci, PIIX3_DEVFN, &machine->piix3.pci);
    pci_attach(&machine->pci, IDE_DEVFN, &machine->ide.pci);
    if (machine->has_pm)
        pci_attach(&machine->pci, PIIX4_PM_DEVFN, &machine->pm.pci);
    pci_attach(&machine->pci, VGA_DEVFN, &machine->vga.pci);
}

static void elcr_changed(void *context, uint16_t level_triggered) {
    pic_elcr_set(&((struct machine *)context)->pic, level_triggered);
}

static void init_disks(struct machine *machine, const struct machine_parts *parts, uint64_t sectors[4]) {
    static char serial[DOMAIN_DISKS_MAX][21];
    for (unsigned i = 0; i < DOMAIN_DISKS_MAX && i < machine->config->disk_count; i++) {
        const struct domain_disk *disk = &machine->config->disks[i];
        unsigned slot = disk->slot & 3;
        struct block *block = NULL;
        if (disk->kind == DOMAIN_DISK_NONE)
            continue;
        if (disk->kind != DOMAIN_DISK_EMPTY) {
            block = &machine->blocks[i];
            block_memory_init(block, parts->disks[i].memory, parts->disks[i].bytes, disk->read_only);
        }
        memcpy(serial[i], "BH0000", 7);
        serial[i][5] = (char)('0' + slot);
        ide_attach(&machine->ide, slot / 2, slot % 2, disk->cdrom ? IDE_CDROM : IDE_DISK, block, serial[i]);
        if (!disk->cdrom && block)
            sectors[slot] = block->size / 512;
    }
}

static const char *init_firmware(struct machine *machine, const struct machine_parts *parts,
                                 const uint64_t sectors[4]) {
    const struct domain_config *config = machine->config;
    struct boot_device devices[DOMAIN_DISKS_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < DOMAIN_DISKS_MAX && i < config->disk_count; i++)
        if (config->disks[i].kind != DOMAIN_DISK_NONE)
            devices[count++] = (struct boot_device){config->disks[i].cdrom ? 'd' : 'c', config->disks[i].slot >> 1 & 1,
                                                    config->disks[i].slot & 1};
    struct firmware_machine firmware = {.cpus = machine->vcpu_count,
                                        .memory_below_4g = machine->memory.below_4g_bytes,
                                        .memory_above_4g = guest_memory_above_4g_bytes(&machine->memory),
                                        .acpi = config->acpi,
                                        .apic = config->apic || machine->vcpu_count > 1};
    memcpy(firmware.uuid, config->uuid, sizeof firmware.uuid);
    struct cmos_layout cmos = {.memory_below_4g = firmware.memory_below_4g,
                               .memory_above_4g = firmware.memory_above_4g,
                               .cpus = machine->vcpu_count,
                               .boot_order = boot_order_nibbles(config->boot)};
    memcpy(cmos.disk_sectors, sectors, sizeof cmos.disk_sectors);
    cmos_fill(machine->rtc.s.cmos, &cmos);
    size_t order = boot_order_file(boot_order, sizeof boot_order, config->boot, devices, count);
    bool good = firmware_tables_build(&tables, &firmware) && firmware_tables_publish(&tables, &machine->fw_cfg) &&
                fw_cfg_add_file(&machine->fw_cfg, "bootorder", boot_order, (uint32_t)order);
    if (good && parts->vgabios)
        good = fw_cfg_add_file(&machine->fw_cfg, "vgaroms/vgabios-stdvga.bin", parts->vgabios,
                               (uint32_t)parts->vgabios_bytes);
    return good ? NULL : "the tables for the firmware do not fit";
}

// The host CPU of a vCPU: those of its mask in turn, vCPU 0 where init has put the first thread.
static unsigned choose_cpu(uint64_t mask, unsigned index) {
    unsigned before = (unsigned)__builtin_popcountll(mask & ((1ull << startup->cpu % 64) - 1));
    unsigned nth = mask ? (index + before) % (unsigned)__builtin_popcountll(mask) : 0;
    for (unsigned cpu = 0; cpu < 64; cpu++)
        if ((mask >> cpu & 1) && nth-- == 0)
            return cpu;
    return startup->cpu;
}

static const char *init_vcpus(struct machine *machine, const struct machine_parts *parts) {
    struct cpuid_settings settings = {
        .host = host_cpuid,
        .features = startup->features,
        .host_xcr0 = host_xcr0(),
        .vcpus = machine->vcpu_count,
        .tsc_khz = (uint32_t)(parts->tsc_hz / 1000),
        .x2apic = true,
        .xsavec = host_xsavec(),
    };
    cpuid_init(&machine->cpuid, &settings);
    machine_interrupts_init(machine);
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        unsigned cpu = choose_cpu(machine->config->cpus[i], i);
        const char *wrong = vcpu_init(machine, i, cpu);
        if (wrong)
            return wrong;
        machine->page->vcpu[i].cpu = cpu;
    }
    return NULL;
}

static const char *init_memory(struct machine *machine, const struct machine_parts *parts) {
    struct guest_memory *memory = &machine->memory;
    memory->ram = parts->ram;
    memory->ram_bytes = parts->ram_bytes;
    memory->vram = parts->vram;
    memory->vram_bytes = parts->vram_bytes;
    memory->rom = parts->rom;
    memory->rom_bytes = parts->rom_bytes;
    memory->map = map_for_guest;
    memory->context = machine;
    machine->space = selector_new();
    if (sys_create_space(machine->space, SELECTOR_SELF, SPACE_GUEST_PHYSICAL) != OK)
        return "memory: no kernel memory for the guest's page tables";
    return guest_memory_init(memory) ? NULL : "memory: the guest's memory cannot be mapped";
}

const char *machine_init(struct machine *machine, const struct machine_parts *parts) {
    uint64_t sectors[4] = {0};
    machine->config = parts->config;
    machine->page = parts->page;
    machine->changed = parts->changed;
    machine->vcpu_count = parts->config->vcpus;
    machine->has_pm = parts->config->acpi;
    machine->hold = HOLD_PAUSED;
    machine->main_thread = SELECTOR_THREAD;
    machine->lock.semaphore = selector_new();
    machine->host = (struct device_host){machine,
                                         machine_now_ns,
                                         machine_irq_set,
                                         machine_timer_changed,
                                         machine_memory_read,
                                         machine_memory_write,
                                         machine_reset_wanted,
                                         machine_power_off,
                                         machine_log};
    if (machine->vcpu_count < 1 || machine->vcpu_count > VMM_VCPUS_MAX)
        return "vcpus: must be 1 to 4";
    if (sys_create_semaphore(machine->lock.semaphore, SELECTOR_SELF, 0, NO_SELECTOR, 0) != OK)
        return "no kernel memory for the machine's lock";
    guest_clock_init(&machine->clock, parts->tsc_hz, now_tsc(), parts->wall_ns);
    if (parts->console) {
        channel_open(&machine->console, parts->console, parts->console_kick);
        machine->console_open = true;
    }
    machine->direct_boot = (struct direct_boot){.kernel = parts->kernel,
                                                .ramdisk = parts->ramdisk,
                                                .kernel_bytes = parts->kernel_bytes,
                                                .ramdisk_bytes = parts->ramdisk_bytes,
                                                .command_line = parts->config->command_line};
    const char *wrong = init_memory(machine, parts);
    if (!wrong)
        wrong = init_vcpus(machine, parts);
    if (wrong)
        return wrong;
    init_models(machine, parts);
    init_disks(machine, parts, sectors);
    wrong = init_firmware(machine, parts, sectors);
    if (wrong)
        return wrong;
    machine_ports_init(machine);
    machine->i440fx.memory_map_changed = machine_map_changed;
    machine->piix3.elcr_changed = elcr_changed;
    return reset(machine);
}
