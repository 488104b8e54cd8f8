// INIT and start-up IPIs (SDM 3A 8.4, 9.1.1, 10.4.7.3, 10.6.1; APM 2 14.1.3, 16.5).
#include "lib/string.h"
#include "tests/guests/conform_smp.h"

#define CR0_NW        (1ull << 29)
#define CR0_CD        (1ull << 30)
#define CR0_AT_INIT   0x10u // but for CD and NW
#define CR4_DE        (1ull << 3)
#define CR4_MCE       (1ull << 6)
#define MSR_EFER      0xc0000080u
#define EFER_SCE      1ull
#define LIMIT_AT_INIT 0xffffu

// Pages that start-up IPIs name.
enum { PAGE_LOW = 0x01, PAGE_MIDDLE = 0x40, PAGE_OTHER = 0x41, PAGE_HIGH = 0x90 };

static void settle(void) {
    smp_delay(2 * smp_ticks_10ms());
}

static void nothing(volatile struct cpu *cpu) {
}

// It has come once, to that page, and does what it is told.
static bool started(unsigned cpu, uint64_t before, uint8_t vector) {
    volatile struct cpu *c = &smp_cpus[cpu];
    smp_give(cpu, nothing, 0);
    return smp_done(cpu) && c->starts == before + 1 && c->page == vector && c->id == cpu;
}

// The second start-up IPI that the manual's sequence has finds the CPU running.
static bool check_start(void) {
    static const uint8_t vectors[CPUS] = {0, PAGE_LOW, PAGE_MIDDLE, PAGE_HIGH};
    bool good = true;
    smp_start_page(PAGE_OTHER);
    for (unsigned i = 1; i < CPUS; i++) {
        uint64_t before = smp_cpus[i].starts;
        smp_start_page(vectors[i]);
        good &= smp_start_one(i, vectors[i]);
        smp_send(i, ICR_STARTUP | PAGE_OTHER);
        settle();
        good &= started(i, before, vectors[i]);
    }
    return good;
}

static bool check_start_all(void) {
    uint64_t before[CPUS];
    bool good = true;
    for (unsigned i = 1; i < CPUS; i++)
        before[i] = smp_cpus[i].starts;
    smp_start_page(PAGE_MIDDLE);
    good &= smp_start_others(PAGE_MIDDLE);
    for (unsigned i = 1; i < CPUS; i++)
        good &= started(i, before[i], PAGE_MIDDLE);
    return good && smp_cpus[0].starts == 0;
}

static void start_third(volatile struct cpu *cpu) {
    cpu->result = smp_start_one(3, PAGE_MIDDLE);
}

static bool check_start_by_other(void) {
    uint64_t before = smp_cpus[3].starts;
    smp_start_page(PAGE_MIDDLE);
    smp_give(2, start_third, 0);
    return smp_done(2) && smp_cpus[2].result && started(3, before, PAGE_MIDDLE);
}

// ---- Registers after INIT (SDM 3A table 9-1)

static void make_dirty(volatile struct cpu *cpu) {
    uint64_t cr4;
    __asm__ volatile("mov %0, %%dr0; mov %0, %%cr2" : : "r"(0x12345678ull));
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x700ull));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_DE | CR4_MCE));
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(0xc0000100, 0x123450);
    cpu->result = 1;
    __asm__ volatile("mov %%rsp, %%rax; mov %%eax, %%ebx; mov %%eax, %%ecx; mov %%eax, %%edx; mov %%eax, %%esi;"
                     "mov %%eax, %%edi; mov %%eax, %%ebp; std; stc; 1: jmp 1b"
                     :
                     :
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi");
}

#define FIELD(name, value)                                                                                             \
    { #name, __builtin_offsetof(struct start_registers, name), sizeof(uint32_t), value }
#define SHORT(name, value)                                                                                             \
    { #name, __builtin_offsetof(struct start_registers, name), sizeof(uint16_t), value }

static const struct {
    const char *name;
    uint16_t offset, bytes;
    uint32_t value;
} at_init[] = {
    FIELD(eax, 0),  FIELD(ebx, 0),       FIELD(ecx, 0),
    FIELD(esi, 0),  FIELD(edi, 0),       FIELD(ebp, 0),
    FIELD(esp, 0),  FIELD(eflags, 2),    FIELD(cr0, CR0_AT_INIT),
    FIELD(cr2, 0),  FIELD(cr3, 0),       FIELD(cr4, 0),
    FIELD(dr0, 0),  FIELD(dr7, 0x400),   FIELD(dr6, 0xffff0ff0),
    FIELD(efer, 0), FIELD(fs_base, 0),   FIELD(gs_base, 0),
    SHORT(ds, 0),   SHORT(es, 0),        SHORT(fs, 0),
    SHORT(gs, 0),   SHORT(ss, 0),        SHORT(cs, PAGE_MIDDLE << 8),
    SHORT(tr, 0),   FIELD(gdtr_base, 0), SHORT(gdtr_limit, LIMIT_AT_INIT),
    SHORT(ldtr, 0), FIELD(idtr_base, 0), SHORT(idtr_limit, LIMIT_AT_INIT),
};

// CD, NW and EDX have checks of their own.
static bool registers_good(const volatile struct start_registers *registers) {
    bool good = true;
    for (unsigned i = 0; i < sizeof(at_init) / sizeof(at_init[0]); i++) {
        uint32_t value = 0;
        for (unsigned byte = at_init[i].bytes; byte-- > 0;)
            value = value << 8 | ((const volatile uint8_t *)registers)[at_init[i].offset + byte];
        if (at_init[i].offset == __builtin_offsetof(struct start_registers, cr0))
            value &= ~(uint32_t)(CR0_CD | CR0_NW);
        if (value != at_init[i].value)
            print("  %s is %x, not %x\n", at_init[i].name, value, at_init[i].value);
        good &= value == at_init[i].value;
    }
    return good;
}

static bool check_init_registers(void) {
    const volatile struct start_registers *registers = smp_start_page(PAGE_MIDDLE);
    smp_give(1, make_dirty, 0);
    return COMES(smp_cpus[1].result) && smp_start_one(1, PAGE_MIDDLE) && registers_good(registers);
}

// EDX: what CPUID has in EAX of leaf 1.
static bool check_init_signature(void) {
    const volatile struct start_registers *registers = smp_start_page(PAGE_MIDDLE);
    uint32_t signature = cpuid(1, 0).a;
    return smp_start_one(1, PAGE_MIDDLE) && registers->edx == signature;
}

static void set_caches(volatile struct cpu *cpu) {
    uint64_t cr0;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"((cr0 & ~(CR0_CD | CR0_NW)) | cpu->argument) : "memory");
}

// INIT leaves CD and NW alone, which RESET sets.
static bool check_init_caches(void) {
    const uint64_t each[] = {0, CR0_CD, CR0_CD | CR0_NW};
    for (unsigned i = 0; i < 3; i++) {
        const volatile struct start_registers *registers = smp_start_page(PAGE_MIDDLE);
        smp_give(1, set_caches, each[i]);
        if (!smp_done(1) || !smp_start_one(1, PAGE_MIDDLE) || registers->cr0 != (each[i] | CR0_AT_INIT))
            return false;
    }
    return true;
}

static const struct {
    uint32_t msr;
    uint64_t value;
} kept[] = {
    {0x174, 0x8},
    {0x175, 0x123456789abcull},
    {0x277, 0x0007010600070106ull},
    {0xc0000081, 0x0018000800001234ull},
    {0xc0000082, 0xffff800012345678ull},
    {0xc0000084, 0x47700},
    {0xc0000102, 0xffff8aaaaaaaa000ull},
};
static uint8_t vector_image[2][512] __attribute__((aligned(16)));

static void set_msrs(volatile struct cpu *cpu) {
    for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        wrmsr(kept[i].msr, kept[i].value);
}

static void compare_msrs(volatile struct cpu *cpu) {
    cpu->result = 1;
    for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        cpu->result &= rdmsr(kept[i].msr) == kept[i].value;
}

static void set_vectors(volatile struct cpu *cpu) {
    __asm__ volatile("fninit; fld1; fldpi; fxsave64 %0" : "=m"(vector_image[0]));
    for (unsigned i = 160; i < 160 + 256; i++)
        vector_image[0][i] = (uint8_t)(i * 7);
    *(uint32_t *)(uintptr_t)(vector_image[0] + 24) = 0x1f00; // MXCSR
    __asm__ volatile("fxrstor64 %0" : : "m"(vector_image[0]));
}

// Not the pointers of the last instruction and operand, which some processors do not restore.
static void compare_vectors(volatile struct cpu *cpu) {
    __asm__ volatile("fxsave64 %0" : "=m"(vector_image[1]));
    cpu->result = memcmp(vector_image[0], vector_image[1], 6) == 0 &&
                  memcmp(vector_image[0] + 24, vector_image[1] + 24, 4) == 0 &&
                  memcmp(vector_image[0] + 32, vector_image[1] + 32, 384) == 0;
}

static void compare_tsc(volatile struct cpu *cpu) {
    cpu->result = rdtsc() > cpu->argument;
}

// What is set up before is there after INIT.
static bool outlives(void (*set)(volatile struct cpu *), void (*compare)(volatile struct cpu *), uint64_t argument) {
    smp_give(1, set, 0);
    bool good = smp_done(1);
    smp_start_page(PAGE_MIDDLE);
    good = good && smp_start_one(1, PAGE_MIDDLE);
    smp_give(1, compare, argument);
    return smp_done(1) && smp_cpus[1].result && good;
}

static bool check_init_msrs(void) {
    return outlives(set_msrs, compare_msrs, 0);
}

static bool check_init_vectors(void) {
    return outlives(set_vectors, compare_vectors, 0);
}

static bool check_init_tsc(void) {
    return outlives(nothing, compare_tsc, rdtsc());
}

// ---- INIT in each state

static void count_forever(volatile struct cpu *cpu) {
    for (;;)
        cpu->result = cpu->result + 1;
}

static void halt_forever(volatile struct cpu *cpu) {
    cpu->result = 1;
    for (;;)
        __asm__ volatile("cli; hlt");
}

// INIT stops it, and only a start-up IPI starts it.
static bool stops_and_starts(unsigned cpu) {
    volatile struct cpu *c = &smp_cpus[cpu];
    uint64_t before = c->starts;
    smp_start_page(PAGE_MIDDLE);
    smp_send(cpu, ICR_INIT);
    settle();
    uint64_t result = c->result;
    settle();
    bool good = c->result == result && c->starts == before;
    smp_send(cpu, ICR_STARTUP | PAGE_MIDDLE);
    return COMES(c->starts > before) && started(cpu, before, PAGE_MIDDLE) && good;
}

static bool check_init_running(void) {
    smp_give(1, count_forever, 0);
    return COMES(smp_cpus[1].result) && stops_and_starts(1);
}

static bool check_init_halted(void) {
    smp_give(2, halt_forever, 0);
    return COMES(smp_cpus[2].result) && stops_and_starts(2);
}

// A CPU that waits for its start-up IPI takes nothing else, and another INIT changes nothing.
static bool check_init_waiting(void) {
    uint64_t before = smp_cpus[1].starts;
    smp_send(1, ICR_INIT);
    settle();
    smp_give(1, nothing, 0);
    settle();
    bool good = smp_cpus[1].work && smp_cpus[1].starts == before;
    return stops_and_starts(1) && good;
}

// INIT on the heels of a start-up IPI: whether or not the CPU came to run between, it waits for another.
static bool check_init_again(void) {
    smp_start_page(PAGE_MIDDLE);
    smp_send(1, ICR_INIT);
    smp_send(1, ICR_STARTUP | PAGE_MIDDLE);
    smp_send(1, ICR_INIT);
    settle();
    smp_give(1, nothing, 0);
    settle();
    bool good = smp_cpus[1].work;
    return stops_and_starts(1) && good;
}

// Of two start-up IPIs the first one counts.
static bool check_two_startups(void) {
    uint64_t before = smp_cpus[1].starts;
    smp_start_page(PAGE_MIDDLE);
    smp_start_page(PAGE_OTHER);
    smp_send(1, ICR_INIT);
    smp_delay(smp_ticks_10ms());
    smp_send(1, ICR_STARTUP | PAGE_MIDDLE);
    smp_send(1, ICR_STARTUP | PAGE_OTHER);
    bool good = COMES(smp_cpus[1].starts > before);
    settle();
    return good && started(1, before, PAGE_MIDDLE);
}

// A CPU that runs or halts ignores a start-up IPI, and all ignore INIT's level being de-asserted.
static bool check_startup_running(void) {
    uint64_t one = smp_cpus[1].starts, two = smp_cpus[2].starts;
    smp_start_page(PAGE_OTHER);
    smp_give(1, count_forever, 0);
    bool good = COMES(smp_cpus[1].result);
    smp_send(1, ICR_STARTUP | PAGE_OTHER);
    smp_send(2, ICR_STARTUP | PAGE_OTHER);
    smp_send(0, ICR_ALL | ICR_LEVEL | ICR_INIT);
    settle();
    uint64_t result = smp_cpus[1].result;
    good = good && COMES(smp_cpus[1].result > result) && smp_cpus[1].starts == one && smp_cpus[2].starts == two;
    smp_give(2, nothing, 0);
    return smp_done(2) && stops_and_starts(1) && good;
}

const struct check smp_start_checks[] = {
    {"start", check_start},
    {"start-all", check_start_all},
    {"start-by-other", check_start_by_other},
    {"init-registers", check_init_registers},
    {"init-signature", check_init_signature},
    {"init-caches", check_init_caches},
    {"init-msrs", check_init_msrs},
    {"init-vectors", check_init_vectors},
    {"init-tsc", check_init_tsc},
    {"init-running", check_init_running},
    {"init-halted", check_init_halted},
    {"init-waiting", check_init_waiting},
    {"startup-running", check_startup_running},
    {0},
};

// What QEMU does not do alike each time: its CPUs look at these signals now and then.
const struct check smp_signal_checks[] = {
    {"init-again", check_init_again},
    {"two-startups", check_two_startups},
    {0},
};
