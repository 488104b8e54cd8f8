// A conformance guest: pokes one thing after the other and says "conform NAME PASS" or FAIL on its serial line, then
// "conform done". What it expects is the processor's manual, so it is run on bare machines, too.
#include "tests/guests/conform.h"

bool raises(void (*action)(uint64_t), uint64_t argument, uint64_t vector, uint64_t error) {
    if (survives(action, argument))
        return false;
    return last_exception.vector == vector && last_exception.error == error;
}

static struct gate *gate_of(unsigned vector) {
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr;
    __asm__ volatile("sidt %0" : "=m"(idtr));
    return (struct gate *)(uintptr_t)idtr.base + vector;
}

struct gate gate_set(unsigned vector, const void *entry) {
    uint64_t at = (uint64_t)(uintptr_t)entry;
    struct gate before = *gate_of(vector);
    uint64_t low = (at & 0xffff) | 8ull << 16 | 0x8eull << 40 | (at >> 16 & 0xffff) << 48;
    gate_restore(vector, (struct gate){{low, at >> 32}});
    return before;
}

void gate_restore(unsigned vector, struct gate gate) {
    *gate_of(vector) = gate;
}

static bool signature(uint32_t leaf, uint32_t ebx) {
    uint32_t a = leaf, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return b == ebx;
}

bool not_qemu(void) {
    return !signature(0x80000002, 0x43595045); // "EPYC"
}

bool not_bare_qemu(void) {
    return not_qemu() || signature(0x40000000, 0x4b4d564b); // "KVMK"
}

bool not_domain_on_qemu(void) {
    return not_qemu() || !not_bare_qemu();
}

static bool good;

static void run(uint64_t check) {
    good = ((const struct check *)check)->check();
}

static void say(const struct check *check) {
    last_exception = (struct guest_exception){0};
    good = false;
    bool came_back = survives(run, (uint64_t)(uintptr_t)check);
    __asm__ volatile("cli");
    print("conform %s %s\n", check->name, came_back && good ? "PASS" : "FAIL");
    if (!came_back || !good)
        print("  last exception %llu error %llx at %llx\n", (unsigned long long)last_exception.vector,
              (unsigned long long)last_exception.error, (unsigned long long)last_exception.rip);
}

// Some firmware leaves the caches off, as reset does.
static void caches_on(void) {
    uint64_t cr0;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 & ~(3ull << 29)) : "memory");
}

void guest_main(void) {
    serial_init();
    interrupts_init();
    lapic_init();
    caches_on();
    for (const struct theme *theme = themes; theme->checks; theme++)
        for (const struct check *check = theme->checks; check->name; check++)
            if (!theme->ready || theme->ready())
                say(check);
    print("conform done\n");
}
