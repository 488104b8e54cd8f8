// A conformance guest that ends by a triple fault, in one mode after the other: an IDT without gates, and UD2. The
// machine is reset each time; a byte of CMOS RAM, which a reset leaves alone, says what came before.
#include "tests/guests/guest.h"

#define CMOS_INDEX 0x70u
#define CMOS_DATA  0x71u
#define CMOS_STEP  0x50u // nobody's
#define STEP_KNOWN 0xa0u

// triple.asm
_Noreturn void triple_long_mode(void), triple_protected_mode(void);

static const struct step {
    const char *name;
    void (*end)(void);
} steps[] = {{"triple-long-mode", triple_long_mode}, {"triple-protected-mode", triple_protected_mode}};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static unsigned step_read(void) {
    outb(CMOS_INDEX, CMOS_STEP);
    uint8_t value = inb(CMOS_DATA);
    return (value & 0xf0) == STEP_KNOWN ? value & 0xfu : 0;
}

static void step_write(unsigned step) {
    outb(CMOS_INDEX, CMOS_STEP);
    outb(CMOS_DATA, (uint8_t)(STEP_KNOWN | step));
}

void guest_main(void) {
    serial_init();
    unsigned step = step_read();
    if (step)
        print("conform %s PASS\n", steps[(step - 1) % STEPS].name);
    if (step < STEPS) {
        step_write(step + 1);
        steps[step].end();
    }
    step_write(0);
    print("conform done\n");
}
