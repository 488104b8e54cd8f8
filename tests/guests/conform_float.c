// x87, SSE and AVX: their state over exits, and their errors (SDM 3A 6.15, vectors 16 and 19).
#include "lib/string.h"
#include "tests/guests/conform_ioapic.h"

#define UD 6u
#define MF 16u
#define XM 19u

#define CR0_NE         (1ull << 5)
#define CR4_OSXMM      (1ull << 10)
#define CR4_OSXSAVE    (1ull << 18)
#define CPUID_AVX      (1u << 28 | 1u << 26)
#define IOAPIC_SELECT  0xfec00000ull
#define UART_SCRATCH   0x3ff
#define ZERO_UNMASKED  0x037bu // x87 control word
#define MXCSR_UNMASKED 0x1d80u // division by zero
#define TIMES          10u
#define LAPIC_ID       0x20u
#define IRQ_VECTOR     0x61u
#define IRQ_TIMES      3u
#define IRQ_PATIENCE   (1ull << 26)

static uint32_t features(void) {
    uint32_t a = 1, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return c;
}

static void exits(void) {
    for (unsigned i = 0; i < TIMES; i++) {
        (void)features();
        (void)inb(UART_SCRATCH);
        (void)*(volatile uint32_t *)IOAPIC_SELECT;
    }
}

// But for the pointers to the last instruction and operand, which QEMU does not load.
static bool same_state(const uint8_t *a, const uint8_t *b, unsigned pointers, unsigned size) {
    return memcmp(a, b, pointers) == 0 && memcmp(a + pointers + 16, b + pointers + 16, size - pointers - 16) == 0;
}

static bool check_x87_state(void) {
    static uint8_t before[108], after[108], area[512] __attribute__((aligned(16))),
        again[512] __attribute__((aligned(16)));
    __asm__ volatile("fninit; fldpi; fld1; fldl2e; fldz; fnsave %0; frstor %0" : "+m"(before));
    exits();
    __asm__ volatile("fnsave %0; frstor %0" : "+m"(after));
    bool good = same_state(before, after, 12, sizeof before);
    __asm__ volatile("fxsave %0" : "=m"(area));
    exits();
    __asm__ volatile("fninit; fxrstor %1; fxsave %0" : "=m"(again) : "m"(area));
    return good && same_state(area, again, 8, sizeof area) && before[28 + 9] == 0; // ST0 is +0
}

static void divide_by_zero(uint64_t unused) {
    static const uint16_t control = ZERO_UNMASKED;
    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp %%st, %%st(1); fwait" : : "m"(control));
}

static bool check_x87_error(void) {
    uint64_t cr0;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_NE));
    bool good = raises(divide_by_zero, 0, MF, NO_ERROR);
    __asm__ volatile("fninit; mov %0, %%cr0" : : "r"(cr0));
    return good;
}

// Counts, lets IRQ 13 go down and clears the error, in the order of a PC's firmware; then EOI.
extern char x87_entry[];
uint64_t x87_interrupts;
__asm__("x87_entry: push %rax; incq x87_interrupts; xor %eax, %eax; out %al, $0xf0; fnclex\n"
        "mov $0xfee000b0, %eax; movl $0, (%rax); pop %rax; iretq");

static void divide_with_interrupts(uint64_t unused) {
    static const uint16_t control = ZERO_UNMASKED;
    uint64_t start = rdtsc(), before = x87_interrupts;
    __asm__ volatile("fninit; fldcw %0; fld1; fldz; sti; fdivrp %%st, %%st(1); fwait" : : "m"(control));
    while (x87_interrupts == before && rdtsc() - start < IRQ_PATIENCE)
        __asm__ volatile("pause");
    __asm__ volatile("cli");
}

// Divisions by zero with CR0.NE clear: does each become one interrupt 13?
static bool divisions_interrupt(unsigned times) {
    struct gate before = gate_set(IRQ_VECTOR, x87_entry);
    uint64_t cr0;
    uint16_t status;
    bool good = true;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 & ~CR0_NE));
    ioapic_pin(PIN_COPROCESSOR, lapic_get(LAPIC_ID) >> 24, IRQ_VECTOR);
    for (unsigned i = 0; i < times; i++) {
        uint64_t interrupts = x87_interrupts;
        good &= survives(divide_with_interrupts, 0) && x87_interrupts == interrupts + 1;
        __asm__ volatile("fnstsw %0" : "=a"(status));
        good &= (status & 0x80ff) == 0;
    }
    ioapic_pin(PIN_COPROCESSOR, 0, PIN_MASKED);
    gate_restore(IRQ_VECTOR, before);
    __asm__ volatile("fninit; mov %0, %%cr0" : : "r"(cr0));
    return good;
}

static bool check_x87_irq(void) {
    return divisions_interrupt(1);
}

// IRQ 13 is an edge: the next one comes because port F0h has taken the line down.
static bool check_x87_irq_again(void) {
    return divisions_interrupt(IRQ_TIMES);
}

static void divide_vectors(uint64_t unused) {
    static const uint32_t control = MXCSR_UNMASKED,
                          ones[4] __attribute__((aligned(16))) = {0x3f800000, 0x3f800000, 0x3f800000, 0x3f800000};
    __asm__ volatile("ldmxcsr %0; movaps %1, %%xmm0; xorps %%xmm1, %%xmm1; divps %%xmm1, %%xmm0"
                     :
                     : "m"(control), "m"(ones));
}

static bool check_simd_error(void) {
    static const uint32_t masked = 0x1f80;
    uint64_t cr4 = read_cr4();
    write_cr4(cr4 | CR4_OSXMM);
    bool good = raises(divide_vectors, 0, XM, NO_ERROR);
    write_cr4(cr4 & ~CR4_OSXMM);
    good = good && raises(divide_vectors, 0, UD, NO_ERROR);
    write_cr4(cr4);
    __asm__ volatile("ldmxcsr %0" : : "m"(masked));
    return good;
}

#define EACH(f)  f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)
#define LOAD(n)  __asm__ volatile("vmovdqu %0, %%ymm" #n : : "m"(in[n]));
#define STORE(n) __asm__ volatile("vmovdqu %%ymm" #n ", %0" : "=m"(out[n]));

static bool ymm_kept(void) {
    static uint64_t in[16][4], out[16][4];
    for (unsigned i = 0; i < 64; i++)
        in[i / 4][i % 4] = 0x9e3779b97f4a7c15 * (i + 1);
    EACH(LOAD)
    exits();
    EACH(STORE)
    return memcmp(in, out, sizeof in) == 0;
}

// Where AVX is not offered, an instruction of it is undefined.
static void use_avx(uint64_t unused) {
    __asm__ volatile("vxorps %ymm0, %ymm0, %ymm0");
}

static bool check_avx_state(void) {
    uint64_t cr4 = read_cr4();
    if ((features() & CPUID_AVX) != CPUID_AVX)
        return raises(use_avx, 0, UD, NO_ERROR);
    bool good = raises(use_avx, 0, UD, NO_ERROR);
    write_cr4(cr4 | CR4_OSXSAVE);
    uint64_t xcr0 = get_xcr0();
    set_xcr0(7);
    good = good && get_xcr0() == 7 && ymm_kept();
    set_xcr0(3);
    good = good && raises(use_avx, 0, UD, NO_ERROR);
    set_xcr0(xcr0);
    write_cr4(cr4);
    return good;
}

const struct check float_checks[] = {
    {"x87-state", check_x87_state},
    {"x87-error", check_x87_error},
    {"simd-error", check_simd_error},
    {"avx-state", check_avx_state},
    {0},
};

const struct check x87_irq_checks[] = {
    {"x87-irq", check_x87_irq},
    {"x87-irq-again", check_x87_irq_again},
    {0},
};
