// A second NMI, sent by the handler of the first one on a stack of the interrupt stack table, comes after the IRET that
// ends the first: before it, it would come on the same stack, and the first frame would be lost. The handler of the
// fourth one never ends.
#include "tests/guests/guest.h"

#define NMI          2u
#define LAPIC_ID     0x20u
#define LAPIC_ICR    0x300u
#define SELECTOR_TSS 0x20u
#define WAIT_TICKS   200000000ull
#define TURNS_TICKS  20000000ull // in which others on this CPU have their turns

volatile uint64_t nmi_count;
void nmi_entry(void);

__asm__("nmi_entry:\n"
        "  push %rax\n"
        "  push %rcx\n"
        "  incq nmi_count\n"
        "0: cmpq $4, nmi_count\n"
        "  pause\n"
        "  je 0b\n"
        "  cmpq $3, nmi_count\n"
        "  jae 1f\n"
        "  mov $0xfee00020, %eax\n"
        "  mov (%rax), %ecx\n"
        "  mov $0xfee00310, %eax\n"
        "  mov %ecx, (%rax)\n"
        "  mov $0xfee00300, %eax\n"
        "  movl $0x4400, (%rax)\n"
        "1: pop %rcx\n"
        "  pop %rax\n"
        "  iretq\n");

static uint64_t gdt[6];
static uint8_t ist_stack[4096] __attribute__((aligned(16)));
static struct __attribute__((packed)) {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, io_map;
} tss;

struct __attribute__((packed)) table {
    uint16_t limit;
    uint64_t base;
};

static void load_tss(void) {
    struct table old, new = {sizeof(gdt) - 1, (uint64_t)(uintptr_t)gdt};
    uint64_t base = (uint64_t)(uintptr_t)&tss;
    __asm__ volatile("sgdt %0" : "=m"(old));
    for (unsigned i = 0; i < 4; i++)
        gdt[i] = ((const uint64_t *)(uintptr_t)old.base)[i];
    gdt[4] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    gdt[5] = base >> 32;
    tss.ist[0] = (uint64_t)(uintptr_t)(ist_stack + sizeof(ist_stack));
    __asm__ volatile("lgdt %0; ltr %w1" : : "m"(new), "r"(SELECTOR_TSS));
}

static void set_gate(void) {
    struct table idt;
    __asm__ volatile("sidt %0" : "=m"(idt));
    volatile uint64_t *gate = (volatile uint64_t *)(uintptr_t)(idt.base + 16 * NMI);
    uint64_t entry = (uint64_t)(uintptr_t)nmi_entry;
    gate[0] = (entry & 0xffff) | 8ull << 16 | 1ull << 32 | 0x8eull << 40 | (entry >> 16 & 0xffff) << 48;
    gate[1] = entry >> 32;
}

static void send_nmi(void) {
    lapic_set(LAPIC_ICR + 0x10, lapic_get(LAPIC_ID));
    lapic_set(LAPIC_ICR, 4u << 8 | 1u << 14);
}

void guest_main(void) {
    serial_init();
    interrupts_init();
    lapic_init();
    load_tss();
    set_gate();
    print("first NMI\n");
    for (uint64_t start = rdtsc(); rdtsc() - start < TURNS_TICKS;)
        ;
    send_nmi();
    for (uint64_t start = rdtsc(); nmi_count < 3 && rdtsc() - start < WAIT_TICKS;)
        ;
    print("%llu NMIs\n", (unsigned long long)nmi_count);
    send_nmi();
    for (;;)
        ;
}
