// Serial line, interrupt table and local APIC of the test guests.
#include "tests/guests/guest.h"
#include "lib/format.h"

#define COM1         0x3f8
#define LAPIC        0xfee00000ull
#define LAPIC_SVR    0xf0u
#define LAPIC_LVT    0x320u
#define LAPIC_DIVIDE 0x3e0u

#define CPUID_X2APIC (1u << 21)

#define MSR_APIC_BASE    0x1bu
#define MSR_X2APIC       0x800u
#define APIC_BASE_X2APIC (1u << 10)

extern char interrupt_entries[];
uint8_t guest_x2apic; // start.asm's EOI looks at it, too

static struct {
    uint16_t low, selector;
    uint8_t ist, type;
    uint16_t middle;
    uint32_t high, reserved;
} idt[256];

void serial_init(void) {
    static const uint8_t setup[][2] = {{1, 0}, {3, 0x80}, {0, 1}, {1, 0}, {3, 3}, {2, 7}, {4, 3}};
    for (unsigned i = 0; i < sizeof(setup) / sizeof(setup[0]); i++)
        outb((uint16_t)(COM1 + setup[i][0]), setup[i][1]);
}

static void put(char c) {
    while (!(inb(COM1 + 5) & 0x20))
        ;
    outb(COM1, (uint8_t)c);
}

bool serial_read(char *byte) {
    if (!(inb(COM1 + 5) & 1))
        return false;
    *byte = (char)inb(COM1);
    return true;
}

void print(const char *message, ...) {
    char line[200];
    va_list arguments;
    va_start(arguments, message);
    vformat(line, sizeof(line), message, arguments);
    va_end(arguments);
    for (const char *c = line; *c; c++) {
        if (*c == '\n')
            put('\r');
        put(*c);
    }
}

static void **volatile recovery;

__attribute__((noinline)) bool survives(void (*action)(uint64_t), uint64_t argument) {
    void *here[5], **volatile outer = recovery;
    volatile bool good = false;
    if (!__builtin_setjmp(here)) {
        recovery = here;
        action(argument);
        good = true;
    }
    recovery = outer;
    return good;
}

struct guest_exception last_exception;

void guest_exception(uint64_t vector, uint64_t error, uint64_t rip) {
    __asm__ volatile("cld");
    last_exception = (struct guest_exception){vector, error, rip};
    if (recovery)
        __builtin_longjmp(recovery, 1);
    print("exception %llu error %llx at %llx\n", (unsigned long long)vector, (unsigned long long)error,
          (unsigned long long)rip);
}

void interrupts_init(void) {
    for (unsigned v = 0; v < 256; v++) {
        uint64_t entry = (uint64_t)(uintptr_t)interrupt_entries + 16 * v;
        idt[v].low = (uint16_t)entry;
        idt[v].selector = 8;
        idt[v].type = 0x8e;
        idt[v].middle = (uint16_t)(entry >> 16);
        idt[v].high = (uint32_t)(entry >> 32);
    }
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};
    __asm__ volatile("lidt %0" : : "m"(idtr));
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

uint32_t lapic_get(uint32_t offset) {
    if (guest_x2apic)
        return (uint32_t)rdmsr(MSR_X2APIC + offset / 16);
    return *(volatile uint32_t *)(LAPIC + offset);
}

void lapic_set(uint32_t offset, uint32_t value) {
    if (guest_x2apic)
        wrmsr(MSR_X2APIC + offset / 16, value);
    else
        *(volatile uint32_t *)(LAPIC + offset) = value;
}

void lapic_init(void) {
    lapic_set(LAPIC_SVR, 0x1ff);
    lapic_set(LAPIC_DIVIDE, 0xb);
}

bool x2apic_enable(void) {
    uint32_t a = 1, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if ((c & CPUID_X2APIC) && !guest_x2apic) {
        wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
        guest_x2apic = 1;
    }
    return guest_x2apic != 0;
}
