// What CPUID shows a guest: nothing beside the allowlist, its own topology, and sizes that follow XCR0.
#include "dom0/vmm/cpuid.h"
#include "dom0/vmm/vector_registers.h"
#include "kernel/abi.h"
#include "lib/control_registers.h"
#include <cpuid.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka wants the headers above
#include <cmocka.h>

static bool host_intel;

// A host that has everything.
static struct cpuid_result host(uint32_t leaf, uint32_t subleaf) {
    struct cpuid_result all = {~0u, ~0u, ~0u, ~0u};
    if (leaf == 0)
        return host_intel ? (struct cpuid_result){0x16, 0x756e6547, 0x6c65746e, 0x49656e69}
                          : (struct cpuid_result){0x10, 0x68747541, 0x444d4163, 0x69746e65};
    if (leaf == 0x80000000)
        return (struct cpuid_result){0x8000001f, 0x68747541, 0x444d4163, 0x69746e65};
    if (leaf == 0x80000008)
        return (struct cpuid_result){0x3030, ~0u, ~0u, ~0u};
    if (leaf == 0xd && subleaf == 2)
        return (struct cpuid_result){256, 576, 0, 0};
    if (leaf == 0xd && subleaf >= 5)
        return (struct cpuid_result){512, 1088 + (subleaf - 5) * 512, 0, 0};
    return all;
}

static struct cpuid cpuid;

// All CPUs say the same, but for these.
static struct boot_feature features[BOOT_FEATURES] = {[0 ... BOOT_FEATURES - 1] = {.leaf = 0xffff}};

static void setup_xsavec(unsigned vcpus, uint64_t xcr0, bool xsavec) {
    struct cpuid_settings settings = {host, features, xcr0, vcpus, 2500000, true, xsavec};
    cpuid_init(&cpuid, &settings);
}

static void setup(unsigned vcpus, uint64_t xcr0) {
    setup_xsavec(vcpus, xcr0, true);
}

static struct cpuid_result read(unsigned index, uint32_t leaf, uint32_t subleaf, uint64_t xcr0) {
    struct cpuid_vcpu vcpu = {index, CR4_OSXSAVE, xcr0, true};
    return cpuid_read(&cpuid, &vcpu, leaf, subleaf);
}

static void test_never_offered(void **state) {
    setup(2, 7);
    struct cpuid_result one = read(0, 1, 0, 7), extended = read(0, 0x80000001, 0, 7);
    assert_int_equal(one.ecx & (1u << 3 | 1u << 5 | 1u << 6 | 1u << 15), 0); // MONITOR VMX SMX PDCM
    assert_int_equal(one.edx & (1u << 21 | 1u << 22 | 1u << 29), 0);         // DS ACPI TM
    assert_int_equal(extended.ecx & (1u << 2 | 1u << 12 | 1u << 22), 0);     // SVM SKINIT TOPOEXT
    assert_int_equal(extended.edx & 1u << 27, 0);                            // RDTSCP
    assert_int_equal(read(0, 7, 0, 7).edx, 0);                               // no SPEC_CTRL
    assert_int_equal(read(0, 7, 1, 7).eax, 0);
    assert_int_equal(read(0, 0xa, 0, 7).eax, 0);
    assert_int_equal(read(0, 0x8000000a, 0, 7).edx, 0);
    assert_int_equal(read(0, 0x80000000, 0, 7).eax, 0x80000008);
    assert_int_equal(read(0, 0, 0, 7).eax, 0xd);
    assert_int_equal(read(0, 5, 0, 7).eax, 0);
}

static void test_always_offered(void **state) {
    setup(1, 7);
    struct cpuid_result one = read(0, 1, 0, 7);
    assert_true(one.ecx & 1u << 31); // hypervisor
    assert_true(one.ecx & 1u << 21); // x2APIC
    assert_true(one.ecx & 1u << 24); // TSC deadline
    assert_true(one.ecx & 1u << 27); // OSXSAVE, as CR4 says
    assert_true(read(0, 7, 0, 7).ebx & 1u << 1);
    assert_true(one.ecx & 1u << 30 && read(0, 7, 0, 7).ebx & 1u << 18); // RDRAND, RDSEED
    struct cpuid_vcpu off = {0, 0, 1, false};
    assert_false(cpuid_read(&cpuid, &off, 1, 0).ecx & 1u << 27);
    assert_false(cpuid_read(&cpuid, &off, 1, 0).edx & 1u << 9); // APIC disabled
}

// CR4 takes what is offered, of a host that has everything, and no more.
static void test_cr4(void **state) {
    setup(1, 7);
    assert_int_equal(cpuid.cr4_allowed, VCPU_CR4);
    setup(1, 0); // no XSAVE
    assert_int_equal(cpuid.cr4_allowed, VCPU_CR4 & ~CR4_OSXSAVE);
    assert_true(cr4_takes(CR4_PAE | CR4_SMEP, CR4_PAE, 0x1000, EFER_LMA, VCPU_CR4));
    assert_false(cr4_takes(CR4_PAE | 1 << 22, CR4_PAE, 0x1000, EFER_LMA, VCPU_CR4));    // PKE
    assert_false(cr4_takes(CR4_PAE | 1ull << 32, CR4_PAE, 0x1000, EFER_LMA, VCPU_CR4)); // FRED
    assert_false(cr4_takes(CR4_SMEP, CR4_PAE, 0x1000, EFER_LMA, VCPU_CR4));             // PAE in long mode
    assert_true(cr4_takes(0, CR4_PAE, 0x1000, 0, VCPU_CR4));
    assert_true(cr4_takes(CR4_PAE | CR4_PCIDE, CR4_PAE, 0x1000, EFER_LMA, VCPU_CR4));
    assert_false(cr4_takes(CR4_PAE | CR4_PCIDE, CR4_PAE, 0x1001, EFER_LMA, VCPU_CR4)); // an identifier already
    assert_true(cr4_takes(CR4_PAE | CR4_PCIDE, CR4_PAE | CR4_PCIDE, 0x1001, EFER_LMA, VCPU_CR4));
    assert_false(cr4_takes(CR4_PAE | CR4_PCIDE, CR4_PAE, 0x1000, 0, VCPU_CR4)); // outside of long mode
}

static void test_topology(void **state) {
    setup(3, 7);
    struct cpuid_result one = read(2, 1, 0, 7);
    assert_int_equal(one.ebx >> 24, 2);
    assert_int_equal(one.ebx >> 16 & 0xff, 4); // a power of two, for the shift
    assert_true(one.edx & 1u << 28);
    assert_int_equal(read(2, 0xb, 1, 7).eax, 2);
    assert_int_equal(read(2, 0xb, 1, 7).ebx, 3);
    assert_int_equal(read(2, 0xb, 1, 7).ecx, 0x201);
    assert_int_equal(read(2, 0xb, 0, 7).edx, 2);
    assert_int_equal(read(2, 0x80000008, 0, 7).ecx & 0xff, 2);
    setup(1, 7);
    assert_int_equal(read(0, 0x80000008, 0, 7).ecx & 0xff, 0);
    assert_false(read(0, 1, 0, 7).edx & 1u << 28);
}

static void test_xsave(void **state) {
    setup(1, 7);
    assert_int_equal(read(0, 0xd, 0, 1).eax, 7);
    assert_int_equal(read(0, 0xd, 0, 1).ebx, 576);
    assert_int_equal(read(0, 0xd, 0, 7).ebx, 832);
    assert_int_equal(read(0, 0xd, 0, 1).ecx, 832);
    assert_int_equal(read(0, 0xd, 1, 7).eax, 7); // no XSAVES
    assert_int_equal(read(0, 0xd, 1, 7).ebx, 832);
    setup_xsavec(1, 7, false);
    assert_int_equal(read(0, 0xd, 1, 7).eax, 5);
    assert_int_equal(read(0, 0xd, 1, 7).ebx, 0);
    setup(1, 7);
    assert_int_equal(read(0, 7, 0, 7).ebx & 1u << 16, 0);
    setup(1, 0xe7);
    assert_int_equal(read(0, 0xd, 0, 0xe7).ebx, 1088 + 3 * 512);
    assert_true(read(0, 7, 0, 7).ebx & 1u << 16);
    setup(1, 0);
    assert_int_equal(read(0, 1, 0, 1).ecx & (1u << 26 | 1u << 28), 0); // neither XSAVE nor AVX
    assert_int_equal(read(0, 0xd, 0, 1).eax, 0);
}

// The trial finds no fault where there is none: on what runs this test.
static void test_xsavec_trial(void **state) {
    uint32_t a, b, c, d, avx = 1u << 27 | 1u << 28; // OSXSAVE, AVX
    if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || (c & avx) != avx || (vector_registers_xcr0(NULL) & 6) != 6)
        skip();
    if (!__get_cpuid_count(0xd, 1, &a, &b, &c, &d) || !(a & 2))
        skip();
    assert_true(vector_registers_xsavec_good());
}

static void test_hypervisor(void **state) {
    setup(1, 7);
    struct cpuid_result signature = read(0, 0x40000000, 0, 7);
    assert_memory_equal(&signature.ebx, "KVMKVMKVM\0\0\0", 12);
    assert_true(signature.eax >= 0x40000010);
    assert_true(read(0, 0x40000001, 0, 7).eax & 1u << 24);
    assert_int_equal(read(0, 0x40000010, 0, 7).eax, 2500000);
}

static void test_intel(void **state) {
    host_intel = true;
    setup(4, 7);
    assert_int_equal(read(0, 4, 0, 7).eax >> 26, 3);
    assert_int_equal(read(0, 4, 0, 7).eax & 0x3fff, 0x3fff);
    host_intel = false;
    setup(4, 7);
    assert_int_equal(read(0, 4, 0, 7).eax, 0);
}

static void test_what_one_cpu_lacks(void **state) {
    features[0] = (struct boot_feature){1, 0, BOOT_ECX, ~(1u << 25)};        // AES
    features[5] = (struct boot_feature){7, 0, BOOT_EBX, ~(1u << 0)};         // FSGSBASE
    features[13] = (struct boot_feature){0x80000001, 0, BOOT_EDX, 1u << 29}; // all but LM
    setup(1, 7);
    assert_int_equal(read(0, 1, 0, 7).ecx & (3u << 25), 1u << 26);
    assert_int_equal(read(0, 1, 0, 7).edx & 0x078bf9ff, 0x078bf9ff);
    assert_int_equal(read(0, 7, 0, 7).ebx & 9, 8);
    assert_int_equal(cpuid.cr4_allowed & 1u << 16, 0);
    assert_int_equal(read(0, 0x80000001, 0, 7).edx, 1u << 29);
    features[0].leaf = features[5].leaf = features[13].leaf = 0xffff;
    setup(1, 7);
    assert_int_equal(read(0, 1, 0, 7).ecx & (3u << 25), 3u << 25);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_offered),
        cmocka_unit_test(test_always_offered),
        cmocka_unit_test(test_cr4),
        cmocka_unit_test(test_topology),
        cmocka_unit_test(test_xsave),
        cmocka_unit_test(test_xsavec_trial),
        cmocka_unit_test(test_hypervisor),
        cmocka_unit_test(test_intel),
        cmocka_unit_test(test_what_one_cpu_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
