// Accesses, strings of ports and instructions that lie across two pages: of memory, of a device, or of nothing.
#include "lib/string.h"
#include "tests/guests/conform.h"

#define PF            14u
#define PAGE          0x1000ull
#define DIRECTORY     0x62000ull
#define TABLE         0x74000ull   // of the pages of the window
#define WINDOW        0x5400000ull // 84 MiB
#define EDGE          (WINDOW + PAGE)
#define PAGE_A        0x1400000ull
#define PAGE_B        0x1602000ull // not behind PAGE_A
#define IOAPIC_SELECT 0xfec00000ull
#define NOTHING       0xd0000000ull // neither memory nor a device's
#define PRESENT       3ull
#define UNCACHED      0x13ull
#define UART_SCRATCH  0x3ff
#define PCI_ADDRESS   0xcf8
#define MSR_PAT       0x277u

static volatile uint32_t *const ioapic_select = (volatile uint32_t *)IOAPIC_SELECT;
static volatile uint8_t *const page_a = (volatile uint8_t *)PAGE_A, *const page_b = (volatile uint8_t *)PAGE_B;

static void window(uint64_t first, uint64_t second) {
    volatile uint64_t *table = (volatile uint64_t *)TABLE;
    memset((void *)TABLE, 0, PAGE);
    table[0] = first;
    table[1] = second;
    ((volatile uint64_t *)DIRECTORY)[WINDOW >> 21] = TABLE | PRESENT;
    __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" : : : "rax", "memory");
}

static void window_of_memory(void) {
    window(PAGE_A | PRESENT, PAGE_B | PRESENT);
}

static uint64_t read_cr2(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static void store(uint64_t address) {
    *(volatile uint32_t *)address = 0x44332211;
}

static bool check_memory_crossing(void) {
    uint64_t popped;
    window_of_memory();
    *(volatile uint64_t *)(EDGE - 3) = 0x8877665544332211;
    bool good = page_a[PAGE - 1] == 0x33 && page_b[0] == 0x44 && page_b[4] == 0x88;
    __asm__ volatile("lock addl $1, (%0)" : : "r"(EDGE - 2) : "memory", "cc");
    good &= *(volatile uint32_t *)(EDGE - 2) == 0x55443323;
    __asm__ volatile("mov %%rsp, %%r8; mov %1, %%rsp; push %2; pop %0; mov %%r8, %%rsp"
                     : "=&r"(popped)
                     : "r"(EDGE + 4), "r"(0x123456789abcdef0ull)
                     : "r8", "memory");
    return good && popped == 0x123456789abcdef0 && page_b[0] == 0x78;
}

// Nothing of a store that faults on its second page is done.
static bool check_crossing_fault(void) {
    window(PAGE_A | PRESENT, 0);
    page_a[PAGE - 2] = page_a[PAGE - 1] = 0x5a;
    bool good =
        raises(store, EDGE - 2, PF, 2) && read_cr2() == EDGE && page_a[PAGE - 2] == 0x5a && page_a[PAGE - 1] == 0x5a;
    window(PAGE_A | PRESENT, PAGE_B | 1);
    uint64_t cr0;
    __asm__ volatile("mov %%cr0, %0; mov %0, %%rax; or $0x10000, %%eax; mov %%rax, %%cr0" : "=r"(cr0) : : "rax");
    good = good && raises(store, EDGE - 1, PF, 3) && read_cr2() == EDGE && page_a[PAGE - 1] == 0x5a;
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
    window(IOAPIC_SELECT | UNCACHED, 0);
    return good && raises(store, EDGE - 2, PF, 2) && read_cr2() == EDGE;
}

// The part of an access that is memory's, and the part that is the device's.
static bool check_device_crossing(void) {
    window(PAGE_A | PRESENT, IOAPIC_SELECT | UNCACHED);
    *(volatile uint32_t *)(EDGE - 2) = 0x00077711;
    bool good = page_a[PAGE - 2] == 0x11 && page_a[PAGE - 1] == 0x77 && *ioapic_select == 7 &&
                *(volatile uint32_t *)(EDGE - 2) == 0x00077711;
    *(volatile uint32_t *)PAGE_B = 0x66554433;
    window(NOTHING | UNCACHED, PAGE_B | PRESENT);
    *(volatile uint32_t *)(EDGE - 2) = 0x88770000;
    good &= page_b[0] == 0x77 && page_b[1] == 0x88 && page_b[2] == 0x55;
    window(PAGE_A | PRESENT, NOTHING | UNCACHED);
    *(volatile uint32_t *)(EDGE - 2) = 0x12345678;
    return good && page_a[PAGE - 2] == 0x78 && page_a[PAGE - 1] == 0x56;
}

// ---- Strings of ports

// A handler of #PF that keeps the registers it was at, shows the second page, and lets the instruction run again.
extern char repair[];
__attribute__((used)) static volatile uint64_t repaired_rcx, repaired_rsi, repaired_rdi, repaired_cr2, repaired_error;
__asm__("repair: push %rax\n"
        "  mov %rcx, repaired_rcx(%rip); mov %rsi, repaired_rsi(%rip); mov %rdi, repaired_rdi(%rip)\n"
        "  mov 8(%rsp), %rax; mov %rax, repaired_error(%rip)\n"
        "  mov %cr2, %rax; mov %rax, repaired_cr2(%rip)\n"
        "  movq $0x1602003, 0x74008\n"
        "  invlpg (%rax)\n"
        "  pop %rax; add $8, %rsp; iretq\n");

static void with_repair(void (*action)(void)) {
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr;
    __asm__ volatile("sidt %0" : "=m"(idtr));
    volatile uint16_t *gate = (volatile uint16_t *)(idtr.base + 16 * PF), low = gate[0], middle = gate[3];
    gate[0] = (uint16_t)(uintptr_t)repair;
    gate[3] = (uint16_t)((uintptr_t)repair >> 16);
    action();
    gate[0] = low;
    gate[3] = middle;
}

static uint64_t string_at, string_count;

static void ins_bytes(void) {
    __asm__ volatile("rep insb" : "+D"(string_at), "+c"(string_count) : "d"(UART_SCRATCH) : "memory");
}

static void ins_longs(void) {
    __asm__ volatile("rep insl" : "+D"(string_at), "+c"(string_count) : "d"(PCI_ADDRESS) : "memory");
}

static void outs_bytes(void) {
    __asm__ volatile("rep outsb" : "+S"(string_at), "+c"(string_count) : "d"(UART_SCRATCH) : "memory");
}

static void outs_longs(void) {
    __asm__ volatile("rep outsl" : "+S"(string_at), "+c"(string_count) : "d"(PCI_ADDRESS) : "memory");
}

static void string(void (*action)(void), uint64_t at, uint64_t count) {
    string_at = at;
    string_count = count;
    repaired_cr2 = 0;
    with_repair(action);
}

static bool bytes_are(uint8_t value) {
    for (uint64_t at = EDGE - 8; at < EDGE + 8; at++)
        if (*(volatile uint8_t *)at != value)
            return false;
    return true;
}

static bool check_string_port_pages(void) {
    window_of_memory();
    outb(UART_SCRATCH, 0xa5);
    string(ins_bytes, EDGE - 8, 16);
    bool good = bytes_are(0xa5) && string_at == EDGE + 8 && string_count == 0;
    outl(PCI_ADDRESS, 0x80000014);
    string(ins_longs, EDGE - 6, 3);
    good &= *(volatile uint32_t *)(EDGE - 2) == 0x80000014 && *(volatile uint32_t *)(EDGE + 2) == 0x80000014;
    *(volatile uint32_t *)(EDGE - 2) = 0x80000108;
    string(outs_longs, EDGE - 2, 1);
    good &= inl(PCI_ADDRESS) == 0x80000108 && string_at == EDGE + 2;
    page_b[7] = 0x3c;
    string(outs_bytes, EDGE - 8, 16);
    return good && inb(UART_SCRATCH) == 0x3c && repaired_cr2 == 0;
}

static bool check_string_port_faults(void) {
    window(PAGE_A | PRESENT, 0);
    outb(UART_SCRATCH, 0x96);
    string(ins_bytes, EDGE - 8, 16);
    bool good = repaired_cr2 == EDGE && repaired_error == 2 && repaired_rcx == 8 && repaired_rdi == EDGE &&
                bytes_are(0x96) && string_at == EDGE + 8 && string_count == 0;
    window(PAGE_A | PRESENT, 0);
    page_b[7] = 0x69;
    string(outs_bytes, EDGE - 8, 16);
    good &= repaired_cr2 == EDGE && repaired_error == 0 && repaired_rcx == 8 && repaired_rsi == EDGE &&
            inb(UART_SCRATCH) == 0x69 && string_at == EDGE + 8;
    window(PAGE_A | PRESENT, 0);
    outl(PCI_ADDRESS, 0x80000018);
    string(ins_longs, EDGE - 6, 2);
    return good && repaired_cr2 == EDGE && repaired_rcx == 1 && repaired_rdi == EDGE - 2 &&
           *(volatile uint32_t *)(EDGE - 6) == 0x80000018 && *(volatile uint32_t *)(EDGE - 2) == 0x80000018;
}

// ---- Instructions that exit, on both pages

static const struct {
    uint8_t length, bytes[8];
    uint32_t rcx;
} instructions[] = {
    {2, {0x0f, 0xa2}, 0},                      // CPUID
    {4, {0x41, 0x0f, 0x22, 0xe0}, 0},          // MOV CR4, R8
    {4, {0x44, 0x0f, 0x20, 0xc0}, 0},          // MOV RAX, CR8
    {2, {0x0f, 0x32}, MSR_PAT},                // RDMSR
    {2, {0xe6, 0x80}, 0},                      // OUT 80h, AL
    {6, {0x89, 0xae, 0, 0, 0, 0}, 0},          // MOV [RSI+0], EBP
    {7, {0xc7, 0x46, 0x00, 0x05, 0, 0, 0}, 0}, // MOV dword [RSI+0], 5
    {2, {0xf3, 0x6e}, 1},                      // REP OUTSB
    {2, {0x0f, 0x09}, 0},                      // WBINVD
    {2, {0xf3, 0x90}, 0},                      // PAUSE
};

static void run_across(uint64_t number) {
    register uint64_t r8 __asm__("r8");
    uint64_t a = 0, c = instructions[number].rcx, d = UART_SCRATCH, s = IOAPIC_SELECT;
    __asm__ volatile("mov %%cr4, %0" : "=r"(r8));
    __asm__ volatile("call *%5"
                     : "+a"(a), "+c"(c), "+d"(d), "+S"(s), "+r"(r8)
                     : "D"(string_at)
                     : "rbx", "memory", "cc");
}

static bool check_code_crossing(void) {
    window_of_memory();
    for (unsigned n = 0; n < sizeof(instructions) / sizeof(instructions[0]); n++) {
        for (unsigned split = 1; split < instructions[n].length; split++) {
            string_at = EDGE - split;
            memcpy((void *)string_at, instructions[n].bytes, instructions[n].length);
            *(volatile uint8_t *)(string_at + instructions[n].length) = 0xc3;
            if (!survives(run_across, n)) {
                print("  instruction %u, split behind byte %u\n", n, split);
                return false;
            }
        }
    }
    return *ioapic_select == 5;
}

const struct check page_checks[] = {
    {"memory-crossing", check_memory_crossing},
    {"crossing-fault", check_crossing_fault},
    {"device-crossing", check_device_crossing},
    {"string-port-pages", check_string_port_pages},
    {"string-port-faults", check_string_port_faults},
    {"code-crossing", check_code_crossing},
    {0},
};
