// Local APIC of the CPU that runs this, and the machine's I/O APICs (SDM 3A 10; 82093AA).
#pragma once
#include "kernel/list.h"
#include <stdint.h>

void lapic_init_self(void);
uint32_t lapic_id(void);
void lapic_eoi(void);
void lapic_send(uint32_t apic_id, uint32_t vector);
void lapic_send_nmi_all(void);
// Is that of the CPU that runs this in x2APIC mode?
bool lapic_is_x2apic(void);
// Stops a CPU that is not in use: it waits for a start-up IPI.
void lapic_send_init(uint32_t apic_id);
// SDM 3A 9.4.4.1: INIT, 10 ms at a TSC of at most 5 GHz, SIPI; then 200 us, and another SIPI.
void lapic_send_init_sipi(uint32_t apic_id, uint8_t page);
void lapic_send_sipi(uint32_t apic_id, uint8_t page);

// The timer counts down once from `ticks` (0 stops it) at the bus rate divided by 1.
void lapic_timer_start(uint32_t ticks);
uint32_t lapic_timer_now(void);
void lapic_timer_deadline(uint64_t tsc); // TSC-deadline mode, where the host has it
bool lapic_timer_pending(void);          // its interrupt was raised, and not taken yet

void ioapic_add(uint64_t hpa, uint32_t gsi_base);
bool ioapic_has(uint32_t gsi);
void ioapic_route(uint32_t gsi, uint8_t vector, uint32_t apic_id, bool level, bool active_low);
void ioapic_mask(uint32_t gsi, bool masked);
