// Processors of Intel whose TSC-deadline timer needs newer microcode than they were sold with. Facts by way of Linux
// (arch/x86/kernel/apic/apic.c), which has them from Intel: the public specification updates name no revisions.
#include "lib/tsc_deadline.h"
#include <stddef.h>

#define STEPPING 0xfu
#define ANY      STEPPING // whatever the stepping
#define THIS     0u

static const struct {
    uint32_t signature, ignored, fixed_by;
} late[] = {
    {0x306c0, ANY, 0x22},       // Haswell
    {0x306f2, THIS, 0x3a},      // Haswell-EP
    {0x306f4, THIS, 0x0f},      // Haswell-EX
    {0x40650, ANY, 0x20},       // Haswell of laptops
    {0x40660, ANY, 0x17},       // Haswell with Iris Pro
    {0x306d0, ANY, 0x25},       // Broadwell
    {0x40670, ANY, 0x17},       // Broadwell with Iris Pro
    {0x406f0, ANY, 0x0b000020}, // Broadwell-EP, -EX
    {0x50662, THIS, 0x11},      // Xeon D-1500
    {0x50663, THIS, 0x0700000e}, {0x50664, THIS, 0x0f00000c},
    {0x50665, THIS, 0x0e000003}, {0x50653, THIS, 0x01000136}, // Skylake-SP
    {0x50654, THIS, 0x02000014}, {0x406e0, ANY, 0xb2},        // Skylake
    {0x506e0, ANY, 0xb2},        {0x806e0, ANY, 0x52},        // Kaby Lake
    {0x906e0, ANY, 0x52},
};

uint32_t tsc_deadline_microcode(uint32_t signature) {
    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++)
        if (late[i].signature == (signature & ~late[i].ignored))
            return late[i].fixed_by;
    return 0;
}
