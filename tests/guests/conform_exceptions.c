// Exceptions: vector and error code of each (SDM 3A 6.15).
#include "tests/guests/conform.h"

#define DE 0u
#define DB 1u
#define BP 3u
#define UD 6u
#define NM 7u
#define NP 11u
#define SS 12u
#define GP 13u
#define PF 14u

#define CR0_PE   (1ull << 0)
#define CR0_TS   (1ull << 3)
#define CR0_WP   (1ull << 16)
#define CR0_NW   (1ull << 29)
#define CR0_NE   (1ull << 5)
#define CR0_CD   (1ull << 30)
#define CR0_PG   (1ull << 31)
#define CR4_PAE  (1ull << 5)
#define CR4_MCE  (1ull << 6)
#define EFER     0xc0000080u
#define EFER_NXE (1ull << 11)

// A page of the tables of start.asm is 2 MiB; this one is played with.
#define PAGE_DIRECTORIES 0x62000ull
#define TEST_ADDRESS     0x3000000ull // 48 MiB
#define TEST_ENTRY       ((volatile uint64_t *)(PAGE_DIRECTORIES + (TEST_ADDRESS >> 21) * 8))
#define ENTRY_PRESENT    (TEST_ADDRESS | 0x83)
#define ENTRY_READ_ONLY  (TEST_ADDRESS | 0x81)

static uint64_t read_cr0(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static void write_cr0(uint64_t value) {
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static void set_entry(uint64_t entry) {
    *TEST_ENTRY = entry;
    __asm__ volatile("invlpg (%0)" : : "r"(TEST_ADDRESS) : "memory");
}

static void divide(uint64_t by) {
    __asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; div %0" : : "r"((uint32_t)by) : "rax", "rdx");
}

static bool check_divide(void) {
    return raises(divide, 0, DE, NO_ERROR) && survives(divide, 1);
}

static void undefined(uint64_t unused) {
    __asm__ volatile("ud2");
}

static bool check_undefined(void) {
    return raises(undefined, 0, UD, NO_ERROR);
}

static void write_lstar(uint64_t value) {
    wrmsr(0xc0000082, value);
}

static void touch(uint64_t address) {
    (void)*(volatile uint8_t *)address;
}

static void load_fs(uint64_t selector) {
    __asm__ volatile("mov %0, %%fs" : : "r"((uint16_t)selector));
}

static bool check_bad_selector(void) {
    return raises(load_fs, 0x7ff8, GP, 0x7ff8);
}

static bool check_bad_msr_value(void) {
    return raises(write_lstar, 1ull << 63, GP, 0);
}

// The descriptor table of start.asm is writable: entry 3 loses its present bit for a moment.
static volatile uint64_t *descriptor(void) {
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } gdtr;
    __asm__ volatile("sgdt %0" : "=m"(gdtr));
    return (volatile uint64_t *)gdtr.base + 3;
}

static void load_ss(uint64_t selector) {
    uint16_t before;
    __asm__ volatile("mov %%ss, %0; mov %1, %%ss; mov %0, %%ss" : "=&r"(before) : "r"((uint16_t)selector));
}

static bool without_present(void (*load)(uint64_t), uint64_t vector) {
    volatile uint64_t *entry = descriptor();
    uint64_t saved = *entry;
    *entry = 0x00cf13000000ffff; // data, not present
    bool good = raises(load, 24, vector, 24);
    *entry = saved;
    return good;
}

static bool check_not_present_segment(void) {
    return without_present(load_fs, NP);
}

static void through_stack_segment(uint64_t address) {
    uint64_t frame;
    __asm__ volatile("mov %%rbp, %0; mov %1, %%rbp; mov (%%rbp), %%rax; mov %0, %%rbp"
                     : "=&r"(frame)
                     : "r"(address)
                     : "rax");
}

static bool check_stack_segment(void) {
    return without_present(load_ss, SS);
}

// #GP, but #SS where RBP is the base.
static bool check_not_canonical(void) {
    return raises(touch, 1ull << 60, GP, 0) && raises(through_stack_segment, 1ull << 60, SS, 0);
}

static void store(uint64_t address) {
    *(volatile uint8_t *)address = 0xc3; // RET
}

static uint64_t read_cr2(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static bool check_page_fault(void) {
    set_entry(0);
    bool good = raises(touch, TEST_ADDRESS + 5, PF, 0) && read_cr2() == TEST_ADDRESS + 5 &&
                raises(store, TEST_ADDRESS + 0x1234, PF, 2) && read_cr2() == TEST_ADDRESS + 0x1234;
    set_entry(ENTRY_PRESENT);
    return good && survives(store, TEST_ADDRESS);
}

static bool check_write_protect(void) {
    uint64_t cr0 = read_cr0();
    set_entry(ENTRY_READ_ONLY);
    write_cr0(cr0 & ~CR0_WP);
    bool good = survives(store, TEST_ADDRESS);
    write_cr0(cr0 | CR0_WP);
    good = good && raises(store, TEST_ADDRESS, PF, 3) && survives(touch, TEST_ADDRESS);
    write_cr0(cr0);
    set_entry(ENTRY_PRESENT);
    return good;
}

static void call(uint64_t address) {
    ((void (*)(void))address)();
}

static bool check_no_execute(void) {
    store(TEST_ADDRESS);
    bool good = survives(call, TEST_ADDRESS);
    wrmsr(EFER, rdmsr(EFER) | EFER_NXE);
    set_entry(ENTRY_PRESENT | 1ull << 63);
    good = good && raises(call, TEST_ADDRESS, PF, 0x11) && survives(touch, TEST_ADDRESS);
    set_entry(ENTRY_PRESENT);
    wrmsr(EFER, rdmsr(EFER) & ~EFER_NXE);
    return good && survives(call, TEST_ADDRESS);
}

static void breakpoint(uint64_t unused) {
    __asm__ volatile("int3");
}

static bool check_breakpoint(void) {
    return raises(breakpoint, 0, BP, NO_ERROR);
}

static void step(uint64_t unused) {
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "memory");
}

// A step over an instruction that exits is a step as any other.
static void step_over_cpuid(uint64_t unused) {
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; cpuid; nop"
                     : "+a"(a), "=b"(b), "+c"(c), "=d"(d)
                     :
                     : "memory");
}

static bool check_single_step(void) {
    clear_dr6();
    bool good = raises(step, 0, DB, NO_ERROR) && (read_dr6() & 0x400f) == 0x4000;
    clear_dr6();
    good = good && raises(step_over_cpuid, 0, DB, NO_ERROR) && (read_dr6() & 0x400f) == 0x4000;
    clear_dr6();
    return good;
}

static bool check_data_breakpoint(void) {
    clear_dr6();
    __asm__ volatile("mov %0, %%dr1" : : "r"(TEST_ADDRESS + 8));
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400ull | 8 | 1 << 20)); // DR1, global, writes of a byte
    bool good =
        survives(store, TEST_ADDRESS) && raises(store, TEST_ADDRESS + 8, DB, NO_ERROR) && (read_dr6() & 0x400f) == 2;
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400ull));
    clear_dr6();
    return good && survives(store, TEST_ADDRESS + 8);
}

static void use_fpu(uint64_t unused) {
    __asm__ volatile("fnstcw %0" : "=m"(*(uint16_t *)TEST_ADDRESS));
}

static bool check_device_not_available(void) {
    uint64_t cr0 = read_cr0();
    write_cr0(cr0 | CR0_TS);
    bool good = raises(use_fpu, 0, NM, NO_ERROR);
    __asm__ volatile("clts");
    good = good && survives(use_fpu, 0);
    write_cr0(cr0);
    return good;
}

static bool check_bad_cr0(void) {
    uint64_t cr0 = read_cr0();
    return raises(write_cr0, (cr0 | CR0_NW) & ~CR0_CD, GP, 0) && raises(write_cr0, cr0 | 1ull << 32, GP, 0) &&
           raises(write_cr0, cr0 & ~CR0_PE, GP, 0) && raises(write_cr0, (cr0 ^ CR0_NE) & ~CR0_PE, GP, 0) &&
           raises(write_cr0, (cr0 | CR0_CD) & ~CR0_PG, GP, 0) && read_cr0() == cr0;
}

static bool check_bad_cr4(void) {
    uint64_t cr4 = read_cr4();
    return raises(write_cr4, cr4 | 1ull << 31, GP, 0) && raises(write_cr4, cr4 & ~CR4_PAE, GP, 0) &&
           raises(write_cr4, (cr4 ^ CR4_MCE) & ~CR4_PAE, GP, 0) && read_cr4() == cr4;
}

// A feature that CPUID does not show cannot be turned on.
static bool check_hidden_cr4(void) {
    struct leaf one = cpuid(1, 0), seven = cpuid(7, 0);
    const struct {
        uint32_t shown;
        unsigned bit;
    } features[] = {
        {seven.c & 1u << 2, 11},                          // UMIP
        {one.c & 1u << 5, 13},                            // VMXE
        {one.c & 1u << 6, 14},                            // SMXE
        {seven.b & 1u << 0, 16},                          // FSGSBASE
        {one.c & 1u << 17, 17},                           // PCIDE
        {one.c & 1u << 26, 18},                           // OSXSAVE
        {seven.c & 1u << 23, 19},                         // KL
        {seven.b & 1u << 7, 20},                          // SMEP
        {seven.b & 1u << 20, 21},                         // SMAP
        {seven.c & 1u << 3, 22},                          // PKE
        {(seven.c & 1u << 7) | (seven.d & 1u << 20), 23}, // CET
        {seven.c & 1u << 31, 24},                         // PKS
    };
    uint64_t cr4 = read_cr4();
    bool good = true;
    for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        if (!features[i].shown && !raises(write_cr4, cr4 | 1ull << features[i].bit, GP, 0)) {
            write_cr4(cr4);
            good = false;
        }
    return good && read_cr4() == cr4;
}

static void vmxon(uint64_t unused) {
    uint64_t region = TEST_ADDRESS;
    __asm__ volatile("vmxon %0" : : "m"(region));
}

static void vmrun(uint64_t unused) {
    __asm__ volatile("vmrun" : : "a"(TEST_ADDRESS));
}

// Neither kind is on, so each is undefined, whichever the processor has.
static bool check_virtualization_instructions(void) {
    return raises(vmxon, 0, UD, NO_ERROR) && raises(vmrun, 0, UD, NO_ERROR);
}

const struct check exception_checks[] = {
    {"divide", check_divide},
    {"undefined", check_undefined},
    {"bad-selector", check_bad_selector},
    {"bad-msr-value", check_bad_msr_value},
    {"not-present-segment", check_not_present_segment},
    {"stack-segment", check_stack_segment},
    {"not-canonical", check_not_canonical},
    {"page-fault", check_page_fault},
    {"write-protect", check_write_protect},
    {"no-execute", check_no_execute},
    {"breakpoint", check_breakpoint},
    {"single-step", check_single_step},
    {"data-breakpoint", check_data_breakpoint},
    {"device-not-available", check_device_not_available},
    {"virtualization-instructions", check_virtualization_instructions},
    {0},
};

// What QEMU's TCG does not refuse; the machine would be lost there.
const struct check strict_checks[] = {
    {"bad-cr0", check_bad_cr0},
    {0},
};

// Likewise, but a domain does.
const struct check cr4_checks[] = {
    {"hidden-cr4", check_hidden_cr4},
    {"bad-cr4", check_bad_cr4},
    {0},
};
