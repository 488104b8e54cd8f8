// A guest whose virtual CPUs all want to run all the time.
#include "tests/guests/guest.h"

#define LAPIC_ICR     0x300u
#define TO_ALL_OTHERS (3u << 18)
#define INIT          (5u << 8 | 1u << 14)
#define STARTUP       (6u << 8 | 1u << 14)
#define SPIN_PAGE     0x50000u

static void wait_ticks(uint64_t ticks) {
    for (uint64_t start = rdtsc(); rdtsc() - start < ticks;)
        ;
}

void guest_main(void) {
    static const uint8_t jump_to_itself[] = {0xeb, 0xfe};
    serial_init();
    lapic_init();
    for (unsigned i = 0; i < sizeof(jump_to_itself); i++)
        ((volatile uint8_t *)(uintptr_t)SPIN_PAGE)[i] = jump_to_itself[i];
    lapic_set(LAPIC_ICR, TO_ALL_OTHERS | INIT);
    wait_ticks(50000000);
    lapic_set(LAPIC_ICR, TO_ALL_OTHERS | STARTUP | SPIN_PAGE >> 12);
    print("spinning\n");
    for (;;)
        ;
}
