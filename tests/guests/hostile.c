// The hostile guest: it does all that a guest should not, one attack at a time, chosen by its name typed on the serial
// line. It prints "hostile ready" at start, "NAME begins", and "NAME ends" if there is anything left of it.
#include "tests/guests/hostile.h"

#define LINE_BYTES 32u

static const struct {
    const char *name;
    void (*run)(void);
} attacks[] = {
    {"ports", attack_ports},
    {"pci", attack_pci},
    {"dma", attack_dma},
    {"fw_cfg", attack_fw_cfg},
    {"strings", attack_strings},
    {"msrs", attack_msrs},
    {"instructions", attack_instructions},
    {"jumps", attack_jumps},
    {"jumps-apic", attack_jumps_apic},
    {"memory", attack_memory},
    {"tables", attack_tables},
    {"triple", attack_triple},
    {"stack", attack_stack},
    {"root", attack_root},
    {"idt", attack_idt},
    {"control", attack_control},
    {"random", attack_random},
    {"rom", attack_rom},
    {"reset-64", attack_reset_64},
    {"reset-92", attack_reset_92},
    {"reset-cf9", attack_reset_cf9},
    {"off", attack_off},
    {"storm-halt", storm_halt},
    {"storm-debug", storm_debug},
    {"storm-interrupts", storm_interrupts},
    {"storm-nmi", storm_nmi},
    {"storm-starts", storm_starts},
    {"storm-serial", storm_serial},
    {"storm-log", storm_log},
    {"storm-strings", storm_strings},
    {"storm-vga", storm_vga},
};

static bool equal(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void read_line(char line[LINE_BYTES]) {
    unsigned length = 0;
    for (char byte = 0; byte != '\r' && byte != '\n';) {
        while (!serial_read(&byte))
            __asm__ volatile("pause");
        if (byte > ' ' && length < LINE_BYTES - 1)
            line[length++] = byte;
    }
    line[length] = 0;
}

static void run(const char *name) {
    for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        if (!equal(name, attacks[i].name))
            continue;
        print("%s begins\n", name);
        attacks[i].run();
        serial_init(); // which the attack may have changed
        interrupts_init();
        lapic_init();
        print("\n%s ends\n", name);
        return;
    }
    print("no attack %s\n", name);
}

void guest_main(void) {
    char line[LINE_BYTES];
    serial_init();
    interrupts_init();
    lapic_init();
    print("hostile ready\n");
    for (;;) {
        read_line(line);
        if (line[0])
            run(line);
    }
}
