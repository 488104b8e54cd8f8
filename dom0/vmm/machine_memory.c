// Guest-physical addresses that are not plain memory: local APIC, I/O APIC, VGA; and what moves there.
#include "dom0/vmm/machine.h"

// Where memory-mapped registers of a device lie now.
struct mmio_region {
    uint64_t base, bytes;
    void *device;
    device_memory_read *read;
    device_memory_write *write;
};

// Finds whose registers are at gpa; the local APIC first, which is the most frequent. False: nobody's.
static bool find(struct vcpu *vcpu, uint64_t gpa, struct mmio_region *out) {
    struct machine *machine = vcpu->machine;
    if (gpa - lapic_base(&vcpu->lapic) < LAPIC_BYTES && lapic_enabled(&vcpu->lapic))
        *out = (struct mmio_region){lapic_base(&vcpu->lapic), LAPIC_BYTES, &vcpu->lapic, lapic_memory_read,
                                    lapic_memory_write};
    else if (gpa - VGA_WINDOW_GPA < VGA_WINDOW_BYTES)
        *out = (struct mmio_region){VGA_WINDOW_GPA, VGA_WINDOW_BYTES, &machine->vga, vga_memory_read, vga_memory_write};
    else if (gpa - IOAPIC_BASE < IOAPIC_BYTES)
        *out =
            (struct mmio_region){IOAPIC_BASE, IOAPIC_BYTES, &machine->ioapic, ioapic_memory_read, ioapic_memory_write};
    else if (vga_mmio_base(&machine->vga) && gpa - vga_mmio_base(&machine->vga) < VGA_MMIO_BYTES)
        *out = (struct mmio_region){vga_mmio_base(&machine->vga), VGA_MMIO_BYTES, &machine->vga, vga_mmio_read,
                                    vga_mmio_write};
    else
        return false;
    return true;
}

void *machine_memory_pointer(void *context, uint64_t gpa, size_t bytes, bool write) {
    return guest_memory_pointer(&((struct vcpu *)context)->machine->memory, gpa, bytes, write);
}

uint64_t machine_mmio_read(void *context, uint64_t gpa, unsigned bytes) {
    struct vcpu *vcpu = context;
    struct mmio_region region;
    // Memory that is read-only for the guest comes here as the first half of a read-modify-write.
    uint64_t value = UINT64_MAX;
    if (guest_memory_read(&vcpu->machine->memory, gpa, &value, bytes))
        return value;
    if (!find(vcpu, gpa, &region) || gpa - region.base > region.bytes - bytes)
        return UINT64_MAX;
    return region.read(region.device, gpa - region.base, bytes);
}

void machine_mmio_write(void *context, uint64_t gpa, unsigned bytes, uint64_t value) {
    struct vcpu *vcpu = context;
    struct mmio_region region;
    if (!find(vcpu, gpa, &region) || gpa - region.base > region.bytes - bytes)
        return;
    region.write(region.device, gpa - region.base, bytes, value);
    if (region.device == &vcpu->machine->ioapic)
        machine_extint_update(vcpu->machine);
}

bool machine_memory_read(void *context, uint64_t gpa, void *to, size_t bytes) {
    return guest_memory_read(&((struct machine *)context)->memory, gpa, to, bytes);
}

bool machine_memory_write(void *context, uint64_t gpa, const void *from, size_t bytes) {
    return guest_memory_write(&((struct machine *)context)->memory, gpa, from, bytes);
}

// The page in which the processor, where it can, sees that a vCPU means its local APIC. As it is one for all vCPUs, it
// stays away until the next reset once one of them has its APIC elsewhere, in x2APIC mode, or off: the others' accesses
// come as exits then.
static uint8_t apic_access[PAGE_SIZE] __attribute__((aligned(4096)));

void machine_apic_access(struct machine *machine, bool mapped) {
    if (machine->apic_access == mapped || !(machine->vcpus[0].page->features & VCPU_FEATURE_APIC_ACCESS))
        return;
    bool done = machine->memory.map(machine, apic_access, LAPIC_BASE, 0, mapped ? GUEST_READ | GUEST_WRITE : 0);
    machine->apic_access = mapped && done;
}

// PAM regions as masks of 16 KiB segments.
static bool apply_pam(struct machine *machine) {
    uint16_t reads = 0, writes = 0;
    for (unsigned i = 0; i < I440FX_PAM_REGIONS; i++) {
        struct i440fx_pam_region region = i440fx_pam_region(&machine->i440fx, i);
        for (uint32_t at = region.start; at < region.start + region.bytes; at += 0x4000) {
            uint16_t bit = (uint16_t)(1u << (at - 0xc0000) / 0x4000);
            reads |= region.read_ram ? bit : 0;
            writes |= region.write_ram ? bit : 0;
        }
    }
    return guest_memory_set_pam(&machine->memory, reads, writes);
}

void machine_map_changed(void *context) {
    struct machine *machine = context;
    struct vga_window window;
    vga_window(&machine->vga, &window);
    bool good = apply_pam(machine) &&
                guest_memory_set_vga_window(&machine->memory, window.offset, window.bytes, window.vram_offset,
                                            i440fx_smram_open(&machine->i440fx)) &&
                guest_memory_set_framebuffer(&machine->memory, vga_framebuffer_base(&machine->vga));
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        emulate_map_changed(&machine->vcpus[i].emulate);
    if (!good)
        machine_crash(machine, "guest memory cannot be mapped: kernel memory is used up");
}
