// Instructions that exit, or that a guest is not offered (SDM 3C 28.1, APM 2 15.9).
#include "lib/string.h"
#include "tests/guests/conform.h"

#define DB 1u
#define UD 6u
#define GP 13u

#define CR0_TS       (1ull << 3)
#define CR0_MP_TS    0xaull
#define CR4_DE       (1ull << 3)
#define CR4_OSXSAVE  (1ull << 18)
#define DR6_BD       (1ull << 13)
#define DR7_GD       (1ull << 13)
#define TEST_ADDRESS 0x3000000ull // 48 MiB
#define WAKE_UP      0x84u
#define LAPIC_ICR    0x300u
#define ICR_SELF     (1u << 18 | 1u << 14)
#define KVM_ENOSYS   (-1000ll)

// Bytes of an instruction, run with RAX and RCX; then RET.
static uint8_t code[16];
static uint64_t result_rax, result_rdx, given_rcx;

static void call_code(uint64_t rax) {
    __asm__ volatile("call *%3"
                     : "=a"(result_rax), "=d"(result_rdx), "+c"(given_rcx)
                     : "r"(code), "0"(rax), "1"(0)
                     : "rbx", "memory", "cc");
}

static bool run(const uint8_t *bytes, unsigned length, uint64_t rax, uint64_t rcx) {
    memset(code, 0xc3, sizeof code);
    memcpy(code, bytes, length);
    given_rcx = rcx;
    return survives(call_code, rax);
}

#define RUN(rax, rcx, ...) run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), rax, rcx)

static bool refused(uint64_t vector, uint64_t error) {
    return last_exception.vector == vector && last_exception.error == error;
}

static bool check_undefined_instructions(void) {
    static const struct {
        uint8_t length, bytes[5];
    } each[] = {
        {4, {0x66, 0x0f, 0xc7, 0x30}},       // VMCLEAR
        {3, {0x0f, 0xc7, 0x30}},             // VMPTRLD
        {3, {0x0f, 0xc7, 0x38}},             // VMPTRST
        {3, {0x0f, 0x78, 0xc0}},             // VMREAD
        {3, {0x0f, 0x79, 0xc0}},             // VMWRITE
        {3, {0x0f, 0x01, 0xc2}},             // VMLAUNCH
        {3, {0x0f, 0x01, 0xc3}},             // VMRESUME
        {3, {0x0f, 0x01, 0xc4}},             // VMXOFF
        {5, {0x66, 0x0f, 0x38, 0x80, 0x00}}, // INVEPT
        {5, {0x66, 0x0f, 0x38, 0x81, 0x00}}, // INVVPID
        {3, {0x0f, 0x01, 0xd4}},             // VMFUNC
        {3, {0x0f, 0x01, 0xda}},             // VMLOAD
        {3, {0x0f, 0x01, 0xdb}},             // VMSAVE
        {3, {0x0f, 0x01, 0xdc}},             // STGI
        {3, {0x0f, 0x01, 0xdd}},             // CLGI
        {3, {0x0f, 0x01, 0xdf}},             // INVLPGA
        {2, {0x0f, 0x37}},                   // GETSEC without CR4.SMXE
        {2, {0x0f, 0xaa}},                   // RSM outside of SMM
        {3, {0x0f, 0x20, 0xc8}},             // MOV RAX, CR1
        {3, {0x0f, 0x22, 0xe8}},             // MOV CR5, RAX
        {3, {0x0f, 0x20, 0xf8}},             // MOV RAX, CR7
        {2, {0xf0, 0x90}},                   // LOCK NOP
        {3, {0x0f, 0xb9, 0xc0}},             // UD1
        {1, {0xce}},                         // INTO, not in 64-bit mode
        {2, {0x8e, 0xc8}},                   // MOV CS, EAX
    };
    bool good = true;
    for (unsigned i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        last_exception = (struct guest_exception){0};
        if (run(each[i].bytes, each[i].length, TEST_ADDRESS, 0) || !refused(UD, NO_ERROR)) {
            print("  not #UD: %02x %02x %02x\n", each[i].bytes[0], each[i].bytes[1], each[i].bytes[2]);
            good = false;
        }
    }
    return good;
}

// The vendor's own call does nothing in a domain but say so; without one, and the other vendor's, it is undefined.
static bool check_hypercall(void) {
    bool intel = cpuid(0, 0).b == 0x756e6547, domain = cpuid(0x40000000, 0).b == 0x4b4d564b; // "Genu", "KVMK"
    uint8_t own = intel ? 0xc1 : 0xd9, other = intel ? 0xd9 : 0xc1;
    bool did = RUN(99, 0, 0x0f, 0x01, own);
    bool good = domain ? did && (int64_t)result_rax == KVM_ENOSYS : !did && refused(UD, NO_ERROR);
    return good && !RUN(99, 0, 0x0f, 0x01, other) && refused(UD, NO_ERROR);
}

static uint64_t read_cr0(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static bool check_machine_status(void) {
    uint64_t cr0 = read_cr0(), whole;
    uint16_t word = (uint16_t)cr0 | CR0_MP_TS;
    __asm__ volatile("lmsw %0" : : "r"(word));
    bool good = (read_cr0() & 0xf) == (CR0_MP_TS | 1 | (cr0 & 4));
    __asm__ volatile("clts");
    good &= (read_cr0() & CR0_TS) == 0;
    word = CR0_TS; // PE is not cleared
    __asm__ volatile("lmsw %0" : : "m"(word));
    good &= (read_cr0() & 0xf) == (CR0_TS | 1);
    __asm__ volatile("smsw %0" : "=r"(whole));
    __asm__ volatile("smsw %0" : "=m"(word));
    good &= (uint32_t)whole == (uint32_t)read_cr0() && word == (uint16_t)whole;
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
    return good;
}

static bool check_caches(void) {
    return RUN(0, 0, 0x0f, 0x09) && RUN(0, 0, 0x0f, 0x08) && RUN(0, 0, 0x48, 0x0f, 0x09) && RUN(0, 0, 0xf3, 0x90) &&
           RUN(0, 0, 0xe6, 0x80) && RUN(0, 0, 0x66, 0xe7, 0x80) && RUN(0, 0, 0xe7, 0x80) && RUN(0, 0, 0xe4, 0x80);
}

// What CPUID offers works, what it does not is undefined.
static bool offered_or_undefined(bool offered, bool did) {
    return offered ? did : !did && refused(UD, NO_ERROR);
}

static bool check_rdtscp(void) {
    bool offered = (cpuid(0x80000001, 0).d >> 27 & 1) != 0;
    uint64_t now = rdtsc();
    bool did = RUN(0, 0, 0x0f, 0x01, 0xf9);
    return offered_or_undefined(offered, did) && (!did || (uint32_t)result_rax != (uint32_t)now);
}

static bool check_monitor(void) {
    bool offered = (cpuid(1, 0).c >> 3 & 1) != 0;
    if (!offered_or_undefined(offered, RUN(TEST_ADDRESS, 0, 0x0f, 0x01, 0xc8)))
        return false;
    if (!offered)
        return !RUN(0, 0, 0x0f, 0x01, 0xc9) && refused(UD, NO_ERROR);
    uint64_t before = interrupt_counts[WAKE_UP];
    lapic_set(LAPIC_ICR, WAKE_UP | ICR_SELF);
    bool did = RUN(0, 0, 0xfb, 0x0f, 0x01, 0xc9, 0xfa); // STI, MWAIT, CLI
    return did && interrupt_counts[WAKE_UP] == before + 1;
}

// A descriptor of what INVPCID invalidates at TEST_ADDRESS: PCID 0, address 0.
static bool check_invpcid(void) {
    bool offered = (cpuid(7, 0).b >> 10 & 1) != 0;
    memset((void *)TEST_ADDRESS, 0, 16);
    if (!offered)
        return !RUN(TEST_ADDRESS, 2, 0x66, 0x0f, 0x38, 0x82, 0x08) && refused(UD, NO_ERROR);
    bool good = true;
    for (uint64_t type = 0; type < 4; type++)
        good &= RUN(TEST_ADDRESS, type, 0x66, 0x0f, 0x38, 0x82, 0x08);
    return good && !RUN(TEST_ADDRESS, 4, 0x66, 0x0f, 0x38, 0x82, 0x08) && refused(GP, 0);
}

// A counter that no processor has.
static bool check_rdpmc(void) {
    return !RUN(0, 0x3fffffff, 0x0f, 0x33) && refused(GP, 0);
}

static bool xsetbv_refused(uint64_t value, uint32_t number) {
    return !RUN(value, number, 0x0f, 0x01, 0xd1) && refused(GP, 0);
}

static bool check_xsetbv(void) {
    uint64_t cr4;
    if (!(cpuid(1, 0).c >> 26 & 1))
        return !RUN(1, 0, 0x0f, 0x01, 0xd1) && refused(UD, NO_ERROR);
    bool good = !RUN(1, 0, 0x0f, 0x01, 0xd1) && refused(UD, NO_ERROR); // without CR4.OSXSAVE
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
    uint32_t allowed = cpuid(0xd, 0).a;
    good &= (cpuid(1, 0).c >> 27 & 1) != 0 && RUN(0, 0, 0x0f, 0x01, 0xd0); // OSXSAVE; XGETBV
    uint64_t before = result_rax;
    good &= RUN(3, 0, 0x0f, 0x01, 0xd1) && RUN(0, 0, 0x0f, 0x01, 0xd0) && result_rax == 3;
    good &= RUN(allowed & 7, 0, 0x0f, 0x01, 0xd1) && RUN(0, 0, 0x0f, 0x01, 0xd0) && result_rax == (allowed & 7);
    good &= xsetbv_refused(0, 0) && xsetbv_refused(2, 0) && xsetbv_refused(5, 0) && xsetbv_refused(1 << 30 | 3, 0) &&
            xsetbv_refused(3, 1);
    good &= RUN(before, 0, 0x0f, 0x01, 0xd1);
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
    return good;
}

// INT1 is an exception that no bit of DR6 tells.
static bool check_int1(void) {
    clear_dr6();
    return !RUN(0, 0, 0xf1) && refused(DB, NO_ERROR) && (read_dr6() & 0x400f) == 0 &&
           last_exception.rip == (uint64_t)(uintptr_t)code + 1;
}

// DR7.GD: an access to a debug register is #DB before it, and clears GD. DR4 is DR6, without CR4.DE.
static bool check_debug_access(void) {
    uint64_t cr4;
    clear_dr6();
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400 | DR7_GD));
    bool good = !RUN(0, 0, 0x0f, 0x21, 0xc0) && refused(DB, NO_ERROR) && (read_dr6() & DR6_BD) &&
                last_exception.rip == (uint64_t)(uintptr_t)code && RUN(0, 0, 0x0f, 0x21, 0xf8) && result_rax == 0x400;
    clear_dr6();
    good &= RUN(0, 0, 0x0f, 0x21, 0xe0) && result_rax == read_dr6();
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_DE));
    good &= !RUN(0, 0, 0x0f, 0x21, 0xe0) && refused(UD, NO_ERROR);
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
    return good;
}

const struct check instruction_checks[] = {
    {"undefined-instructions", check_undefined_instructions},
    {"hypercall", check_hypercall},
    {"machine-status", check_machine_status},
    {"caches", check_caches},
    {"rdtscp", check_rdtscp},
    {"monitor", check_monitor},
    {"invpcid", check_invpcid},
    {"rdpmc", check_rdpmc},
    {"xsetbv", check_xsetbv},
    {"int1", check_int1},
    {"debug-access", check_debug_access},
    {0},
};
