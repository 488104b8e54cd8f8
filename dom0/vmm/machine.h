// The virtual machine: owner of all device models, of their wiring, and of the vCPUs.
// machine.c sets up and resets, machine_ports.c and machine_memory.c lead accesses to the models, machine_interrupts.c
// wires interrupts, vcpu.c runs the vCPUs, exits*.c serve their exits, control.c serves the domain manager and the
// console.
//
// One lock guards everything here. A vCPU's thread holds it whenever it is not in the guest or asleep; the main thread
// takes it for each call that it serves.
#pragma once
#include "dom0/domain/domain_config.h"
#include "dom0/vmm/block.h"
#include "dom0/vmm/cpuid.h"
#include "dom0/vmm/device.h"
#include "dom0/vmm/direct_boot.h"
#include "dom0/vmm/emulate.h"
#include "dom0/vmm/exception.h"
#include "dom0/vmm/fw_cfg.h"
#include "dom0/vmm/guest_clock.h"
#include "dom0/vmm/guest_memory.h"
#include "dom0/vmm/i440fx.h"
#include "dom0/vmm/i8042.h"
#include "dom0/vmm/ide.h"
#include "dom0/vmm/ioapic.h"
#include "dom0/vmm/lapic.h"
#include "dom0/vmm/machine_lock.h"
#include "dom0/vmm/msr.h"
#include "dom0/vmm/pci.h"
#include "dom0/vmm/pic.h"
#include "dom0/vmm/piix3.h"
#include "dom0/vmm/piix4_pm.h"
#include "dom0/vmm/pit.h"
#include "dom0/vmm/ports.h"
#include "dom0/vmm/rtc.h"
#include "dom0/vmm/uart.h"
#include "dom0/vmm/vga.h"
#include "kernel/abi.h"
#include "lib/channel.h"
#include "lib/keyboard_text.h"
#include "lib/protocol_vmm.h"

// Event bits of a vCPU's thread
#define VCPU_EVENT_ATTENTION 1ull // vcpu->attention was set
// Event bits of the main thread
#define MAIN_EVENT_PARKED (1ull << 32) // all vCPUs have stopped because of machine->hold

// Why vCPUs do not run. Bits of machine->hold.
#define HOLD_PAUSED 1u
#define HOLD_RESET  2u // until all have stopped; then the machine is reset
#define HOLD_ENDED  4u

// Lines that a guest can cause at once, of the VMM's and of its firmware's; then five a second.
#define MACHINE_LOG_BURST      20u
#define MACHINE_FIRMWARE_BURST 150u

struct machine_log_limit {
    uint64_t refill_ns; // guest time up to which lines were given back
    unsigned used, lost;
};

enum vcpu_mode { VCPU_MODE_RUN, VCPU_MODE_WAIT_SIPI };

struct vcpu {
    struct machine *machine;
    unsigned index; // also its APIC id
    unsigned cpu;   // of the host
    uint64_t selector, thread;
    struct message_buffer *message;
    struct vcpu_page *page;
    volatile uint32_t *apic_page;
    struct lapic lapic;
    struct msr msr;
    struct msr_host msr_host;
    struct emulate emulate;
    struct emulate_host emulate_host;

    enum vcpu_mode mode;
    bool attention; // something below, or machine->hold, is to be looked at before the next run
    bool parked;
    bool init_pending, startup_pending;
    uint8_t startup_vector;
    bool timers_changed; // page->deadline_tsc is to be computed anew
    uint32_t clock_version;
};

struct machine {
    struct machine_lock lock;
    struct vcpu *current; // whose thread holds the lock; null: the main thread
    struct vcpu vcpus[VMM_VCPUS_MAX];
    struct lapic *lapics[VMM_VCPUS_MAX];
    unsigned vcpu_count;
    unsigned hold;        // HOLD_*
    uint64_t main_thread; // selector

    const struct domain_config *config;
    struct guest_memory memory;
    uint64_t space; // selector of the guest-physical space
    struct guest_clock clock;
    struct cpuid cpuid;

    struct device_host host;
    struct lapic_host lapic_host;
    struct pci_bus pci;
    struct i440fx i440fx;
    struct piix3 piix3;
    struct piix4_pm pm;
    struct ide ide;
    struct vga vga;
    struct pic pic;
    struct pit pit;
    struct rtc rtc;
    struct ioapic ioapic;
    struct i8042 i8042;
    struct uart uart;
    struct fw_cfg fw_cfg;
    struct ports ports;
    struct block blocks[DOMAIN_DISKS_MAX];
    uint64_t board_deadline_ns; // of the first of the board's timers
    bool board_changed;         // it is to be computed anew
    bool has_pm;
    bool apic_access; // the page of the local APICs is there

    struct channel console;
    bool console_open;
    struct direct_boot direct_boot; // used with DOMAIN_BUILDER_KERNEL

    struct domain_page *page;
    uint64_t changed;     // semaphore, NO_SELECTOR: none
    uint64_t reset_ns;    // guest time of the last reset
    unsigned short_lives; // resets in a row that came soon after the one before
    struct machine_log_limit log_limit, firmware_limit;
};

// ---- machine.c

struct machine_parts {
    const struct domain_config *config;
    struct domain_page *page;
    uint8_t *ram, *vram, *rom;
    uint64_t ram_bytes;
    uint32_t vram_bytes, rom_bytes;
    const void *vgabios, *kernel, *ramdisk;
    uint64_t vgabios_bytes, kernel_bytes, ramdisk_bytes;
    struct {
        void *memory;
        uint64_t bytes;
    } disks[DOMAIN_DISKS_MAX];
    void *console; // channel window
    uint64_t console_kick, changed;
    uint64_t tsc_hz, wall_ns;
};

// Builds the machine, its vCPUs included, in the state of power-on. Null, or what is wrong, as one line.
const char *machine_init(struct machine *machine, const struct machine_parts *parts);

// Everything as after the reset button. All vCPUs are parked, or have not started.
void machine_reset(struct machine *machine);

// Sets or clears reasons to stop; vCPUs follow as soon as they see it.
void machine_hold(struct machine *machine, unsigned reasons);
void machine_release(struct machine *machine, unsigned reasons);
bool machine_all_parked(const struct machine *machine);

// By the last vCPU that parks.
void machine_parked(struct machine *machine);

uint64_t machine_now_ns(void *machine);
bool machine_memory_read(void *machine, uint64_t gpa, void *to, size_t bytes);
bool machine_memory_write(void *machine, uint64_t gpa, const void *from, size_t bytes);

// ---- machine_report.c

void machine_log(void *machine, const char *message, ...) __attribute__((format(printf, 2, 3)));
void machine_firmware_line(void *machine, const char *line); // of its debug console; to the domain page only
void machine_set_state(struct machine *machine, enum vmm_state state, enum vmm_reason reason, const char *message);
// The machine has come to its end: it is held for good.
void machine_end(struct machine *machine, enum vmm_state state, enum vmm_reason reason, const char *message);
void machine_crash(struct machine *machine, const char *message, ...) __attribute__((format(printf, 2, 3)));
void machine_power_off(void *machine);
// The guest asked for a reset: done, or left to the domain manager, as the configuration says.
void machine_reset_wanted(void *machine);
void machine_triple_fault(struct machine *machine);
void machine_update_screen(struct machine *machine);

// ---- machine_ports.c

void machine_ports_init(struct machine *machine);
void machine_ports_changed(void *machine); // ranges that the guest can move
uint32_t machine_port_read(struct machine *machine, uint16_t port, unsigned bytes);
void machine_port_write(struct machine *machine, uint16_t port, unsigned bytes, uint32_t value);
void machine_port_read_string(void *vcpu, uint16_t port, unsigned width, void *to, size_t count);
void machine_port_write_string(void *vcpu, uint16_t port, unsigned width, const void *from, size_t count);

// ---- machine_memory.c

void *machine_memory_pointer(void *vcpu, uint64_t gpa, size_t bytes, bool write);
uint64_t machine_mmio_read(void *vcpu, uint64_t gpa, unsigned bytes);
void machine_mmio_write(void *vcpu, uint64_t gpa, unsigned bytes, uint64_t value);
void machine_map_changed(void *machine); // PAM, SMRAM, the VGA's window and BARs
void machine_apic_access(struct machine *machine, bool mapped);

// ---- machine_interrupts.c

void machine_irq_set(void *machine, unsigned line, bool level);
void machine_interrupts_init(struct machine *machine);
void machine_extint_update(struct machine *machine); // what lets ExtINT through may have changed
void machine_timer_changed(void *machine);
// Delivers what has become due, and computes the vCPU's next deadline.
void machine_expire(struct vcpu *vcpu);
void machine_set_deadline(struct vcpu *vcpu);

// ---- vcpu.c

// Creates vCPU and thread; it parks until machine->hold allows it to run. Null or what is wrong.
const char *vcpu_init(struct machine *machine, unsigned index, unsigned cpu);
const char *vcpu_start_thread(struct vcpu *vcpu);
void vcpu_reset(struct vcpu *vcpu);              // state after power-on or RESET
void vcpu_attend(struct vcpu *vcpu, bool *flag); // sets a flag and makes the vCPU look at it
bool vcpu_need(void *vcpu, uint32_t groups);
void vcpu_inject(struct vcpu *vcpu, uint64_t event);
void vcpu_request(struct vcpu *vcpu, uint32_t request, bool level); // VCPU_REQUEST_*

// ---- exits.c

void vcpu_exit(struct vcpu *vcpu);
// Ends an instruction that was done here.
void vcpu_skip(struct vcpu *vcpu, unsigned length);
// Finishes what emulation gave: injects faults, single steps, reports what cannot be done.
void vcpu_emulated(struct vcpu *vcpu, enum emulate_result result);
// Finds the length of the instruction that exited; false: an exception was injected instead.
bool vcpu_length(struct vcpu *vcpu, const uint8_t *opcode, unsigned bytes, unsigned *length);
void exit_msr_read(struct vcpu *vcpu);
void exit_msr_write(struct vcpu *vcpu);
void exit_control_register(struct vcpu *vcpu);
void exit_xsetbv(struct vcpu *vcpu);
void exit_task_switch(struct vcpu *vcpu);

static inline uint64_t exception(unsigned vector) {
    return EVENT_VALID | EVENT_EXCEPTION | vector;
}
static inline uint64_t exception_with_error(unsigned vector, uint32_t error) {
    return EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_VALID | vector | EVENT_ERROR(error);
}
