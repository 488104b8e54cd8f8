// Instructions that a hostile guest may have emulated: any bytes, any registers, any mode. The emulator must stay
// within its machine, and end.
#include "../unit/emulate_machine.h"

static uint64_t take(const uint8_t **data, size_t *size, size_t bytes) {
    uint64_t value = 0;
    size_t now = *size < bytes ? *size : bytes;
    memcpy(&value, *data, now);
    *data += now;
    *size -= now;
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct emulate_machine m;
    static const uint64_t places[] = {EMULATE_DATA, EMULATE_DEVICE,         EMULATE_ROM,    0xffffffff,
                                      UINT64_MAX,   EMULATE_DEVICE + 0xffc, 0x800000000000, 0x200000};
    uint64_t choice = take(&data, &size, 8);
    emulate_machine_init(&m, choice & 3 ? (choice & 3) == 1 ? 32 : 16 : 64);
    m.cpu.cpl = choice & 4 ? 3 : 0;
    m.e.gpa_known = choice & 8;
    m.e.gpa = EMULATE_DEVICE + (choice >> 48 & 0xfff);
    m.cpu.rflags = (choice >> 16 & 0x44dd5) | 2;
    for (unsigned i = 0; i < 16; i++)
        m.cpu.gpr[i] = places[choice >> (i % 8 * 8) & 7] + (take(&data, &size, 1) & 0x7f);
    if (choice & 16)
        m.cpu.gpr[RCX] = take(&data, &size, 3);
    if (choice & 32)
        m.cpu.segment[choice >> 56 & 7].limit = (uint32_t)take(&data, &size, 4);
    if (choice & 64)
        m.cpu.rip = 0x1ff8;
    if (choice & 128)
        m.cpu.cr0 |= choice >> 40 & (CR0_EM | CR0_TS | CR0_WP);
    m.xcr0 = choice >> 44 & 1 ? 3 : 7;
    // A TSS whose map, if it has one, lies about the data.
    m.cpu.segment[SEGMENT_TR] =
        (struct vcpu_segment){0x28, 0x8b, choice >> 45 & 1 ? 0x2067 : 0x66, EMULATE_DATA - 0x80};
    for (unsigned page = 0; page < 16; page++) // some pages are the device's, some missing, a table is the device's
        if (choice >> 20 & choice >> (page % 8 * 8) & 1)
            m.ram[0xd000 + page * 8 + 2] = 0x10;
    if (choice >> 46 & 1)
        memcpy(m.ram + 0xc008, "\x07\x00\x10", 3);
    memcpy(m.ram + m.cpu.rip, data, size < 64 ? size : 64);
    for (unsigned i = 0; i < 4; i++)
        (void)emulate_instruction(&m.e);
    return 0;
}
