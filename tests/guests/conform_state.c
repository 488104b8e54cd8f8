// State that has to outlive exits: MSRs, control and debug registers, vector registers, time; and memory as code.
#include "tests/guests/conform.h"

#define MSR_TSC            0x10u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_SFMASK         0xc0000084u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_EFER           0xc0000080u
#define EFER_SCE           1ull
#define CR0_NE             (1ull << 5)
#define CR0_NW             (1ull << 29)
#define CR0_CD             (1ull << 30)
#define CR4_MCE            (1ull << 6)
#define CR4_TSD            (1ull << 2)
#define UART_SCRATCH       0x3ff
#define PCI_ADDRESS        0xcf8
#define TIMES              20u

#define PAGE_DIRECTORIES 0x62000ull
#define VIEW             0x5000000ull // 80 MiB: shown is one or the other of two pages
#define PAGE_A           0x1000000ull
#define PAGE_B           0x1200000ull

static void exit_by_cpuid(void) {
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static bool keeps(uint32_t msr, uint64_t value) {
    uint64_t before = rdmsr(msr);
    wrmsr(msr, value);
    exit_by_cpuid();
    bool good = rdmsr(msr) == value;
    wrmsr(msr, before);
    return good && rdmsr(msr) == before;
}

static bool check_msrs(void) {
    static const struct {
        uint32_t msr;
        uint64_t value;
    } each[] = {
        {0x174, 0x8},
        {0x175, 0x123456789abcull},
        {0x176, 0xffffffff80001234ull},
        {0x277, 0x0007010600070106ull},
        {MSR_STAR, 0x0018000800001234ull},
        {MSR_LSTAR, 0xffff800012345678ull},
        {0xc0000083, 0x7fff12345678ull},
        {MSR_SFMASK, 0x47700},
        {0xc0000100, 0x7fff87654321ull},
        {0xc0000101, 0xffff812345678000ull},
        {MSR_KERNEL_GS_BASE, 0xffff8aaaaaaaa000ull},
    };
    for (unsigned i = 0; i < sizeof(each) / sizeof(each[0]); i++)
        if (!keeps(each[i].msr, each[i].value))
            return false;
    return true;
}

#define CONTROL_KEEPS(n, bit)                                                                                          \
    static bool cr##n##_##bit(void) {                                                                                  \
        uint64_t before, with, without;                                                                                \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(before));                                                         \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(before | CR##n##_##bit) : "memory");                                \
        exit_by_cpuid();                                                                                               \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(with));                                                           \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(before & ~CR##n##_##bit) : "memory");                               \
        exit_by_cpuid();                                                                                               \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(without));                                                        \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(before) : "memory");                                                \
        return with == (before | CR##n##_##bit) && without == (before & ~CR##n##_##bit);                               \
    }
CONTROL_KEEPS(0, NE)
CONTROL_KEEPS(0, CD)
CONTROL_KEEPS(4, MCE)
CONTROL_KEEPS(4, TSD)

// CD and NW together: no fill of caches, no write-through.
static bool no_cache(void) {
    uint64_t before, with;
    __asm__ volatile("mov %%cr0, %0" : "=r"(before));
    __asm__ volatile("mov %0, %%cr0" : : "r"(before | CR0_CD | CR0_NW) : "memory");
    __asm__ volatile("wbinvd");
    __asm__ volatile("mov %%cr0, %0" : "=r"(with));
    __asm__ volatile("mov %0, %%cr0" : : "r"(before) : "memory");
    return (with & (CR0_CD | CR0_NW)) == (CR0_CD | CR0_NW);
}

static bool check_control_registers(void) {
    return cr0_NE() && cr0_CD() && cr4_MCE() && cr4_TSD() && no_cache();
}

static bool check_debug_registers(void) {
    uint64_t a, b, c, d;
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr2; mov %3, %%dr3"
                     :
                     : "r"(0x1000ull), "r"(0x7fff00002000ull), "r"(0xffff800000003000ull), "r"(~0ull));
    for (unsigned i = 0; i < TIMES; i++)
        exit_by_cpuid();
    __asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3" : "=r"(a), "=r"(b), "=r"(c), "=r"(d));
    return a == 0x1000 && b == 0x7fff00002000 && c == 0xffff800000003000 && d == ~0ull;
}

static bool check_vector_state(void) {
    static uint64_t in[32] __attribute__((aligned(16))), out[32] __attribute__((aligned(16)));
    for (unsigned i = 0; i < 32; i++)
        in[i] = 0x0123456789abcdefull * (i + 1);
#define EACH(f)  f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)
#define LOAD(n)  __asm__ volatile("movdqa %0, %%xmm" #n : : "m"(in[2 * n]));
#define STORE(n) __asm__ volatile("movdqa %%xmm" #n ", %0" : "=m"(out[2 * n]));
    EACH(LOAD)
    for (unsigned i = 0; i < TIMES; i++) {
        exit_by_cpuid();
        (void)inb(UART_SCRATCH);
    }
    EACH(STORE)
    for (unsigned i = 0; i < 32; i++)
        if (in[i] != out[i])
            return false;
    return true;
}

// It never goes backwards, exits or not.
static bool check_tsc_forward(void) {
    uint64_t last = rdtsc();
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = rdtsc();
        if (now < last)
            return false;
        last = now;
        if (i % 10 == 0)
            exit_by_cpuid();
    }
    return true;
}

static bool check_tsc_set(void) {
    uint64_t last = rdtsc();
    wrmsr(MSR_TSC, 1ull << 50);
    uint64_t now = rdtsc();
    wrmsr(MSR_TSC, last);
    return now - (1ull << 50) < 1ull << 40 && rdtsc() - last < 1ull << 40;
}

static bool check_syscall(void) {
    uint64_t flags, came_back = 0, efer = rdmsr(MSR_EFER), star = rdmsr(MSR_STAR), lstar = rdmsr(MSR_LSTAR);
    wrmsr(MSR_EFER, efer | EFER_SCE);
    wrmsr(MSR_STAR, 8ull << 32);
    wrmsr(MSR_SFMASK, 0x4000 | 0x1); // NT and CF
    uint64_t handler;
    __asm__ volatile("leaq 1f(%%rip), %0" : "=r"(handler));
    wrmsr(MSR_LSTAR, handler);
    exit_by_cpuid();
    __asm__ volatile(
        "stc; lea 2f(%%rip), %%rdx; syscall; 2: ud2; 1: pushfq; pop %0; xor %%eax, %%eax; cmp %%rdx, %%rcx; "
        "sete %%al; mov %%rax, %1"
        : "=&r"(flags), "=&r"(came_back)
        :
        : "rax", "rcx", "rdx", "r11", "memory");
    wrmsr(MSR_STAR, star);
    wrmsr(MSR_LSTAR, lstar);
    wrmsr(MSR_EFER, efer);
    return came_back == 1 && (flags & 1) == 0;
}

static bool check_self_modifying_code(void) {
    static uint8_t code[8] __attribute__((aligned(16))) = {0xb8, 0, 0, 0, 0, 0xc3}; // MOV EAX, n; RET
    for (uint32_t n = 1; n < 100; n++) {
        *(volatile uint32_t *)(uintptr_t)(code + 1) = n;
        uint32_t got;
        __asm__ volatile("call *%1" : "=a"(got) : "r"(code) : "memory");
        if (got != n)
            return false;
    }
    return true;
}

static void show(uint64_t page) {
    *(volatile uint64_t *)(PAGE_DIRECTORIES + (VIEW >> 21) * 8) = page | 0x83;
    __asm__ volatile("invlpg (%0)" : : "r"(VIEW) : "memory");
}

static bool check_invlpg(void) {
    volatile uint64_t *a = (volatile uint64_t *)PAGE_A, *b = (volatile uint64_t *)PAGE_B,
                      *view = (volatile uint64_t *)VIEW;
    bool good = true;
    for (uint64_t i = 1; i < TIMES && good; i++) {
        *a = i;
        *b = ~i;
        show(PAGE_A);
        good = *view == i;
        show(PAGE_B);
        good = good && *view == ~i;
    }
    show(VIEW);
    return good;
}

static bool check_ports(void) {
    bool good = true;
    for (unsigned value = 0; value < 256; value += 51) {
        outb(UART_SCRATCH, (uint8_t)value);
        good &= inb(UART_SCRATCH) == value;
    }
    outl(PCI_ADDRESS, 0x80000008);
    good &= inl(PCI_ADDRESS) == 0x80000008;
    outl(PCI_ADDRESS, 0x80000000);
    uint32_t id = inl(0xcfc);
    return good && inw(0xcfc) == (uint16_t)id && inw(0xcfe) == id >> 16 && inb(0xcfd) == (uint8_t)(id >> 8);
}

// REP OUTSB upwards leaves the last byte, with DF the first; REP INSB fills.
static bool check_string_ports(void) {
    static uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    const uint8_t *from = bytes;
    uint8_t *to = bytes;
    uint64_t count = 16;
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(UART_SCRATCH) : "memory");
    bool good = inb(UART_SCRATCH) == 16 && from == bytes + 16 && count == 0;
    from = bytes + 15;
    count = 16;
    __asm__ volatile("std; rep outsb; cld" : "+S"(from), "+c"(count) : "d"(UART_SCRATCH) : "memory");
    good &= inb(UART_SCRATCH) == 1 && from == bytes - 1 && count == 0;
    count = 16;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(UART_SCRATCH) : "memory");
    for (unsigned i = 0; i < 16; i++)
        good &= bytes[i] == 1;
    return good && to == bytes + 16 && count == 0;
}

const struct check state_checks[] = {
    {"msrs", check_msrs},
    {"control-registers", check_control_registers},
    {"debug-registers", check_debug_registers},
    {"vector-state", check_vector_state},
    {"tsc-forward", check_tsc_forward},
    {"tsc-set", check_tsc_set},
    {"syscall", check_syscall},
    {"self-modifying-code", check_self_modifying_code},
    {"invlpg", check_invlpg},
    {"ports", check_ports},
    {"string-ports", check_string_ports},
    {0},
};
