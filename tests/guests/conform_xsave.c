// The XSAVE family: XCR0, sizes, formats, initial states, what is refused, and state over exits (SDM 1 chapter 13).
#include "lib/string.h"
#include "tests/guests/conform.h"

#define UD 6u
#define GP 13u

#define CR4_OSXSAVE (1ull << 18)
#define CR4_PKE     (1ull << 22)
#define ECX1_XSAVE  (1u << 26)
#define ECX7_PKU    (1u << 3)
#define EAX_OPT     1u // leaf Dh, subleaf 1
#define EAX_C       2u
#define EAX_S       8u
#define MSR_XSS     0xda0u
#define XCR0_AVX    7ull
#define XCR0_MPX    0x18ull
#define XCR0_AVX512 0xe6ull

#define AREA       4096u
#define LEGACY     512u
#define HEADER     512u
#define EXTENDED   576u
#define MXCSR      24u
#define XCOMP_BV   (HEADER + 8)
#define COMPACTED  (1ull << 63)
#define COMPONENTS 20u
#define IOAPIC     0xfec00000ull

enum form { XSAVE, XSAVEOPT, XSAVEC, XSAVES };

struct area {
    uint8_t bytes[AREA];
} __attribute__((aligned(64)));
static struct area image, kept;

static uint64_t offered(void) {
    struct leaf leaf = cpuid(0xd, 0);
    return (uint64_t)leaf.d << 32 | leaf.a;
}

static uint64_t get64(const struct area *area, unsigned at) {
    uint64_t value;
    memcpy(&value, area->bytes + at, 8);
    return value;
}

static void put64(struct area *area, unsigned at, uint64_t value) {
    memcpy(area->bytes + at, &value, 8);
}

static void restore(uint64_t area) {
    __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}

static void save(enum form form, struct area *area) {
    switch (form) {
    case XSAVE:
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
        break;
    case XSAVEOPT:
        __asm__ volatile("xsaveopt64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
        break;
    case XSAVEC:
        __asm__ volatile("xsavec64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
        break;
    case XSAVES:
        __asm__ volatile("xsaves64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
        break;
    }
}

// ---- XCR0 and sizes

static bool legal(uint64_t xcr0) {
    return (xcr0 & ~offered()) == 0 && (xcr0 & 1) && ((xcr0 & 4) == 0 || (xcr0 & 2)) &&
           ((xcr0 & XCR0_MPX) == 0 || (xcr0 & XCR0_MPX) == XCR0_MPX) &&
           ((xcr0 & 0xe0) == 0 || (xcr0 & XCR0_AVX512) == XCR0_AVX512);
}

// XCR0 takes what is offered and goes together, and keeps its value when it refuses.
static bool takes(uint64_t xcr0) {
    uint64_t before = get_xcr0();
    if (!survives(set_xcr0, xcr0))
        return !legal(xcr0) && last_exception.vector == GP && get_xcr0() == before;
    return legal(xcr0) && get_xcr0() == xcr0;
}

static bool values(void) {
    for (uint64_t xcr0 = 0; xcr0 < 256; xcr0++)
        if (!takes(xcr0))
            return false;
    for (unsigned bit = 8; bit < 64; bit++)
        if (!takes(1ull << bit | 3))
            return false;
    return true;
}

static uint32_t standard_size(uint64_t components) {
    uint32_t size = EXTENDED;
    for (unsigned n = 2; n < COMPONENTS; n++) {
        struct leaf leaf = cpuid(0xd, n);
        if (components >> n & 1 && leaf.a + leaf.b > size)
            size = leaf.a + leaf.b;
    }
    return size;
}

static uint32_t compacted_size(uint64_t components) {
    uint32_t size = EXTENDED;
    for (unsigned n = 2; n < COMPONENTS; n++) {
        struct leaf leaf = cpuid(0xd, n);
        if (components >> n & 1)
            size = (leaf.c & 2 ? (size + 63) & ~63u : size) + leaf.a;
    }
    return size;
}

// XSAVE writes no byte behind the size that CPUID tells.
static bool writes_no_more(enum form form, uint32_t size) {
    memset(&kept, 0x5a, AREA);
    memset(kept.bytes + HEADER, 0, EXTENDED - HEADER);
    save(form, &kept);
    for (unsigned i = size; i < AREA; i++)
        if (kept.bytes[i] != 0x5a)
            return false;
    return true;
}

static bool sizes(void) {
    uint32_t all = standard_size(offered());
    bool right = true;
    for (uint64_t xcr0 = 0; xcr0 < 256; xcr0++) {
        if (!legal(xcr0))
            continue;
        set_xcr0(xcr0);
        struct leaf leaf = cpuid(0xd, 0), one = cpuid(0xd, 1);
        right &= leaf.b == standard_size(xcr0) && leaf.c == all && writes_no_more(XSAVE, leaf.b);
        if (one.a & (EAX_C | EAX_S))
            right &= one.b == compacted_size(xcr0);
        if (one.a & EAX_C)
            right &= writes_no_more(XSAVEC, one.b);
    }
    return right;
}

// ---- Formats

static bool restore_refused(void) {
    return raises(restore, (uint64_t)(uintptr_t)&image, GP, 0);
}

static void save_at(uint64_t at) {
    __asm__ volatile("xsave64 (%0)" : : "r"(at), "a"(~0u), "d"(~0u) : "memory");
}

static bool refused_with(unsigned at, uint64_t value) {
    memset(&image, 0, AREA);
    put64(&image, MXCSR, 0x1f80);
    put64(&image, HEADER, 1);
    if (!survives(restore, (uint64_t)(uintptr_t)&image))
        return false;
    put64(&image, at, value);
    return restore_refused();
}

static bool bad(void) {
    bool right = refused_with(HEADER, 1ull << 40) && refused_with(HEADER, 1ull << 63) && refused_with(HEADER + 16, 1) &&
                 refused_with(XCOMP_BV, 1);
    put64(&image, XCOMP_BV, 0);
    put64(&image, HEADER, 3);
    put64(&image, MXCSR, 0x80001f80);
    right &= restore_refused();
    if (offered() & 4) { // offered, and not in XCR0
        set_xcr0(3);
        right &= refused_with(HEADER, 4);
        set_xcr0(offered() & XCR0_AVX);
    }
    right &= raises(save_at, (uint64_t)(uintptr_t)&image + 8, GP, 0);
    return right && raises(restore, (uint64_t)(uintptr_t)&image + 8, GP, 0);
}

// The compacted form: its components those of XCR0, and those that are there among them.
static bool bad_compacted(void) {
    if (!(cpuid(0xd, 1).a & EAX_C))
        return refused_with(XCOMP_BV, COMPACTED | 1);
    memset(&image, 0, AREA);
    put64(&image, MXCSR, 0x1f80);
    put64(&image, HEADER, 1);
    put64(&image, XCOMP_BV, COMPACTED | 1);
    if (!survives(restore, (uint64_t)(uintptr_t)&image))
        return false;
    bool right = true;
    put64(&image, HEADER, 3); // SSE is not in XCOMP_BV
    right &= restore_refused();
    put64(&image, HEADER, 1);
    put64(&image, XCOMP_BV, COMPACTED | 1 | 1ull << 40);
    right &= restore_refused();
    put64(&image, XCOMP_BV, COMPACTED | 1);
    put64(&image, HEADER + 24, 1);
    return right && restore_refused();
}

// ---- State

// Every byte has a value of its own, but for control words, where few have a meaning.
static void make_image(uint64_t components) {
    memset(&image, 0, AREA);
    put64(&image, 0, 0x077f | 0xffull << 32); // FCW with another rounding; FTW: all are valid
    put64(&image, MXCSR, 0x7f80);
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < 10; j++)
            image.bytes[32 + 16 * i + j] = (uint8_t)(16 * i + j + 1);
    for (unsigned i = 160; i < 416; i++)
        image.bytes[i] = (uint8_t)(i * 7);
    put64(&image, HEADER, components);
    for (unsigned n = 2; n < 8; n++) {
        struct leaf leaf = cpuid(0xd, n);
        for (uint32_t i = leaf.b; components >> n & 1 && i < leaf.b + leaf.a; i++)
            image.bytes[i] = (uint8_t)(i * 7 + (i >> 8) + 1);
    }
}

static bool same_legacy(void) {
    return memcmp(image.bytes, kept.bytes, 6) == 0 && memcmp(image.bytes + MXCSR, kept.bytes + MXCSR, 4) == 0 &&
           memcmp(image.bytes + 32, kept.bytes + 32, 416 - 32) == 0;
}

// The image was loaded; is it what was saved, in the form's places?
static bool same_state(enum form form, uint64_t components) {
    uint32_t at = EXTENDED;
    if (get64(&kept, HEADER) != components)
        return false;
    if (get64(&kept, XCOMP_BV) != (form >= XSAVEC ? COMPACTED | components : 0))
        return false;
    for (unsigned n = 2; n < 8; n++) {
        struct leaf leaf = cpuid(0xd, n);
        if (!(components >> n & 1))
            continue;
        at = leaf.c & 2 ? (at + 63) & ~63u : at;
        if (memcmp(image.bytes + leaf.b, kept.bytes + (form >= XSAVEC ? at : leaf.b), leaf.a) != 0)
            return false;
        at += leaf.a;
    }
    return same_legacy();
}

static void exits(void) {
    for (unsigned i = 0; i < 10; i++) {
        (void)cpuid(0, 0);
        (void)inb(0x3ff);
        (void)*(volatile uint32_t *)IOAPIC;
    }
}

// All components with values of their own, over exits, and back by the compacted form if there is one.
static bool keeps(enum form form) {
    uint64_t components = offered() & (XCR0_AVX | XCR0_AVX512);
    set_xcr0(components);
    make_image(components);
    restore((uint64_t)(uintptr_t)&image);
    exits();
    memset(&kept, 0, AREA);
    save(form, &kept);
    if (!same_state(form, components))
        return false;
    struct area *again = &kept;
    memset(&image, 0, AREA); // all to their initial states, then from what was saved
    put64(&image, MXCSR, 0x1f80);
    restore((uint64_t)(uintptr_t)&image);
    if (form == XSAVES)
        __asm__ volatile("xrstors64 (%0)" : : "r"(again), "a"(~0u), "d"(~0u) : "memory");
    else
        restore((uint64_t)(uintptr_t)again);
    make_image(components);
    memset(&kept, 0, AREA);
    exits();
    save(XSAVE, &kept);
    return same_state(XSAVE, components);
}

static bool keeps_standard(void) {
    return keeps(XSAVE);
}

static bool keeps_optimized(void) {
    return keeps(XSAVEOPT);
}

static bool keeps_compacted(void) {
    return keeps(XSAVEC);
}

static bool keeps_supervisor(void) {
    return keeps(XSAVES);
}

// A component that is not in XSTATE_BV is set to its initial state: registers zero, FCW 37Fh. What is not asked for
// stays.
static bool initial(void) {
    uint64_t components = offered() & (XCR0_AVX | XCR0_AVX512);
    set_xcr0(components);
    make_image(components);
    restore((uint64_t)(uintptr_t)&image);
    put64(&image, HEADER, 0);
    exits();
    __asm__ volatile("xrstor64 (%0)" : : "r"(&image), "a"(1), "d"(0) : "memory");
    exits();
    memset(&kept, 0, AREA);
    save(XSAVE, &kept);
    bool right = (get64(&kept, 0) & 0xffffffffffff) == 0x37f && memcmp(image.bytes + 160, kept.bytes + 160, 256) == 0;
    restore((uint64_t)(uintptr_t)&image);
    exits();
    memset(&kept, 0x5a, AREA);
    memset(kept.bytes + HEADER, 0, EXTENDED - HEADER);
    // XSAVE writes a component that is in its initial state, or clears its bit of XSTATE_BV: either is one on the way
    // back.
    save(XSAVE, &kept);
    restore((uint64_t)(uintptr_t)&kept);
    static const uint8_t zeros[256];
    __asm__ volatile("fxsave64 %0" : "=m"(*(uint8_t(*)[512])kept.bytes));
    return right && (get64(&kept, 0) & 0xffffffffffff) == 0x37f && memcmp(kept.bytes + 160, zeros, 256) == 0;
}

// ---- AVX-512

#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)
#define HIGH(f)                                                                                                        \
    f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15) f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25) f(26)    \
        f(27) f(28) f(29) f(30) f(31)
#define LOAD_MASK(n)  __asm__ volatile("kmovq %0, %%k" #n : : "m"(masks[n]));
#define STORE_MASK(n) __asm__ volatile("kmovq %%k" #n ", %0" : "=m"(masks_out[n]));
#define LOAD(n)       __asm__ volatile("vmovdqu64 %0, %%zmm" #n : : "m"(in[n]));
#define STORE(n)      __asm__ volatile("vmovdqu64 %%zmm" #n ", %0" : "=m"(out[n]));

static void use_avx512(uint64_t unused) {
    __asm__ volatile("vpxorq %zmm0, %zmm0, %zmm0");
}

static void use_mask(uint64_t unused) {
    __asm__ volatile("kxorw %k0, %k0, %k0");
}

static bool registers_512(void) {
    static uint64_t in[32][8], out[32][8], masks[8], masks_out[8];
    set_xcr0(3);
    bool right = raises(use_avx512, 0, UD, NO_ERROR) && raises(use_mask, 0, UD, NO_ERROR);
    set_xcr0(XCR0_AVX);
    right &= raises(use_avx512, 0, UD, NO_ERROR) && raises(use_mask, 0, UD, NO_ERROR);
    set_xcr0(XCR0_AVX | XCR0_AVX512);
    for (unsigned i = 0; i < 256; i++)
        in[i / 8][i % 8] = 0x9e3779b97f4a7c15 * (i + 1);
    for (unsigned i = 0; i < 8; i++)
        masks[i] = 0xc2b2ae3d27d4eb4f * (i + 1);
    EACH(LOAD) HIGH(LOAD) EACH(LOAD_MASK) exits();
    EACH(STORE)
    HIGH(STORE)
    EACH(STORE_MASK) return right && memcmp(in, out, sizeof in) == 0 && memcmp(masks, masks_out, sizeof masks) == 0;
}

// ---- XSS and PKRU

static void read_xss(uint64_t unused) {
    (void)rdmsr(MSR_XSS);
}

static void write_xss(uint64_t value) {
    wrmsr(MSR_XSS, value);
}

static void use_xsaves(uint64_t unused) {
    save(XSAVES, &kept);
}

// XSS takes the supervisor components that CPUID lists; without XSAVES there is no such MSR.
static bool xss(void) {
    struct leaf one = cpuid(0xd, 1);
    uint64_t listed = (uint64_t)one.d << 32 | one.c;
    bool right = true;
    if (!(one.a & EAX_S)) {
        for (unsigned bit = 0; bit < 64; bit++)
            right &= raises(write_xss, 1ull << bit, GP, 0);
        return right && raises(write_xss, 0, GP, 0) && raises(read_xss, 0, GP, 0);
    }
    for (unsigned bit = 0; bit < 64; bit++)
        right &= (listed >> bit & 1) || raises(write_xss, 1ull << bit, GP, 0);
    wrmsr(MSR_XSS, 0);
    return right && rdmsr(MSR_XSS) == 0;
}

static bool no_xsaves(void) {
    return (cpuid(0xd, 1).a & EAX_S) || raises(use_xsaves, 0, UD, NO_ERROR);
}

static uint32_t read_keys(void) {
    uint32_t value;
    __asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(value) : "c"(0) : "rdx");
    return value;
}

static void write_keys(uint64_t value) {
    __asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"((uint32_t)value), "c"(0), "d"(0));
}

static bool keys(void) {
    if (!(cpuid(7, 0).c & ECX7_PKU))
        return raises(write_keys, 0, UD, NO_ERROR);
    write_cr4(read_cr4() | CR4_PKE);
    write_keys(0x55aa55a8);
    exits();
    bool right = read_keys() == 0x55aa55a8;
    write_keys(0);
    return right;
}

// ---- The checks

static bool good;

static void call(uint64_t check) {
    good = ((bool (*)(void))(uintptr_t)check)();
}

// With XSAVE turned on; what the rest of the guest begins with is there again behind it.
static bool with_xsave(bool (*check)(void)) {
    static const uint32_t mxcsr = 0x1f80;
    uint64_t cr4 = read_cr4();
    write_cr4(cr4 | CR4_OSXSAVE);
    good = false;
    bool came_back = survives(call, (uint64_t)(uintptr_t)check);
    set_xcr0(1);
    __asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
    write_cr4(cr4);
    return came_back && good;
}

#define CHECK(name)                                                                                                    \
    static bool check_##name(void) {                                                                                   \
        return with_xsave(name);                                                                                       \
    }
CHECK(values)
CHECK(sizes)
CHECK(bad)
CHECK(bad_compacted)
CHECK(initial)
CHECK(keeps_standard)
CHECK(keeps_optimized)
CHECK(keeps_compacted)
CHECK(keeps_supervisor)
CHECK(xss)
CHECK(no_xsaves)
CHECK(registers_512)
CHECK(keys)

#define HAS(feature, condition)                                                                                        \
    bool has_##feature(void) {                                                                                         \
        return (cpuid(1, 0).c & ECX1_XSAVE) && (condition);                                                            \
    }
HAS(xsave, true)
HAS(xsaveopt, cpuid(0xd, 1).a &EAX_OPT)
HAS(xsavec, cpuid(0xd, 1).a &EAX_C)
HAS(xsaves, cpuid(0xd, 1).a &EAX_S)
HAS(avx512, (offered() & XCR0_AVX512) == XCR0_AVX512)

const struct check xsave_checks[] = {
    {"xcr0-values", check_values},      {"xsave-sizes", check_sizes},
    {"xrstor-bad", check_bad},          {"xrstor-bad-compacted", check_bad_compacted},
    {"xsave-initial", check_initial},   {"xsave", check_keeps_standard},
    {"xsaves-hidden", check_no_xsaves}, {"xss", check_xss},
    {"protection-keys", check_keys},    {0},
};
const struct check xsaveopt_checks[] = {{"xsaveopt", check_keeps_optimized}, {0}};
const struct check xsavec_checks[] = {{"xsavec", check_keeps_compacted}, {0}};
const struct check xsaves_checks[] = {{"xsaves", check_keeps_supervisor}, {0}};
const struct check avx512_checks[] = {{"avx512-state", check_registers_512}, {0}};
