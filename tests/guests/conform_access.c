// Device memory by every way to name an address, and strings of ports of every width.
#include "tests/guests/conform.h"

#define IOAPIC_SELECT 0xfec00000ull // reads as written
#define UART_SCRATCH  0x3ff
#define PCI_ADDRESS   0xcf8
#define PCI_DATA      0xcfc

static volatile uint32_t *const select = (volatile uint32_t *)IOAPIC_SELECT;

// Does the instruction leave the value in the register?
#define WRITES(value, instruction, ...)                                                                                \
    (__extension__({                                                                                                   \
        __asm__ volatile(instruction : : __VA_ARGS__ : "memory", "cc");                                                \
        *select == (value);                                                                                            \
    }))

static bool check_device_stores(void) {
    return WRITES(1, "movl $1, (%0)", "r"(IOAPIC_SELECT)) &&
           WRITES(2, "movl $2, 0x10(%0)", "r"(IOAPIC_SELECT - 0x10)) &&
           WRITES(3, "movl $3, -0x1000(%0)", "r"(IOAPIC_SELECT + 0x1000)) &&
           WRITES(4, "movl $4, (%0, %1)", "r"(IOAPIC_SELECT - 5), "r"(5ull)) &&
           WRITES(5, "movl $5, (%0, %1, 2)", "r"(IOAPIC_SELECT - 6), "r"(3ull)) &&
           WRITES(6, "movl $6, 0x20(%0, %1, 4)", "r"(IOAPIC_SELECT), "r"(-8ll)) &&
           WRITES(7, "movl $7, 0x100000(,%0, 8)", "r"((IOAPIC_SELECT - 0x100000) / 8)) &&
           WRITES(8, "movabs %%eax, 0xfec00000", "a"(8)) &&
           WRITES(9, "push %%r13; mov %0, %%r13; movl $9, (%%r13); pop %%r13", "a"(IOAPIC_SELECT)) &&
           WRITES(10, "push %%r12; mov %0, %%r12; movl $10, (%%r12); pop %%r12", "a"(IOAPIC_SELECT)) &&
           WRITES(11, "addr32 movl $11, (%%ecx)", "c"(IOAPIC_SELECT | 1ull << 40)) &&
           WRITES(8, "push %%rdi; mov %0, %%rdi; stosl; pop %%rdi", "d"(IOAPIC_SELECT), "a"(8)) &&
           WRITES(12, "orl $4, (%0)", "r"(IOAPIC_SELECT)) && WRITES(13, "lock incl (%0)", "r"(IOAPIC_SELECT)) &&
           WRITES(14, "push %%rax; xchgl %%eax, (%0); pop %%rax", "d"(IOAPIC_SELECT), "a"(14));
}

static bool check_device_loads(void) {
    uint32_t a, b, c, old;
    uint64_t wide;
    *select = 0x12;
    __asm__ volatile("movl 8(%1), %0" : "=r"(a) : "r"(IOAPIC_SELECT - 8));
    __asm__ volatile("movabs 0xfec00000, %%eax" : "=a"(b));
    __asm__ volatile("lodsl" : "=a"(c), "=S"(wide) : "1"(IOAPIC_SELECT));
    bool good = a == 0x12 && b == 0x12 && c == 0x12 && wide == IOAPIC_SELECT + 4;
    __asm__ volatile("cmpxchgl %2, (%3)" : "=a"(old) : "0"(0x12), "r"(0x11), "r"(IOAPIC_SELECT) : "memory");
    good = good && old == 0x12 && *select == 0x11;
    __asm__ volatile("cmpl $0x11, (%1); sete %b0" : "=q"(a) : "r"(IOAPIC_SELECT));
    return good && (a & 1);
}

#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define DIRECTORY   0x62000ull
#define NEAR        0x5600000ull // 86 MiB, in reach of RIP: shows the device

// MOV dword [RIP + x], 40h; RET
static bool relative_store(void) {
    static struct __attribute__((packed)) {
        uint8_t mov[2];
        int32_t displacement;
        uint32_t value;
        uint8_t ret;
    } code = {{0xc7, 0x05}, 0, 0x40, 0xc3};
    ((volatile uint64_t *)DIRECTORY)[NEAR >> 21] = IOAPIC_SELECT | 0x93;
    __asm__ volatile("invlpg (%0)" : : "r"(NEAR) : "memory");
    code.displacement = (int32_t)((int64_t)NEAR - (int64_t)(uintptr_t)&code.ret);
    __asm__ volatile("call *%0" : : "r"(&code) : "memory");
    ((volatile uint64_t *)DIRECTORY)[NEAR >> 21] = NEAR | 0x83;
    __asm__ volatile("invlpg (%0)" : : "r"(NEAR) : "memory");
    return *select == 0x40;
}

static bool check_device_segments(void) {
    uint64_t fs = rdmsr(MSR_FS_BASE), gs = rdmsr(MSR_GS_BASE);
    uint32_t value;
    wrmsr(MSR_FS_BASE, IOAPIC_SELECT - 0x20);
    wrmsr(MSR_GS_BASE, IOAPIC_SELECT + 0x1000);
    bool good = WRITES(0x41, "movl $0x41, %%fs:0x20", "a"(0)) &&
                WRITES(0x42, "movl $0x42, %%gs:-0x1000(%0)", "r"(0ull)) &&
                WRITES(0x43, "movl $0x43, %%gs:(,%0,8)", "r"(-0x200ll));
    __asm__ volatile("movl %%fs:(%1), %0" : "=r"(value) : "r"(0x20ull));
    wrmsr(MSR_FS_BASE, fs);
    wrmsr(MSR_GS_BASE, gs);
    return good && value == 0x43 && relative_store();
}

static bool check_device_widths(void) {
    uint64_t zero, sign, words, from = IOAPIC_SELECT, to, popped;
    static uint32_t longs[2];
    *select = 0x85;
    __asm__ volatile("movzbq (%1), %0" : "=r"(zero) : "r"(from));
    __asm__ volatile("movsbq (%1), %0" : "=r"(sign) : "r"(from));
    __asm__ volatile("movzwl (%1), %k0" : "=r"(words) : "r"(from));
    bool good = zero == 0x85 && sign == 0xffffffffffffff85 && (words & 0xff) == 0x85 && words >> 16 == 0;
    __asm__ volatile("movslq (%1), %0" : "=r"(words) : "r"(from));
    good &= words == 0x85;
    to = (uint64_t)(uintptr_t)longs;
    __asm__ volatile("movsl" : "+S"(from), "+D"(to) : : "memory");
    good &= longs[0] == 0x85 && from == IOAPIC_SELECT + 4 && to == (uint64_t)(uintptr_t)(longs + 1);
    longs[0] = 0x17;
    from = (uint64_t)(uintptr_t)longs;
    to = IOAPIC_SELECT;
    __asm__ volatile("movsl" : "+S"(from), "+D"(to) : : "memory");
    good &= *select == 0x17;
    from = to = IOAPIC_SELECT;
    __asm__ volatile("movsl" : "+S"(from), "+D"(to) : : "memory"); // from the device to itself
    good &= *select == 0x17 && to == IOAPIC_SELECT + 4;
    __asm__ volatile("pushw (%1); movzwl (%%rsp), %k0; add $2, %%rsp" : "=&r"(popped) : "r"(IOAPIC_SELECT) : "memory");
    good &= (popped & 0xff) == 0x17;
    __asm__ volatile("movw $0x18, (%0)" : : "r"(IOAPIC_SELECT) : "memory");
    good &= *select == 0x18;
    __asm__ volatile("movb $0x19, (%0)" : : "r"(IOAPIC_SELECT) : "memory");
    return good && *select == 0x19;
}

// The address register of PCI configuration reads as written, its data register as what the address names.
static bool check_string_port_widths(void) {
    static uint32_t longs[4] = {0x80000000, 0x80000100, 0x80000008, 0x80000000};
    static uint16_t words[4];
    const uint32_t *from = longs;
    void *to = words;
    uint64_t count = 4;
    __asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(PCI_ADDRESS) : "memory");
    bool good = inl(PCI_ADDRESS) == 0x80000000 && from == longs + 4 && count == 0;
    count = 4;
    __asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(PCI_DATA) : "memory");
    for (unsigned i = 0; i < 4; i++)
        good &= words[i] == inw(PCI_DATA);
    to = longs + 3;
    count = 4;
    __asm__ volatile("std; rep insl; cld" : "+D"(to), "+c"(count) : "d"(PCI_ADDRESS) : "memory");
    for (unsigned i = 0; i < 4; i++)
        good &= longs[i] == 0x80000000;
    from = longs;
    __asm__ volatile("outsb" : "+S"(from) : "d"(UART_SCRATCH) : "memory");
    return good && to == longs - 1 && (const char *)from == (const char *)longs + 1 && inb(UART_SCRATCH) == 0;
}

const struct check access_checks[] = {
    {"device-stores", check_device_stores},           {"device-loads", check_device_loads},
    {"device-segments", check_device_segments},       {"device-widths", check_device_widths},
    {"string-port-widths", check_string_port_widths}, {0},
};
