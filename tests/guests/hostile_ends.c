// Attacks that end the machine, by a triple fault, a reset or power-off, or may leave nothing of the guest.
#include "tests/guests/hostile.h"

static struct {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed)) table;

static void load_idt(uint64_t base, uint16_t limit) {
    table.limit = limit;
    table.base = base;
    __asm__ volatile("lidt %0" : : "m"(table));
}

void attack_triple(void) {
    load_idt(0, 0);
    __asm__ volatile("int3");
}

// No memory to push an exception's frame to.
void attack_stack(void) {
    __asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(HOLE));
}

// Page tables in a hole: not even the exception's handler can be reached.
void attack_root(void) {
    __asm__ volatile("mov %0, %%cr3; int3" : : "r"(HOLE) : "memory");
}

void attack_idt(void) {
    load_idt(HOLE, 0xfff);
    __asm__ volatile("int3");
}

static void control_write(uint64_t value) {
    if (value & 1)
        __asm__ volatile("mov %0, %%cr0" : : "r"(value & 0xffffffff) : "memory");
    else
        __asm__ volatile("mov %0, %%cr4" : : "r"(value & 0x7fffff) : "memory");
}

void attack_control(void) {
    uint64_t seed = 42;
    for (;;)
        survives(control_write, random_next(&seed));
}

#define CODE_BYTES 64u

static uint8_t code[CODE_BYTES];

static void code_call(uint64_t value) {
    __asm__ volatile("call *%1" : "+a"(value) : "r"(code) : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "memory", "cc");
}

// Code of random bytes, until it hits something that the guest needs.
void attack_random(void) {
    uint64_t seed = 7;
    for (;;) {
        for (unsigned i = 0; i < CODE_BYTES; i++)
            code[i] = (uint8_t)random_next(&seed);
        survives(code_call, random_next(&seed));
    }
}

// The firmware's code, in a mode that it was not made for.
void attack_rom(void) {
    static const uint64_t addresses[] = {0xa0000, 0xc0003, 0xf0000, 0xffff0000, 0xfffffff0};
    for (;;)
        for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
            survives((void (*)(uint64_t))addresses[i], 0);
}

void attack_reset_64(void) {
    for (unsigned value = 0; value < 256; value++) {
        outb(0x64, (uint8_t)value);
        outb(0x60, (uint8_t)value);
    }
}

void attack_reset_92(void) {
    for (unsigned value = 0; value < 256; value++)
        outb(0x92, (uint8_t)value);
}

void attack_reset_cf9(void) {
    for (unsigned value = 0; value < 256; value++)
        outb(0xcf9, (uint8_t)value);
}

void attack_off(void) {
    uint16_t pm1a = (uint16_t)((pci_read(0x0b, 0x40) & 0xffc0) + 4);
    for (unsigned type = 8; type-- > 0;)
        outw(pm1a, (uint16_t)(1u << 13 | type << 10));
}
