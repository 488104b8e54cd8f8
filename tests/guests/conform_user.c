// CPL 3 in 64-bit mode: what is refused there, what reaches it, and stacks of exceptions (SDM 3A 6.12, 6.14, 6.15).
#include "lib/string.h"
#include "tests/guests/conform.h"

#define UD 6u
#define DF 8u
#define TS 10u
#define NP 11u
#define GP 13u
#define PF 14u
#define AC 17u

#define CODE_KERNEL  8u
#define DATA_USER    (4u << 3 | 3)
#define CODE_USER    (5u << 3 | 3)
#define TSS          (6u << 3)
#define IF           (1ull << 9)
#define RFLAGS_AC    (1ull << 18)
#define CR0_AM       (1ull << 18)
#define CR4_TSD      (1ull << 2)
#define TEST_ADDRESS 0x3000000ull // 48 MiB: the supervisor's
#define USER_GATE    0x81u
#define IST_GATE     0x82u
#define SELF_VECTOR  0x83u
#define LAPIC_ICR    0x300u
#define ICR_SELF     (1u << 18 | 1u << 14)
#define UART_SCRATCH 0x3ffu
#define TABLES       0x60000ull
#define USER         4ull
#define STACK        1024u
#define PRESENT      0x80u
#define TSS_IST1     0x24u
#define TSS_BYTES    0x68u

static uint64_t gdt[8] = {
    0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff};
static uint8_t tss[TSS_BYTES + UART_SCRATCH / 8 + 2];
static uint8_t kernel_stack[STACK] __attribute__((aligned(16))), ist_stack[STACK] __attribute__((aligned(16))),
    user_stack[STACK] __attribute__((aligned(16))), code[32];

struct __attribute__((packed)) table {
    uint16_t limit;
    uint64_t base;
};

static volatile uint8_t *gate(unsigned vector) {
    struct table idtr;
    __asm__ volatile("sidt %0" : "=m"(idtr));
    return (volatile uint8_t *)idtr.base + 16 * vector;
}

static void set64(void *at, const void *value) {
    memcpy(at, &value, 8);
}

static void load_tss(uint32_t limit) {
    uint64_t base = (uint64_t)(uintptr_t)tss;
    gdt[6] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | base >> 24 << 56;
    gdt[7] = 0;
    __asm__ volatile("ltr %w0" : : "r"(TSS));
}

// The port of the UART's scratch register is CPL 3's, no other.
static void begin(void) {
    struct table gdtr = {sizeof gdt - 1, (uint64_t)(uintptr_t)gdt};
    __asm__ volatile("lgdt %0" : : "m"(gdtr));
    memset(tss, 0, TSS_BYTES);
    memset(tss + TSS_BYTES, 0xff, sizeof tss - TSS_BYTES);
    set64(tss + 4, kernel_stack + STACK);
    set64(tss + TSS_IST1, ist_stack + STACK);
    tss[0x66] = TSS_BYTES;
    tss[TSS_BYTES + UART_SCRATCH / 8] = 0x7f;
    load_tss(sizeof tss - 1);
    for (unsigned level = 0; level < 3; level++)
        *(volatile uint64_t *)(TABLES + level * 0x1000) |= USER;
    __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" : : : "rax", "memory");
}

static void end(void) {
    *(volatile uint64_t *)(TABLES + 0x2000) &= ~USER;
    __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3; push $2; popfq" : : : "rax", "memory", "cc");
}

// Enters the code with RAX a supervisor's address, RCX 0, DX the UART's scratch register; its RET ends at an UD2.
extern char user_end[];
static uint64_t user_flags, user_rax;
static void enter(uint64_t rip) {
    set64(user_stack + STACK - 16, user_end);
    __asm__ volatile("push %0; push %1; push %2; push %3; push %4; iretq; user_end: ud2"
                     :
                     : "r"((uint64_t)DATA_USER), "r"((uint64_t)(uintptr_t)(user_stack + STACK - 16)),
                       "r"(user_flags | 2), "r"((uint64_t)CODE_USER), "r"(rip), "a"(user_rax), "c"(0), "d"(UART_SCRATCH)
                     : "memory");
}

static void run(const uint8_t *bytes, unsigned length) {
    memset(code, 0xc3, sizeof code);
    memcpy(code, bytes, length);
    survives(enter, (uint64_t)(uintptr_t)code);
    __asm__ volatile("mov %0, %%ss; mov %0, %%ds; mov %0, %%es; cld" : : "r"(16));
}

static bool finished(void) {
    return last_exception.vector == UD && last_exception.rip == (uint64_t)(uintptr_t)user_end;
}

static bool refused(uint64_t vector, uint64_t error) {
    return last_exception.vector == vector && last_exception.error == error;
}

#define RUN(...) run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static bool check_user_privileged(void) {
    static const uint8_t each[][4] = {
        {0xfa},             // CLI
        {0xfb},             // STI
        {0xf4},             // HLT
        {0x0f, 0x06},       // CLTS
        {0x0f, 0x20, 0xc0}, // MOV RAX, CR0
        {0x0f, 0x22, 0xd8}, // MOV CR3, RAX
        {0x0f, 0x21, 0xc0}, // MOV RAX, DR0
        {0x0f, 0x23, 0xf8}, // MOV DR7, RAX
        {0x0f, 0x32},       // RDMSR
        {0x0f, 0x30},       // WRMSR
        {0x0f, 0x08},       // INVD
        {0x0f, 0x09},       // WBINVD
        {0x0f, 0x01, 0x10}, // LGDT
        {0x0f, 0x01, 0x18}, // LIDT
        {0x0f, 0x00, 0xd0}, // LLDT
        {0x0f, 0x00, 0xd8}, // LTR
        {0x0f, 0x01, 0xf0}, // LMSW
        {0x0f, 0x01, 0x38}, // INVLPG
        {0x0f, 0x01, 0xf8}, // SWAPGS
        {0xe4, 0x80},       // IN AL, 80h
        {0xe6, 0x80},       // OUT 80h, AL
    };
    begin();
    bool good = true;
    for (unsigned i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        run(each[i], sizeof(each[i]));
        if (!refused(GP, 0)) {
            print("  at CPL 3: %02x %02x %02x\n", each[i][0], each[i][1], each[i][2]);
            good = false;
        }
    }
    end();
    return good;
}

// CPUID, PAUSE, MOV to memory of its own, PUSH and POP; the code segment says CPL 3.
static bool check_user_code(void) {
    begin();
    RUN(0x31, 0xc0, 0x0f, 0xa2, 0xf3, 0x90, 0x50, 0x5b, 0x8c, 0xc8, 0x83, 0xf8, CODE_USER, 0x74, 0x01, 0xf4);
    bool good = finished();
    end();
    return good;
}

static bool check_user_memory(void) {
    uint64_t cr2;
    begin();
    user_rax = TEST_ADDRESS;
    RUN(0x8b, 0x40, 0x08);
    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    bool good = refused(PF, 5) && cr2 == TEST_ADDRESS + 8;
    RUN(0x89, 0x00);
    good &= refused(PF, 7);
    RUN(0xff, 0xe0);
    good &= refused(PF, 5) && last_exception.rip == TEST_ADDRESS;
    end();
    return good;
}

static bool check_user_ports(void) {
    begin();
    outb(UART_SCRATCH, 0x33);
    RUN(0xec, 0x3c, 0x33, 0x74, 0x01, 0xf4, 0xb0, 0x66, 0xee); // IN AL, DX; CMP AL, 33h; JE; HLT; MOV AL; OUT DX, AL
    bool good = finished() && inb(UART_SCRATCH) == 0x66;
    RUN(0x66, 0xed); // a word reaches into the next port
    good &= refused(GP, 0);
    user_rax = (uint64_t)(uintptr_t)user_stack;
    user_stack[0] = 0x77;
    RUN(0x48, 0x89, 0xc6, 0x6e); // MOV RSI, RAX; OUTSB
    good &= finished() && inb(UART_SCRATCH) == 0x77;
    end();
    return good;
}

// Gates are CPL 0's: the error code names the gate.
static bool check_user_gates(void) {
    begin();
    RUN(0xcc);
    bool good = refused(GP, 3 * 8 + 2);
    RUN(0xcd, USER_GATE);
    good &= refused(GP, USER_GATE * 8 + 2);
    end();
    return good;
}

static bool check_user_interrupts(void) {
    uint64_t before = interrupt_counts[USER_GATE], own = interrupt_counts[SELF_VECTOR];
    begin();
    gate(USER_GATE)[5] = 0xee;
    RUN(0xcd, USER_GATE);
    bool good = finished() && interrupt_counts[USER_GATE] == before + 1;
    gate(USER_GATE)[5] = 0x8e;
    lapic_set(LAPIC_ICR, SELF_VECTOR | ICR_SELF);
    user_flags = IF;
    RUN(0x90);
    user_flags = 0;
    good &= finished() && interrupt_counts[SELF_VECTOR] == own + 1;
    end();
    return good;
}

static bool check_user_rdtsc(void) {
    uint64_t cr4;
    begin();
    RUN(0x0f, 0x31);
    bool good = finished();
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_TSD));
    RUN(0x0f, 0x31);
    good &= refused(GP, 0);
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
    end();
    return good;
}

static bool check_alignment(void) {
    uint64_t cr0;
    begin();
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_AM));
    user_rax = (uint64_t)(uintptr_t)user_stack;
    user_flags = RFLAGS_AC;
    RUN(0x8b, 0x40, 0x01);
    bool good = refused(AC, 0);
    RUN(0x8b, 0x40, 0x04);
    good &= finished();
    user_flags = 0;
    RUN(0x8b, 0x40, 0x01);
    good &= finished();
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
    end();
    return good;
}

// ---- Exceptions in the delivery of others

static void touch(uint64_t address) {
    (void)*(volatile uint8_t *)address;
}

static void undefined(uint64_t unused) {
    __asm__ volatile("ud2");
}

static bool check_double_fault(void) {
    volatile uint8_t *page_fault = gate(PF) + 5, *protection = gate(GP) + 5;
    volatile uint64_t *entry = (volatile uint64_t *)(TABLES + 0x2000 + (TEST_ADDRESS >> 21) * 8);
    *page_fault &= (uint8_t)~PRESENT;
    *entry &= ~1ull;
    __asm__ volatile("invlpg (%0)" : : "r"(TEST_ADDRESS) : "memory");
    bool good = raises(touch, TEST_ADDRESS, DF, 0);
    *page_fault |= PRESENT;
    *entry |= 1;
    *protection &= (uint8_t)~PRESENT;
    uint64_t bad = 1ull << 60;
    good &= raises(touch, bad, DF, 0);
    *protection |= PRESENT;
    return good;
}

static bool check_absent_gate(void) {
    volatile uint8_t *type = gate(UD) + 5;
    *type &= (uint8_t)~PRESENT;
    bool good = raises(undefined, 0, NP, UD * 8 + 2 + 1);
    *type |= PRESENT;
    return good;
}

static void interrupt_by_ist(uint64_t unused) {
    __asm__ volatile("int $0x82");
}

static bool check_interrupt_stack(void) {
    begin();
    uint64_t before = interrupt_counts[IST_GATE], *frame = (uint64_t *)(void *)(ist_stack + STACK);
    memset(ist_stack, 0, STACK);
    gate(IST_GATE)[4] = 1;
    bool good = survives(interrupt_by_ist, 0) && interrupt_counts[IST_GATE] == before + 1 && frame[-4] == CODE_KERNEL &&
                frame[-5] != 0;
    load_tss(TSS_IST1 - 1);
    good &= raises(interrupt_by_ist, 0, TS, TSS);
    gate(IST_GATE)[4] = 0;
    load_tss(sizeof tss - 1);
    end();
    return good;
}

const struct check user_checks[] = {
    {"user-code", check_user_code},
    {"user-privileged", check_user_privileged},
    {"user-memory", check_user_memory},
    {"user-ports", check_user_ports},
    {"user-gates", check_user_gates},
    {"user-interrupts", check_user_interrupts},
    {"user-rdtsc", check_user_rdtsc},
    {"alignment", check_alignment},
    {"double-fault", check_double_fault},
    {"absent-gate", check_absent_gate},
    {"interrupt-stack", check_interrupt_stack},
    {0},
};
