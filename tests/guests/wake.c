// A guest of two virtual CPUs of which the first starts the second over and over, which counts that and halts.
#include "tests/guests/guest.h"

#define LAPIC_ICR     0x300u
#define TO_ALL_OTHERS (3u << 18)
#define INIT          (5u << 8 | 1u << 14)
#define STARTUP       (6u << 8 | 1u << 14)
#define PAGE          0x50000u
#define COUNTER       0x100u
#define ROUNDS        500u

void guest_main(void) {
    static const uint8_t count_and_halt[] = {0xf0, 0x2e, 0xff, 0x06, COUNTER & 0xff, COUNTER >> 8, // lock inc word cs:
                                             0xfa, 0xf4};                                          // cli; hlt
    volatile uint8_t *page = (volatile uint8_t *)(uintptr_t)PAGE;
    volatile uint16_t *counter = (volatile uint16_t *)(uintptr_t)(PAGE + COUNTER);
    serial_init();
    lapic_init();
    for (unsigned i = 0; i < sizeof(count_and_halt); i++)
        page[i] = count_and_halt[i];
    *counter = 0;
    for (uint16_t round = 0; round < ROUNDS; round++) {
        lapic_set(LAPIC_ICR, TO_ALL_OTHERS | INIT);
        lapic_set(LAPIC_ICR, TO_ALL_OTHERS | STARTUP | PAGE >> 12);
        while (*counter == round)
            ;
    }
    print("woken\n");
    for (;;)
        __asm__ volatile("cli; hlt");
}
