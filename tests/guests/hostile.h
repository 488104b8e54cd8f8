// The attacks of the hostile guest. Those of hostile_ends.c end or may end the machine, those of hostile_storms.c never
// end by themselves, all others come back.
#pragma once
#include "tests/guests/guest.h"

#define HOLE  0xd0000000ull // of PCI: neither memory nor a device
#define LAPIC 0xfee00000ull

// hostile_devices.c
void attack_ports(void);
void attack_pci(void);
void attack_dma(void);
void attack_fw_cfg(void);
void attack_strings(void);
// hostile_cpu.c
void attack_msrs(void);
void attack_instructions(void);
void attack_jumps(void);
void attack_jumps_apic(void);
void attack_memory(void);
void attack_tables(void);
// hostile_ends.c
void attack_triple(void);
void attack_stack(void);
void attack_root(void);
void attack_idt(void);
void attack_control(void);
void attack_random(void);
void attack_rom(void);
void attack_reset_64(void);
void attack_reset_92(void);
void attack_reset_cf9(void);
void attack_off(void);
// hostile_storms.c
void storm_halt(void);
void storm_debug(void);
void storm_interrupts(void);
void storm_nmi(void);
void storm_starts(void);
void storm_serial(void);
void storm_log(void);
void storm_strings(void);
void storm_vga(void);

static inline uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}
