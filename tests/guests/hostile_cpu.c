// Attacks by instructions: registers of the CPU, privileged and foreign instructions, code and page tables nowhere.
#include "tests/guests/hostile.h"

// ---- MSRs

#define VALUES_AT_ONCE 3u // no divisor of how many there are: each MSR meets all when the attack is chosen again

static uint64_t msr_value;

static void msr_read(uint64_t number) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"((uint32_t)number));
    msr_value = (uint64_t)high << 32 | low;
}

static void msr_write(uint64_t number) {
    __asm__ volatile("wrmsr" : : "a"((uint32_t)msr_value), "d"((uint32_t)(msr_value >> 32)), "c"((uint32_t)number));
}

static void msr_try(uint32_t number) {
    static const uint64_t values[] = {
        0, 1, UINT64_MAX, 0xfee00000, 0x0007040600070406, 0x800000000000, 0xffff800000000000, 0x5a5a5a5a5a5a5a5a};
    static unsigned at;
    bool readable = survives(msr_read, number);
    uint64_t before = msr_value;
    for (unsigned i = 0; i < VALUES_AT_ONCE; i++) {
        msr_value = values[at++ % (sizeof(values) / sizeof(values[0]))];
        survives(msr_write, number);
    }
    msr_value = before;
    if (readable)
        survives(msr_write, number);
}

void attack_msrs(void) {
    static const struct {
        uint32_t first, count;
    } ranges[] = {{0, 0x2000}, {0xc0000000, 0x2000}, {0xc0010000, 0x2000}, {0x40000000, 0x200}, {0x4b564d00, 0x10}};
    uint64_t seed = 1;
    for (unsigned r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++)
        for (uint32_t i = 0; i < ranges[r].count; i++)
            msr_try(ranges[r].first + i);
    for (unsigned i = 0; i < 2000; i++)
        msr_try((uint32_t)random_next(&seed));
}

// ---- Instructions

#define CODE_BYTES 32u

static uint8_t code[CODE_BYTES] __attribute__((aligned(64)));

// Calls the code with RAX, RCX and RDX all of one value.
static void code_call(uint64_t value) {
    __asm__ volatile("call *%1"
                     : "+a"(value)
                     : "r"(code), "c"(value), "d"(value)
                     : "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

static void debug_reset(uint64_t dr7) {
    __asm__ volatile("mov %0, %%dr7" : : "r"(dr7));
}

static void code_try(const uint8_t *bytes, unsigned length) {
    static const uint64_t values[] = {0, 1, 0x7c00, 0x58000, HOLE, 0xffffffff, 1ull << 40, 1ull << 63, UINT64_MAX};
    for (unsigned i = 0; i < CODE_BYTES; i++)
        code[i] = i < length ? bytes[i] : 0xc3;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        survives(code_call, values[i]);
    for (unsigned i = 0; i < 2; i++) // with GD set, the first is a #DB, which clears it
        survives(debug_reset, 0x400);
    __asm__ volatile("cld; mov %0, %%cr8" : : "r"(0ull));
}

void attack_instructions(void) {
    static const struct {
        uint8_t length, bytes[7];
    } list[] = {
        {3, {0x0f, 0x01, 0xd8}},             // VMRUN
        {3, {0x0f, 0x01, 0xd9}},             // VMMCALL
        {3, {0x0f, 0x01, 0xda}},             // VMLOAD
        {3, {0x0f, 0x01, 0xdb}},             // VMSAVE
        {3, {0x0f, 0x01, 0xdc}},             // STGI
        {3, {0x0f, 0x01, 0xdd}},             // CLGI
        {3, {0x0f, 0x01, 0xde}},             // SKINIT
        {3, {0x0f, 0x01, 0xdf}},             // INVLPGA
        {3, {0x0f, 0x01, 0xc1}},             // VMCALL
        {3, {0x0f, 0x01, 0xc2}},             // VMLAUNCH
        {3, {0x0f, 0x01, 0xc3}},             // VMRESUME
        {3, {0x0f, 0x01, 0xc4}},             // VMXOFF
        {3, {0x0f, 0x01, 0xc8}},             // MONITOR
        {3, {0x0f, 0x01, 0xc9}},             // MWAIT
        {3, {0x0f, 0x01, 0xd0}},             // XGETBV
        {3, {0x0f, 0x01, 0xd1}},             // XSETBV
        {3, {0x0f, 0x01, 0xf9}},             // RDTSCP
        {4, {0xf3, 0x0f, 0xc7, 0x30}},       // VMXON
        {3, {0x0f, 0xc7, 0x30}},             // VMPTRLD
        {3, {0x0f, 0x78, 0xc8}},             // VMREAD
        {3, {0x0f, 0x79, 0xc8}},             // VMWRITE
        {5, {0x66, 0x0f, 0x38, 0x80, 0x00}}, // INVEPT
        {2, {0x0f, 0xaa}},                   // RSM
        {2, {0x0f, 0x37}},                   // GETSEC
        {2, {0x0f, 0x33}},                   // RDPMC
        {2, {0x0f, 0x05}},                   // SYSCALL
        {2, {0x0f, 0x34}},                   // SYSENTER
        {2, {0x0f, 0x35}},                   // SYSEXIT
        {2, {0x0f, 0x08}},                   // INVD
        {2, {0x0f, 0x09}},                   // WBINVD
        {2, {0x0f, 0x06}},                   // CLTS
        {2, {0x0f, 0x0b}},                   // UD2
        {3, {0x0f, 0x00, 0xd0}},             // LLDT
        {3, {0x0f, 0x00, 0xd8}},             // LTR
        {3, {0x0f, 0x01, 0xf0}},             // LMSW
        {3, {0x0f, 0x01, 0x38}},             // INVLPG
        {4, {0x44, 0x0f, 0x22, 0xc0}},       // MOV CR8
        {3, {0x0f, 0x22, 0xd0}},             // MOV CR2
        {3, {0x0f, 0x22, 0xc8}},             // MOV CR1: not there
        {3, {0x0f, 0x22, 0xe8}},             // MOV CR5: not there
        {3, {0x0f, 0x23, 0xc0}},             // MOV DR0
        {3, {0x0f, 0x23, 0xc8}},             // MOV DR1
        {3, {0x0f, 0x23, 0xf0}},             // MOV DR6
        {3, {0x0f, 0x23, 0xf8}},             // MOV DR7
        {3, {0x0f, 0xae, 0x08}},             // FXRSTOR
        {3, {0x0f, 0xae, 0x28}},             // XRSTOR
        {3, {0x0f, 0xc7, 0x18}},             // XRSTORS
        {3, {0x0f, 0xc7, 0xf0}},             // RDRAND
        {2, {0xcd, 0x80}},                   // INT 80h
        {1, {0xcc}},                         // INT3
        {1, {0xf1}},                         // INT1
        {2, {0x8e, 0xe0}},                   // MOV FS
        {2, {0xff, 0x18}},                   // CALL FAR
        {2, {0xff, 0x28}},                   // JMP FAR
    };
    for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        code_try(list[i].bytes, list[i].length);
}

// ---- Code and data where there is no memory

static void jump(uint64_t address) {
    __asm__ volatile("call *%0" : : "r"(address) : "memory");
}

void attack_jumps(void) {
    static const uint64_t addresses[] = {HOLE,       0xfed00000,     0xfec00000,         0xdffffffe,  1ull << 32,
                                         1ull << 46, 0x800000000000, 0xffffffffffffffff, 0x7fffffff0, HOLE + 0xfffff};
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        survives(jump, addresses[i]);
}

void attack_jumps_apic(void) {
    survives(jump, LAPIC);
    survives(jump, LAPIC + 0xffe);
}

static void touch(uint64_t address) {
    volatile uint8_t *bytes = (volatile uint8_t *)address;
    *bytes = (uint8_t)*bytes;
    *(volatile uint16_t *)(bytes + 1) = *(volatile uint16_t *)bytes;
    *(volatile uint32_t *)(bytes + 1) = *(volatile uint32_t *)bytes;
    *(volatile uint64_t *)(bytes + 3) = *(volatile uint64_t *)bytes;
    __asm__ volatile("lock incq %0" : "+m"(*(volatile uint64_t *)bytes));
    __asm__ volatile("lock cmpxchg %1, %0" : "+m"(*(volatile uint32_t *)bytes) : "r"(5), "a"(0));
    __asm__ volatile("sgdt %0" : "=m"(*(volatile uint64_t *)bytes));
}

static void touch_lightly(uint64_t address) {
    volatile uint32_t *word = (volatile uint32_t *)address;
    *word = *word + 1;
    *(volatile uint8_t *)(address + 1) = 0xff;
}

// Holes and devices in all of the low 4 GiB, then each register of the local APIC but those that send, and the I/O
// APIC's.
void attack_memory(void) {
    static const uint64_t addresses[] = {0xa0000,    0xb8000,    0xbfffc,    0xc0000,           0xf0000,    HOLE,
                                         HOLE + 1,   0xe0000000, 0xfebf0000, 0xfed00000,        0xfffc0000, 0xfffffff8,
                                         0xfec00000, 1ull << 32, 1ull << 50, 0xfffffffffffffff0};
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        survives(touch, addresses[i]);
    for (uint64_t at = 0; at < 0x1000; at += 4)
        if (at < 0x300 || at >= 0x320)
            survives(touch_lightly, LAPIC + at);
    for (unsigned i = 0; i < 256; i++) {
        *(volatile uint32_t *)0xfec00000ull = i;
        *(volatile uint32_t *)0xfec00010ull = 0xffffffff;
        *(volatile uint32_t *)0xfec00010ull = 0x10000;
    }
}

// ---- Page tables that change and lead to nowhere

#define DIRECTORY ((volatile uint64_t *)0x62000) // of the first GiB: start.asm
#define PAGE_DATA 0x1800000ull                   // 24 MiB

static void read_at(uint64_t address) {
    *(volatile uint64_t *)address = *(volatile uint64_t *)address + 1;
}

// The entry of 24 MiB to each place as a large page, and as a table; also with each reserved bit.
void attack_tables(void) {
    static const uint64_t places[] = {HOLE, LAPIC & ~0x1fffffull, 0xa0000, 0xffe00000, 1ull << 39, 0x62000, 0x60000, 0};
    volatile uint64_t *entry = &DIRECTORY[PAGE_DATA >> 21];
    uint64_t before = *entry;
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        for (unsigned bit = 0; bit < 64; bit++) {
            *entry = (places[i] & ~0x1fffffull) | 0x83 | 1ull << bit;
            __asm__ volatile("invlpg (%0)" : : "r"(PAGE_DATA) : "memory");
            if ((places[i] & ~0x1fffffull) != 0)
                survives(read_at, PAGE_DATA + 0xff8);
            *entry = places[i] | 3;
            __asm__ volatile("invlpg (%0)" : : "r"(PAGE_DATA) : "memory");
            if (places[i] != 0x62000 && places[i] != 0x60000 && places[i] != 0)
                survives(read_at, PAGE_DATA + 0x1000 * bit);
        }
    *entry = before;
    __asm__ volatile("invlpg (%0)" : : "r"(PAGE_DATA) : "memory");
}
