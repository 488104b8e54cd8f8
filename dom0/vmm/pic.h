// The two cascaded 8259A interrupt controllers of a PC (8259A data sheet 231468; ELCR: PIIX3 2.5.3).
#pragma once
#include "dom0/vmm/device.h"

// Ports of the model. The ELCR ports 4D0h and 4D1h belong to the PIIX3.
#define PIC_MASTER_BASE 0x20u // 2 ports
#define PIC_SLAVE_BASE  0xa0u // 2 ports

struct pic_chip_state {
    uint8_t irr, imr, isr;
    uint8_t lines;  // levels of the inputs
    uint8_t elcr;   // inputs that are level-triggered
    uint8_t lowest; // the input of lowest priority
    uint8_t icw2, icw4;
    uint8_t expects; // 0: none, 2..4: the initialisation word that the next write at A0=1 is
    uint8_t wants_icw4, single;
    uint8_t read_isr, poll, special_mask, rotate_on_aeoi;
};

struct pic_state {
    struct pic_chip_state chips[2]; // master, slave
    uint8_t output;                 // INT of the master
};

struct pic {
    void *machine;
    void (*output_changed)(void *machine, bool level); // INT of the master
    struct pic_state s;
};

void pic_init(struct pic *pic, void *machine, void (*output_changed)(void *machine, bool level));

// State after power-on. Line levels and the ELCR stay.
void pic_reset(struct pic *pic);

// Level of an ISA line, 0..15. Line 2 is the cascade and does nothing.
void pic_line_set(struct pic *pic, unsigned irq, bool level);

// The edge/level control registers: bit per IRQ, set: level-triggered. IRQs 0, 1, 2, 8 and 13 stay edge-triggered.
void pic_elcr_set(struct pic *pic, uint16_t level_triggered);

// True while the master asks the CPU for an interrupt.
bool pic_output(const struct pic *pic);

// The CPU's INTA cycles. Returns the vector, the spurious one of IRQ 7 or 15 when the request is gone.
int pic_acknowledge(struct pic *pic);

uint32_t pic_port_read(void *device, uint16_t port, unsigned bytes);
void pic_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);
