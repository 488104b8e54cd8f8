// Instructions on device memory, which the hypervisor's emulator does, against the same on RAM, which the CPU does:
// same registers, same bytes, same instruction. The device is a plane of the VGA, which keeps bytes as RAM does but is
// reached by emulation only. Then what comes in pieces: page walks through the device, and a REP with interrupts.
// Prints "emulation differs ..." for what is not the same, then "emulation done".
#include "lib/string.h"
#include "tests/guests/guest.h"
#include "tests/instructions/run.h"

#define ROUNDS    4u
#define PAGE      2048u // of which instructions see the middle
#define VGA       0xa0000ull
#define SEQUENCER 0x3c4
#define GRAPHICS  0x3ce

#define DIRECTORY 0x63000u // start.asm's page directory of the second GiB
#define ALIAS     (1ull << 30)

#define COPY_FROM    0x30000u
#define COPY_BYTES   0xf000u
#define TIMER_VECTOR 0x41u
#define LAPIC_TIMER  0x320u
#define LAPIC_COUNT  0x380u

#define CPUID_AVX   (1u << 28)
#define CPUID_XSAVE (1u << 26)
#define CR4_OSXSAVE (1ull << 18)

static uint8_t ram[PAGE] __attribute__((aligned(PAGE))), device_copy[PAGE], code[64];
static unsigned done, differences;
static bool avx;

static void index_set(uint16_t port, uint8_t index, uint8_t value) {
    outb(port, index);
    outb((uint16_t)(port + 1), value);
}

// Plane 0 alone, as 64 KiB from A0000h on: no odd and even addresses, no logic, all bits.
static void vga_init(void) {
    static const uint8_t graphics[] = {0, 0, 0, 0, 0, 0, 0x05, 0, 0xff};
    index_set(SEQUENCER, 2, 1);
    index_set(SEQUENCER, 4, 6);
    for (unsigned i = 0; i < sizeof graphics; i++)
        index_set(GRAPHICS, (uint8_t)i, graphics[i]);
}

// Turns AVX on where it is offered; SSE is.
static bool avx_init(void) {
    uint32_t a = 1, b, c = 0, d;
    uint64_t cr4;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if ((c & (CPUID_AVX | CPUID_XSAVE)) != (CPUID_AVX | CPUID_XSAVE))
        return false;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
    __asm__ volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
    return true;
}

static void copy(void *to, const void *from) {
    uint64_t count = PAGE / 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

// Addresses in registers differ by where the page lies; nothing else may.
static bool same(const struct sample *sample, struct run_state *on_ram, const struct run_state *on_device) {
    uint64_t moved = VGA - (uint64_t)(uintptr_t)ram;
    on_ram->gpr[RUN_RDI] += moved;
    if (sample->how & POINTERS) {
        on_ram->gpr[RUN_RSI] += moved;
        on_ram->gpr[RUN_RBX] += moved;
    }
    if ((sample->how & SCANS) && on_ram->rflags & FLAG_ZF)
        on_ram->gpr[RUN_RSI] = on_device->gpr[RUN_RSI];
    uint64_t flags = (on_ram->rflags ^ on_device->rflags) & FLAG_ARITHMETIC & ~sample->undefined;
    on_ram->gpr[RUN_RSP] = on_device->gpr[RUN_RSP];
    bool vectors = true;
    for (unsigned i = 0; i < 16; i++)
        vectors = vectors && memcmp(on_ram->ymm[i], on_device->ymm[i], avx ? 32 : 16) == 0;
    return !flags && vectors && memcmp(on_ram->gpr, on_device->gpr, sizeof on_ram->gpr) == 0 &&
           memcmp(on_ram->mmx, on_device->mmx, sizeof on_ram->mmx) == 0 && memcmp(ram, device_copy, PAGE) == 0;
}

static void run_rounds(const struct sample *sample, const uint8_t *instruction, unsigned bytes) {
    // Divisions may fault; the unit tests have them.
    if ((sample->how & DIVIDES) || ((sample->how & NEEDS_AVX) && !avx))
        return;
    for (unsigned round = 0; round < ROUNDS; round++) {
        static struct run_state on_ram, on_device;
        random_state(sample, (uint64_t)(uintptr_t)ram, true, &on_ram);
        random_page(&on_ram, ram, PAGE);
        copy((void *)(uintptr_t)VGA, ram);
        on_device = on_ram;
        on_device.gpr[RUN_RDI] += VGA - (uint64_t)(uintptr_t)ram;
        if (sample->how & POINTERS) {
            on_device.gpr[RUN_RSI] += VGA - (uint64_t)(uintptr_t)ram;
            on_device.gpr[RUN_RBX] = on_device.gpr[RUN_RSI];
        }
        run_instruction(&on_ram, code, instruction, bytes, avx);
        run_instruction(&on_device, code, instruction, bytes, avx);
        copy(device_copy, (void *)(uintptr_t)VGA);
        done++;
        if (!same(sample, &on_ram, &on_device) && differences++ < 20)
            print("emulation differs in %s, flags %llx %llx\n", sample->name, (unsigned long long)on_ram.rflags,
                  (unsigned long long)on_device.rflags);
    }
}

static void check(bool good, const char *what) {
    done++;
    if (!good && differences++ < 20)
        print("emulation differs in %s\n", what);
}

// The page table of an address lies in the device: each access there exits in the middle of the CPU's page walk.
static void page_table_of_device(void) {
    volatile uint64_t *directory = (volatile uint64_t *)(uintptr_t)DIRECTORY, *table = (volatile uint64_t *)VGA;
    const uint64_t place = (uint64_t)(uintptr_t)ram, alias = ALIAS + place % 4096;
    volatile uint32_t *through = (volatile uint32_t *)(uintptr_t)alias;
    table[0] = (place & ~4095ull) | 3;
    directory[0] = VGA | 3;
    __asm__ volatile("invlpg (%0)" : : "r"(ALIAS) : "memory");
    memset(ram, 0, 16);
    *through = 0x12345678;
    check(*(volatile uint32_t *)(void *)ram == 0x12345678, "a store through the device's page table");
    ram[4] = 0x9a;
    check(through[1] == 0x9a, "a load through the device's page table");
    __asm__ volatile("lock incl (%0)" : : "r"(through) : "memory");
    check(*(volatile uint32_t *)(void *)ram == 0x12345679, "an increment through the device's page table");
}

// A copy of several batches; the timer interrupts it between them.
static void interrupted_copy(void) {
    uint64_t to = VGA, from = COPY_FROM, count = COPY_BYTES;
    bool same_bytes = true;
    for (unsigned i = 0; i < COPY_BYTES; i += 8)
        *(volatile uint64_t *)(uintptr_t)(COPY_FROM + i) = random_number();
    lapic_set(LAPIC_TIMER, 0x20000 | TIMER_VECTOR); // periodic
    lapic_set(LAPIC_COUNT, 2000000);                // some milliseconds, which is less than a batch takes
    __asm__ volatile("sti; rep movsb; cli" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    lapic_set(LAPIC_COUNT, 0);
    check(count == 0 && to == VGA + COPY_BYTES && from == COPY_FROM + COPY_BYTES, "the registers of a long copy");
    for (unsigned at = 0; at < COPY_BYTES; at += PAGE) {
        copy(device_copy, (void *)(uintptr_t)(VGA + at));
        same_bytes = same_bytes && memcmp(device_copy, (void *)(uintptr_t)(COPY_FROM + at), PAGE) == 0;
    }
    check(same_bytes, "the bytes of a long copy");
    check(interrupt_counts[TIMER_VECTOR] > 0, "the interrupts of a long copy");
}

void guest_main(void) {
    serial_init();
    interrupts_init();
    lapic_init();
    vga_init();
    avx = avx_init();
    run_seed ^= rdtsc(); // other numbers each time
    samples_of_the_table(run_rounds);
    samples_of_arithmetic(run_rounds);
    samples_of_shifts(run_rounds);
    samples_of_conditions(run_rounds);
    page_table_of_device();
    interrupted_copy();
    print("emulation done: %u rounds, %u differ, AVX %s\n", done, differences, avx ? "on" : "off");
}
