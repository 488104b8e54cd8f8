// Each CPU's own: time, debug registers, MSRs, and all vector state, while four compete for fewer processors.
#include "lib/string.h"
#include "tests/guests/conform_smp.h"

#define MSR_TSC       0x10u
#define CR4_OSXSAVE   (1ull << 18)
#define ECX1_XSAVE    (1u << 26)
#define XCR0_TRIED    0xe7ull // x87, SSE, AVX, and the three parts of AVX-512
#define IMAGES        0x2100000ull
#define IMAGE_BYTES   0x4000ull
#define IMAGE_MOST    0x1000u
#define LEGACY_BYTES  416u // of FXSAVE's image: what is not a register is behind it
#define HEADER        512u
#define EXTENDED      576u
#define ST_MASK_BYTES 10u
#define UART_SCRATCH  0x3ff

static void exit_by_cpuid(void) {
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

// ---- Time stamp counters (SDM 3B 17.17)

static volatile uint64_t latest;

static uint64_t ordered_rdtsc(void) {
    __asm__ volatile("mfence; lfence" : : : "memory");
    uint64_t now = rdtsc();
    __asm__ volatile("lfence" : : : "memory");
    return now;
}

// What one has read and told another is not later than what that reads then.
static void read_clocks(volatile struct cpu *cpu) {
    uint64_t end = rdtsc() + cpu->argument, now;
    do {
        uint64_t told = latest;
        now = ordered_rdtsc();
        cpu->result += now < told;
        while (told < now &&
               !__atomic_compare_exchange_n(&latest, &told, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
    } while (now < end);
}

static bool check_tsc_together(void) {
    latest = 0;
    return smp_everywhere(read_clocks, smp_scaled(8) * smp_ticks_10ms()) && smp_results() == 0;
}

static void set_clock(volatile struct cpu *cpu) {
    uint64_t before = rdtsc();
    wrmsr(MSR_TSC, cpu->argument);
    cpu->result = rdtsc() - cpu->argument < 1ull << 40;
    wrmsr(MSR_TSC, before);
}

// A write to one CPU's is not seen by the others.
static bool check_tsc_own(void) {
    uint64_t before = rdtsc();
    smp_give(1, set_clock, 1ull << 50);
    bool good = true;
    while (smp_cpus[1].work && rdtsc() - before < smp_patience())
        good &= rdtsc() < 1ull << 50;
    return good && smp_done(1) && smp_cpus[1].result && rdtsc() - before < 1ull << 40;
}

// ---- Debug registers, MSRs, CR8

static const uint32_t own_msrs[] = {0x174, 0x175, 0x176, 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000102};
#define OWN_MSRS (sizeof(own_msrs) / sizeof(own_msrs[0]))

static uint64_t own_value(const volatile struct cpu *cpu, unsigned n) {
    return 0x1000 * (cpu->id + 1) + 0x10 * n;
}

static bool same_registers(const volatile struct cpu *cpu) {
    uint64_t dr0, dr3, cr8;
    __asm__ volatile("mov %%dr0, %0; mov %%dr3, %1; mov %%cr8, %2" : "=r"(dr0), "=r"(dr3), "=r"(cr8));
    bool good = dr0 == own_value(cpu, 0) && dr3 == own_value(cpu, 3) && cr8 == cpu->id + 1;
    for (unsigned i = 0; i < OWN_MSRS; i++)
        good &= rdmsr(own_msrs[i]) == own_value(cpu, i);
    return good;
}

static void keep_registers(volatile struct cpu *cpu) {
    uint64_t start = rdtsc(), before[OWN_MSRS];
    __asm__ volatile("mov %0, %%dr0" : : "r"(own_value(cpu, 0)));
    __asm__ volatile("mov %0, %%dr3" : : "r"(own_value(cpu, 3)));
    __asm__ volatile("mov %0, %%cr8" : : "r"(cpu->id + 1));
    for (unsigned i = 0; i < OWN_MSRS; i++) {
        before[i] = rdmsr(own_msrs[i]);
        wrmsr(own_msrs[i], own_value(cpu, i));
    }
    while (rdtsc() - start < cpu->argument) {
        exit_by_cpuid();
        smp_delay(cpu->argument / 64);
        cpu->result += !same_registers(cpu);
    }
    for (unsigned i = 0; i < OWN_MSRS; i++)
        wrmsr(own_msrs[i], before[i]);
    __asm__ volatile("mov %0, %%cr8" : : "r"(0ull));
}

static bool check_registers_own(void) {
    return smp_everywhere(keep_registers, smp_scaled(12) * smp_ticks_10ms()) && smp_results() == 0;
}

// ---- x87, SSE, AVX, AVX-512

bool has_xsave(void) {
    uint32_t a = 1, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return c & ECX1_XSAVE;
}

static uint64_t state_components(void) {
    return cpuid(0xd, 0).a & XCR0_TRIED;
}

static void use_components(uint64_t components) {
    write_cr4(read_cr4() | CR4_OSXSAVE);
    set_xcr0(components);
}

static void save(volatile uint8_t *image, uint64_t components) {
    if (components)
        __asm__ volatile("xsave64 (%0)" : : "r"(image), "a"((uint32_t)components), "d"(0) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(image) : "memory");
}

static void restore(const volatile uint8_t *image, uint64_t components) {
    if (components)
        __asm__ volatile("xrstor64 (%0)" : : "r"(image), "a"((uint32_t)components), "d"(0) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(image) : "memory");
}

// Bytes of the image that belong to component `n`, from leaf Dh.
static void component_place(unsigned n, uint32_t *at, uint32_t *bytes) {
    uint32_t a = 0xd, c = n, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(*at), "+c"(c), "=d"(d));
    *bytes = a;
}

static void fill(volatile uint8_t *image, uint32_t at, uint32_t bytes, uint8_t seed) {
    for (uint32_t i = at; i < at + bytes; i++)
        image[i] = (uint8_t)(i * 7 + seed * 31 + (i >> 8));
}

// Every register has a value of its own, on each CPU another one.
static void make_image(volatile uint8_t *image, uint64_t components, uint8_t seed) {
    for (uint32_t i = 0; i < IMAGE_MOST; i++)
        image[i] = 0;
    image[0] = 0x7f;
    image[1] = (uint8_t)(0x03 | (seed & 3) << 2);  // FCW: rounding control
    image[4] = 0xff;                               // FTW: all are valid
    image[25] = (uint8_t)(0x1f | (seed & 3) << 5); // MXCSR: rounding control
    image[24] = 0x80;
    for (unsigned i = 0; i < 8; i++)
        fill(image, 32 + 16 * i, ST_MASK_BYTES, (uint8_t)(seed + i));
    fill(image, 160, 256, seed);
    image[HEADER] = (uint8_t)components;
    for (unsigned n = 2; n < 8; n++)
        if (components >> n & 1) {
            uint32_t at, bytes;
            component_place(n, &at, &bytes);
            fill(image, at, bytes, seed);
        }
}

static bool same_image(const volatile uint8_t *a, const volatile uint8_t *b) {
    for (uint32_t i = 0; i < IMAGE_MOST; i++) {
        bool register_byte = i < 6 || (i >= 24 && i < 28) || (i >= 32 && i < LEGACY_BYTES) || i >= EXTENDED;
        if (register_byte && a[i] != b[i])
            return false;
    }
    return true;
}

static void keep_vectors(volatile struct cpu *cpu) {
    uint64_t start = rdtsc(), components = has_xsave() ? state_components() : 0;
    volatile uint8_t *wanted = (volatile uint8_t *)(IMAGES + 2 * IMAGE_BYTES * cpu->id), *got = wanted + IMAGE_BYTES;
    if (components)
        use_components(components);
    make_image(wanted, components, (uint8_t)(cpu->id + 1));
    for (uint32_t i = 0; i < IMAGE_MOST; i++)
        got[i] = 0;
    restore(wanted, components);
    while (rdtsc() - start < cpu->argument) {
        exit_by_cpuid();
        (void)inb(UART_SCRATCH);
        smp_delay(cpu->argument / 64);
        save(got, components);
        cpu->result += !same_image(wanted, got);
    }
}

static bool check_vectors_own(void) {
    return smp_everywhere(keep_vectors, smp_scaled(24) * smp_ticks_10ms()) && smp_results() == 0;
}

const struct check smp_state_checks[] = {
    {"tsc-together", check_tsc_together},
    {"tsc-own", check_tsc_own},
    {"registers-own", check_registers_own},
    {"vectors-own", check_vectors_own},
    {0},
};
