// Attacks that go on until somebody ends the domain.
#include "tests/guests/hostile.h"

#define ICR_LOW  0x300u
#define ICR_HIGH 0x310u

void storm_halt(void) {
    for (;;)
        __asm__ volatile("cli; hlt");
}

// ---- #DB in its own handler, with a stack that is the same each time, so that it never comes to an end

extern char interrupt_entries[];

static uint8_t debug_stack[256] __attribute__((aligned(16)));
static uint32_t task[26];
static uint64_t gdt[6] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff};

static void load_task(void) {
    uint64_t base = (uint64_t)(uintptr_t)task;
    static struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdtr;
    *(volatile uint64_t *)(void *)&task[9] = (uint64_t)(uintptr_t)(debug_stack + sizeof(debug_stack)); // IST1
    gdt[4] = (sizeof(task) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    gdt[5] = base >> 32;
    gdtr.limit = sizeof(gdt) - 1;
    gdtr.base = (uint64_t)(uintptr_t)gdt;
    __asm__ volatile("lgdt %0; ltr %1" : : "m"(gdtr), "r"((uint16_t)32));
}

static uint8_t *idt_entry(unsigned vector) {
    static struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr;
    __asm__ volatile("sidt %0" : "=m"(idtr));
    return (uint8_t *)(uintptr_t)(idtr.base + 16 * vector);
}

void storm_debug(void) {
    load_task();
    idt_entry(1)[4] = 1;                                                                             // IST1
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(interrupt_entries + 16), "r"(0x402ull)); // G0, execution
    __asm__ volatile("int $1");
}

// ---- Interrupts

void storm_interrupts(void) {
    static const uint32_t kinds[] = {0x40000, 0x80000, 0x00000, 0x08800, 0x48100};
    for (uint32_t i = 0;; i++) {
        lapic_set(ICR_HIGH, (i & 7) == 0 ? 0xff000000 : (i & 3) << 24);
        lapic_set(ICR_LOW, kinds[i % (sizeof(kinds) / sizeof(kinds[0]))] | 0x4000 | (0x20 + i % 0xe0));
        __asm__ volatile("sti; nop; cli");
    }
}

void storm_nmi(void) {
    static const uint16_t iret = 0xcf48;
    uint64_t entry = (uint64_t)(uintptr_t)&iret;
    uint8_t *nmi = idt_entry(2);
    *(uint16_t *)(void *)nmi = (uint16_t)entry;
    *(uint16_t *)(void *)(nmi + 6) = (uint16_t)(entry >> 16);
    for (;;) {
        lapic_set(ICR_HIGH, 0);
        lapic_set(ICR_LOW, 0x4400); // NMI, to itself
    }
}

// INIT and SIPI to all others, again and again; they start at a page of HLTs and jumps to themselves.
void storm_starts(void) {
    volatile uint8_t *page = (volatile uint8_t *)0x3000;
    page[0] = 0xf4;
    page[1] = 0xeb;
    page[2] = 0xfd;
    for (uint32_t i = 0;; i++) {
        lapic_set(ICR_LOW, 0xc4500);
        lapic_set(ICR_LOW, 0xc4603);
        if (i % 3 == 0)
            lapic_set(ICR_LOW, 0xc4400); // NMI
    }
}

// ---- Floods

void storm_serial(void) {
    for (;;)
        print("flood 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\n");
}

static void unknown_msr(uint64_t number) {
    __asm__ volatile("rdmsr" : : "c"((uint32_t)number) : "rax", "rdx");
}

// Each access to an unknown MSR is worth a line of the VMM's log, each line to port 402h one of the firmware's.
void storm_log(void) {
    for (uint32_t i = 0;; i++) {
        survives(unknown_msr, 0x12340000u + i);
        outb(0x402, i % 8 ? 'x' : '\n');
    }
}

void storm_strings(void) {
    uint64_t count = UINT64_MAX, at = 0x100000;
    for (;;) {
        __asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(0x80) : "memory");
        count = UINT64_MAX;
    }
}

#define DISPI_INDEX 0x1ce
#define DISPI_DATA  0x1cf

void storm_vga(void) {
    uint64_t seed = 3;
    for (;;) {
        uint64_t r = random_next(&seed);
        outw(DISPI_INDEX, (uint16_t)(r % 11));
        outw(DISPI_DATA, (uint16_t)(r >> 16));
        outb((uint16_t)(0x3c0 + (r >> 32) % 0x20), (uint8_t)(r >> 40));
        *(volatile uint8_t *)(0xa0000 + (r >> 20) % 0x20000) = (uint8_t)r;
    }
}
