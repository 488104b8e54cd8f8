// Dual 8259A: requests, priorities, command words, polling. The word and bit names are those of the data sheet.
#include "dom0/vmm/pic.h"
#include "dom0/vmm/isa_bytes.h"
#include "lib/string.h"

#define CASCADE         2u
#define ALWAYS_EDGE     0x2107u // IRQ 0, 1, 2, 8, 13: PIIX3 2.5.3
#define NONE            8u
#define ICW1_INITIALISE 0x10
#define ICW1_SNGL       0x02
#define ICW1_IC4        0x01
#define ICW4_AEOI       0x02
#define ICW4_SFNM       0x10
#define OCW3            0x08
#define OCW3_ESMM       0x40
#define OCW3_SMM        0x20
#define OCW3_POLL       0x04
#define OCW3_READ       0x02
#define OCW3_READ_ISR   0x01
#define POLL_INTERRUPT  0x80
#define MASTER(pic)     (&(pic)->s.chips[0])
#define SLAVE(pic)      (&(pic)->s.chips[1])

// The input of highest priority among `inputs`, or NONE.
static unsigned highest(const struct pic_chip_state *chip, uint8_t inputs) {
    for (unsigned i = 1; i <= 8; i++)
        if (inputs >> ((chip->lowest + i) & 7) & 1)
            return (chip->lowest + i) & 7;
    return NONE;
}

static unsigned rank(const struct pic_chip_state *chip, unsigned input) {
    return (input - chip->lowest - 1) & 7;
}

// The request that the chip presents, or NONE: unmasked, and of higher priority than what is in service. In special
// mask mode a masked input in service holds nothing back; with a special fully nested master, the slave's input in
// service does not hold back the slave's further requests.
static unsigned request(const struct pic_chip_state *chip, bool master) {
    unsigned input = highest(chip, (uint8_t)(chip->irr & ~chip->imr));
    if (input == NONE)
        return NONE;
    uint8_t in_service = chip->isr;
    if (chip->special_mask)
        in_service &= (uint8_t)~chip->imr;
    if (master && chip->icw4 & ICW4_SFNM)
        in_service &= (uint8_t) ~(1u << CASCADE);
    unsigned serving = highest(chip, in_service);
    return serving == NONE || rank(chip, input) < rank(chip, serving) ? input : NONE;
}

// Carries the slave's output to the master and the master's to the machine.
static void update(struct pic *pic) {
    struct pic_chip_state *master = MASTER(pic);
    uint8_t cascade = 1u << CASCADE;
    bool slave_output = !SLAVE(pic)->single && request(SLAVE(pic), false) != NONE;
    master->irr = (uint8_t)(slave_output ? master->irr | cascade : master->irr & ~cascade);
    bool output = request(master, true) != NONE;
    if (output == (pic->s.output != 0))
        return;
    pic->s.output = output;
    pic->output_changed(pic->machine, output);
}

static void chip_reset(struct pic_chip_state *chip) {
    uint8_t lines = chip->lines, elcr = chip->elcr;
    memset(chip, 0, sizeof *chip);
    chip->lines = lines;
    chip->elcr = elcr;
    chip->irr = lines & elcr;
    chip->lowest = 7;
}

void pic_reset(struct pic *pic) {
    for (unsigned i = 0; i < 2; i++) {
        chip_reset(&pic->s.chips[i]);
        pic->s.chips[i].imr = 0xff; // undefined in hardware; firmware must not be interrupted before it initialises
    }
    update(pic);
}

void pic_init(struct pic *pic, void *machine, void (*output_changed)(void *machine, bool level)) {
    memset(pic, 0, sizeof *pic);
    pic->machine = machine;
    pic->output_changed = output_changed;
    pic_reset(pic);
}

// --- Requests and acknowledgement ------------------------------------------------------------------------------------

void pic_line_set(struct pic *pic, unsigned irq, bool level) {
    if (irq > 15 || irq == CASCADE)
        return;
    struct pic_chip_state *chip = &pic->s.chips[irq / 8];
    uint8_t bit = (uint8_t)(1u << (irq & 7));
    bool was = chip->lines & bit;
    chip->lines = (uint8_t)(level ? chip->lines | bit : chip->lines & ~bit);
    if (chip->elcr & bit)
        chip->irr = (uint8_t)(level ? chip->irr | bit : chip->irr & ~bit);
    else if (level && !was)
        chip->irr |= bit; // a latched edge stays requested, so that a late acknowledgement loses no tick
    update(pic);
}

void pic_elcr_set(struct pic *pic, uint16_t level_triggered) {
    level_triggered &= (uint16_t)~ALWAYS_EDGE;
    for (unsigned i = 0; i < 2; i++) {
        struct pic_chip_state *chip = &pic->s.chips[i];
        chip->elcr = (uint8_t)(level_triggered >> (8 * i));
        chip->irr = (uint8_t)((chip->irr & ~chip->elcr) | (chip->lines & chip->elcr));
    }
    update(pic);
}

bool pic_output(const struct pic *pic) {
    return pic->s.output != 0;
}

// One chip's part of INTA, or of a poll: returns the input, NONE if there was no request.
static unsigned chip_acknowledge(struct pic_chip_state *chip, bool master) {
    unsigned input = request(chip, master);
    if (input == NONE)
        return NONE;
    uint8_t bit = (uint8_t)(1u << input);
    if (!(chip->elcr & bit))
        chip->irr &= (uint8_t)~bit;
    if (!(chip->icw4 & ICW4_AEOI))
        chip->isr |= bit;
    else if (chip->rotate_on_aeoi)
        chip->lowest = (uint8_t)input;
    return input;
}

int pic_acknowledge(struct pic *pic) {
    unsigned input = chip_acknowledge(MASTER(pic), true);
    struct pic_chip_state *chip = MASTER(pic);
    if (input == CASCADE) {
        chip = SLAVE(pic);
        input = chip_acknowledge(chip, false);
    }
    if (input == NONE)
        input = 7;
    update(pic);
    return chip->icw2 | (int)input;
}

// --- Command words ---------------------------------------------------------------------------------------------------

static void write_icw1(struct pic_chip_state *chip, uint8_t value) {
    chip_reset(chip);
    chip->expects = 2;
    chip->wants_icw4 = value & ICW1_IC4;
    chip->single = (value & ICW1_SNGL) != 0;
}

// Nonspecific commands act on the input in service that has the highest priority; with special mask mode, of those that
// are not masked.
static void write_ocw2(struct pic_chip_state *chip, uint8_t value) {
    uint8_t serving = (uint8_t)(chip->special_mask ? chip->isr & ~chip->imr : chip->isr);
    unsigned input = value & 0x40 ? value & 7u : highest(chip, serving);
    switch (value >> 5) {
    case 0: // rotate in automatic EOI mode: clear
    case 4: // and set
        chip->rotate_on_aeoi = value >> 7;
        return;
    case 1: // nonspecific EOI
    case 3: // specific EOI
    case 5: // rotate on nonspecific EOI
    case 7: // rotate on specific EOI
        if (input == NONE)
            return;
        chip->isr &= (uint8_t) ~(1u << input);
        if (value & 0x80)
            chip->lowest = (uint8_t)input;
        return;
    case 6: // set priority
        chip->lowest = value & 7;
        return;
    default: // no operation
        return;
    }
}

static void write_ocw3(struct pic_chip_state *chip, uint8_t value) {
    if (value & OCW3_ESMM)
        chip->special_mask = (value & OCW3_SMM) != 0;
    chip->poll = (value & OCW3_POLL) != 0;
    if (value & OCW3_READ && !chip->poll)
        chip->read_isr = value & OCW3_READ_ISR;
}

// A write at A0=1: the next initialisation word, or OCW1.
static void write_data(struct pic_chip_state *chip, uint8_t value) {
    switch (chip->expects) {
    case 2:
        chip->icw2 = value & 0xf8;
        chip->expects = !chip->single ? 3 : chip->wants_icw4 ? 4 : 0;
        return;
    case 3: // the cascade is wired: ICW3 changes nothing
        chip->expects = chip->wants_icw4 ? 4 : 0;
        return;
    case 4:
        chip->icw4 = value;
        chip->expects = 0;
        return;
    default:
        chip->imr = value;
    }
}

static struct pic_chip_state *chip_at(struct pic *pic, uint16_t port) {
    switch (port & ~1u) {
    case PIC_MASTER_BASE:
        return MASTER(pic);
    case PIC_SLAVE_BASE:
        return SLAVE(pic);
    default:
        return NULL;
    }
}

static void write_byte(void *device, uint16_t port, uint8_t value) {
    struct pic *pic = device;
    struct pic_chip_state *chip = chip_at(pic, port);
    if (!chip)
        return;
    if (port & 1)
        write_data(chip, value);
    else if (value & ICW1_INITIALISE)
        write_icw1(chip, value);
    else if (value & OCW3)
        write_ocw3(chip, value);
    else
        write_ocw2(chip, value);
    update(pic);
}

// The read that follows a poll command is its acknowledgement.
static uint8_t poll(struct pic *pic, struct pic_chip_state *chip) {
    chip->poll = 0;
    unsigned input = chip_acknowledge(chip, chip == MASTER(pic));
    update(pic);
    return input == NONE ? 0 : (uint8_t)(POLL_INTERRUPT | input);
}

static uint8_t read_byte(void *device, uint16_t port) {
    struct pic *pic = device;
    struct pic_chip_state *chip = chip_at(pic, port);
    if (!chip)
        return 0xff;
    if (chip->poll)
        return poll(pic, chip);
    if (port & 1)
        return chip->imr;
    return chip->read_isr ? chip->isr : chip->irr;
}

uint32_t pic_port_read(void *device, uint16_t port, unsigned bytes) {
    return isa_read_bytes(read_byte, device, port, bytes);
}

void pic_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    isa_write_bytes(write_byte, device, port, bytes, value);
}
