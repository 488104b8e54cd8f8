// What the domain manager and a domain's VMM say to each other: calls through the VMM's control portal, and the domain
// page, which the VMM writes and the domain manager and init read at any time, also after the VMM has ended.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/text_screen.h"

#define VMM_PROTOCOL_VERSION 1u
#define VMM_VCPUS_MAX        4

// ---- What init gives a VMM. Windows; those of a disk, kernel or ramdisk exist where the configuration has one.

#define VMM_WINDOW_RAM     "guest.ram"   // RAM of the domain, writable; 2 MiB aligned, in pages as large as can be had
#define VMM_WINDOW_CONFIG  "config"      // struct domain_config, read-only
#define VMM_WINDOW_PAGE    "domain.page" // struct domain_page, writable
#define VMM_WINDOW_BIOS    "file:bios-256k.bin" // this and the next not with a kernel
#define VMM_WINDOW_VGABIOS "file:vgabios-stdvga.bin"
#define VMM_WINDOW_KERNEL  "kernel"
#define VMM_WINDOW_RAMDISK "ramdisk"
#define VMM_WINDOW_DISK    "disk"    // and the element of domain_config.disks: "disk0" ..; read-only, or a RAM disk
#define VMM_WINDOW_CONSOLE "console" // channel of COM1 (lib/channel.h)
// Capability: a semaphore that the VMM ups when `state` in the domain page has changed.
#define VMM_CAPABILITY_CHANGED "manager.kick"

// ---- Calls. Request: data[0] = enum vmm_operation, then the operation's words. Reply: data[0] = enum vmm_status, then
// the operation's words. Each takes effect before the reply, unless it says otherwise.

enum vmm_operation {
    VMM_PAUSE = 1, // stops all vCPUs and guest time
    VMM_UNPAUSE,
    VMM_POWER_BUTTON, // presses the ACPI power button; what follows is the guest's choice
    VMM_RESET,        // resets the machine as its reset button would
    VMM_DESTROY,      // stops all vCPUs for good; the page says VMM_POWERED_OFF, VMM_REASON_DESTROY
    VMM_SEND_KEYS,    // data[1]: number of events; then struct key_event (lib/keyboard_text.h) one a word
    VMM_SEND_NMI,     // data[1]: vCPU
    VMM_REGISTERS,    // data[1]: vCPU -> reply from data[1]: struct vmm_registers
    VMM_SCREEN,       // brings `screen` in the domain page up to date
};

enum vmm_status {
    VMM_OK = 0,
    VMM_BAD_REQUEST, // no such operation, or a number out of range
    VMM_WRONG_STATE, // the domain is not in a state for it
    VMM_NO_DEVICE,   // no power button with acpi=0
    VMM_UNHEARD,     // the power button was pressed, but the guest does not listen to it
};

#define VMM_KEYS_MAX 254 // key events in one call

// All registers of a vCPU, for people.
struct vmm_registers {
    uint64_t gpr[16]; // in the order of the instruction encoding
    uint64_t rip, rflags, cr0, cr2, cr3, cr4, cr8, efer, apic_base, tsc;
    struct {
        uint16_t selector, attributes;
        uint32_t limit;
        uint64_t base;
    } segment[8], gdtr, idtr; // ES CS SS DS FS GS LDTR TR; attributes as in kernel/abi.h
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, pat;
    uint64_t dr6, dr7, dr[4], xcr0;
    uint64_t halted, online;
    uint64_t irr[4], isr[4]; // bit per vector
    uint8_t code[16];        // at rip, zeros where it cannot be read
};
_Static_assert(sizeof(struct vmm_registers) <= 255 * 8, "registers fit into a message");

// ---- Domain page

enum vmm_state {
    VMM_STARTING, // models are being set up; no vCPU ran yet
    VMM_RUNNING,
    VMM_PAUSED,
    VMM_POWERED_OFF, // final: the guest powered off
    VMM_REBOOTING,   // final: the guest asked for a reset, and the domain manager is to decide what follows
    VMM_CRASHED,     // final
    VMM_FAILED,      // final: the VMM could not start; `message` says what it misses
};

enum vmm_reason {
    VMM_REASON_NONE,
    VMM_REASON_ACPI_S5,      // powered off
    VMM_REASON_DESTROY,      // powered off by the domain manager
    VMM_REASON_RESET,        // rebooting: keyboard controller, port 92h, CF9h
    VMM_REASON_TRIPLE_FAULT, // rebooting
    VMM_REASON_EMULATION,    // crashed: the guest did what no PC could go on after, see `message`
    VMM_REASON_ENTRY,        // crashed: its CPU state could not be entered
    VMM_REASON_INTERNAL,     // crashed or failed: see `message`
};

enum vmm_vcpu_state { VMM_VCPU_OFFLINE, VMM_VCPU_RUNNING, VMM_VCPU_HALTED };

struct domain_vcpu {
    uint64_t run_tsc; // TSC ticks that its thread has run, guest and VMM
    uint64_t exits;
    uint32_t state; // enum vmm_vcpu_state
    uint32_t cpu;   // host CPU
};

#define DOMAIN_LOG_BYTES 8192u

// Written by the VMM only. Words are written whole; `screen` and `log` as their comments say.
struct domain_page {
    uint32_t version; // VMM_PROTOCOL_VERSION, written last at start
    uint32_t state;   // enum vmm_state
    uint32_t reason;  // enum vmm_reason
    uint32_t vcpus;
    uint64_t started_tsc; // host TSC when the vCPUs were first let run
    uint64_t resets;      // resets that the VMM carried out itself
    uint64_t memory_bytes;
    struct domain_vcpu vcpu[VMM_VCPUS_MAX];
    char message[160]; // one line to go with `reason`, terminated
    // The screen as of `screen_updates`: odd while it is being written. Graphics: columns and rows of `screen` are 0.
    uint32_t screen_updates;
    uint32_t graphics_width, graphics_height, graphics_depth;
    struct vga_text_screen screen;
    // What happened, as lines of UTF-8: the byte at position p is at p % DOMAIN_LOG_BYTES.
    uint64_t log_written; // bytes ever written, updated after the bytes
    char log[DOMAIN_LOG_BYTES];
};
#define DOMAIN_PAGE_BYTES 32768u
_Static_assert(sizeof(struct domain_page) <= DOMAIN_PAGE_BYTES, "domain page");
