// Does a virtual CPU find another's values in its registers? Of two domains that share a CPU, one is told `w` on its
// serial line and fills every register that XRSTOR reaches, the debug registers and the x87's pointers with a pattern;
// the other is told `r`, writes none of them, and looks for the pattern. It says "leak none" or where it found one.
#include "tests/guests/guest.h"

#define PATTERN     0x5a5a5a5a5a5a5a5aull
#define CR4_OSXSAVE (1ull << 18)
#define COMPONENTS  20u // of XCR0
#define AREA_WORDS  512u
#define LEGACY      64u // words of the legacy region; the header behind it has 8
#define LOOKS       16u
#define LOOK_TICKS  20000000u    // some turns on the CPU lie between two looks
#define OPERAND     0x15a5000ull // of the x87's last instruction

static uint64_t area[AREA_WORDS] __attribute__((aligned(64))), xcr0;

static void xsetbv(uint64_t value) {
    __asm__ volatile("xsetbv" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0));
}

// As much as XSETBV takes: what CPUID hides may be there all the same.
static void enable_all(void) {
    static const uint64_t together[] = {2, 4, 0x18, 0xe0, 0x60000};
    xcr0 = 1;
    for (unsigned i = 0; i < sizeof(together) / sizeof(together[0]); i++)
        xcr0 |= survives(xsetbv, xcr0 | together[i]) ? together[i] : 0;
    for (unsigned i = 8; i < COMPONENTS; i++)
        xcr0 |= survives(xsetbv, xcr0 | 1ull << i) ? 1ull << i : 0;
    (void)survives(xsetbv, xcr0);
    uint32_t eax = 1, ecx;
    __asm__ volatile("cpuid" : "+a"(eax), "=c"(ecx) : : "ebx", "edx");
    print("leak XCR0 %llx, CPUID 1 ECX %x\n", (unsigned long long)xcr0, ecx);
}

static void restore(uint64_t components) {
    __asm__ volatile("xrstor64 %0"
                     :
                     : "m"(area), "a"((uint32_t)components), "d"((uint32_t)(components >> 32))
                     : "memory");
}

// MXCSR and the bounds' configuration would fault.
static void fill(void) {
    for (unsigned i = 0; i < AREA_WORDS; i++)
        area[i] = PATTERN;
    area[0] = 0x37f;
    area[3] = 0x1f80;
    for (unsigned i = 0; i < 8; i++)
        area[LEGACY + i] = 0;
    area[LEGACY] = xcr0 & ~0x10ull;
    restore(~0ull);
    __asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"(PATTERN));
    __asm__ volatile("fnclex; ffree %%st(7); fildl (%0)" : : "r"(OPERAND) : "memory");
}

static bool found;

static void look(const char *what, unsigned place, uint64_t value) {
    if (found || ((uint32_t)value != (uint32_t)PATTERN && value >> 32 != (uint32_t)PATTERN))
        return;
    found = true;
    print("leak BAD %s %u: %llx\n", what, place, (unsigned long long)value);
}

static void look_everywhere(void) {
    uint32_t environment[7];
    uint64_t dr[4];
    for (unsigned i = 0; i < AREA_WORDS; i++)
        area[i] = 0;
    __asm__ volatile("fnstenv %0" : "=m"(environment));
    __asm__ volatile("xsave64 %0" : "+m"(area) : "a"(~0u), "d"(~0u) : "memory");
    __asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
                     : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
    for (unsigned i = 0; i < 4; i++)
        look("DR", i, dr[i]);
    for (unsigned i = 0; i < AREA_WORDS; i++)
        look("XSAVE area", 8 * i, area[i]);
    if (environment[5] == OPERAND)
        look("x87 operand", environment[5], PATTERN);
}

static void wait_ticks(uint64_t ticks) {
    for (uint64_t start = rdtsc(); rdtsc() - start < ticks;)
        ;
}

static void write_forever(void) {
    for (;;) {
        (void)survives(xsetbv, xcr0); // where it does not exit, the core has cut it meanwhile
        fill();
        wait_ticks(LOOK_TICKS / 16);
    }
}

void guest_main(void) {
    char role = 0;
    uint64_t cr4;
    serial_init();
    interrupts_init();
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE) : "memory");
    enable_all();
    while (!serial_read(&role))
        ;
    if (role == 'w') {
        print("leak writes\n");
        write_forever();
    }
    for (unsigned i = 0; i < LOOKS && !found; i++) {
        wait_ticks(LOOK_TICKS);
        (void)survives(xsetbv, xcr0);
        look_everywhere();
    }
    if (!found)
        print("leak none\n");
}
