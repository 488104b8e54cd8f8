// The table of MSRs: rules of those with a meaning, memory of the others, #GP for the unknown.
#include "dom0/vmm/msr.h"
#include "dom0/vmm/page_walk.h"
#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the headers above
#include <cmocka.h>

static struct vcpu_page cpu;
static uint32_t needed;
static unsigned adjusts, clock_pages;
static uint64_t value;

static bool need(void *context, uint32_t groups) {
    needed |= groups;
    return true;
}
static uint64_t guest_tsc(void *context) {
    return 1000;
}
static void adjust_changed(void *context) {
    adjusts++;
}
static void clock_page_changed(void *context) {
    clock_pages++;
}
static bool apic_has(uint32_t number) {
    return number == 0x1b;
}
static bool apic_read(void *context, uint32_t number, uint64_t *out) {
    *out = 0xfee00900;
    return true;
}
static bool apic_write(void *context, uint32_t number, uint64_t written) {
    return false;
}

static const struct msr_host host = {NULL,           need,     guest_tsc, adjust_changed, clock_page_changed,
                                     adjust_changed, apic_has, apic_read, apic_write};
static struct msr msr = {.host = &host, .cpu = &cpu, .physical_bits = 40};

static int setup(void **state) {
    cpu = (struct vcpu_page){0};
    needed = adjusts = clock_pages = 0;
    msr.intel = false;
    msr_reset(&msr);
    return 0;
}

static void test_unknown(void **state) {
    assert_false(msr_read(&msr, 0x12345, &value));
    assert_false(msr_write(&msr, 0x12345, 0));
    assert_false(msr_read(&msr, 0x48, &value));       // SPEC_CTRL is not offered
    assert_false(msr_read(&msr, 0xc0000103, &value)); // nor TSC_AUX
    assert_false(msr_read(&msr, 0x3a, &value));       // Intel's only
    msr.intel = true;
    assert_true(msr_read(&msr, 0x3a, &value));
    assert_int_equal(value, 1);
    assert_false(msr_read(&msr, 0xc0010015, &value)); // AMD's only
}

static void test_efer(void **state) {
    assert_true(msr_write(&msr, 0xc0000080, EFER_LME | EFER_NXE | EFER_SCE));
    assert_true(cpu.dirty & GROUP_CONTROL);
    assert_false(msr_write(&msr, 0xc0000080, EFER_SVME));
    cpu.cr0 = CR0_PG | CR0_PE;
    cpu.efer |= EFER_LMA;
    assert_false(msr_write(&msr, 0xc0000080, 0));       // LME while paging is on
    assert_true(msr_write(&msr, 0xc0000080, EFER_LME)); // LMA cannot be written away
    assert_int_equal(cpu.efer, EFER_LME | EFER_LMA);
    cpu.efer |= EFER_SVME; // the core's own
    assert_true(msr_read(&msr, 0xc0000080, &value));
    assert_int_equal(value, EFER_LME | EFER_LMA);
}

static void test_fields(void **state) {
    assert_true(msr_write(&msr, 0xc0000082, 0xffffffff81000000));
    assert_int_equal(cpu.lstar, 0xffffffff81000000);
    assert_int_equal(needed, GROUP_MSR);
    assert_int_equal(cpu.dirty, GROUP_MSR);
    assert_false(msr_write(&msr, 0xc0000082, 0x1000000000000000)); // not canonical
    assert_true(msr_write(&msr, 0xc0000101, 0x7000));
    assert_int_equal(cpu.segment[SEGMENT_GS].base, 0x7000);
    assert_true(cpu.dirty & GROUP_SEGMENT);
    assert_true(msr_write(&msr, 0x277, 0x0407050600070106));
    assert_false(msr_write(&msr, 0x277, 0x0407050600070102)); // memory type 2
    assert_int_equal(cpu.pat, 0x0407050600070106);
}

static void test_stored(void **state) {
    assert_true(msr_write(&msr, 0x20f, 0xffff000800));
    assert_true(msr_read(&msr, 0x20f, &value));
    assert_int_equal(value, 0xffff000800);
    assert_true(msr_read(&msr, 0x20e, &value));
    assert_int_equal(value, 0);
    assert_true(msr_write(&msr, MSR_MTRR_DEF_TYPE, MTRR_ENABLED_WRITE_BACK));
    assert_false(msr_write(&msr, MSR_MTRR_DEF_TYPE, 1 << 9));
    assert_false(msr_write(&msr, 0xfe, 0)); // MTRRcap is read-only
    assert_true(msr_write(&msr, 0x8b, 5));  // ignored
    assert_true(msr_read(&msr, 0x8b, &value));
    assert_int_equal(value, 0x01000065);
    msr_reset(&msr);
    assert_true(msr_read(&msr, 0x20f, &value));
    assert_int_equal(value, 0);
    assert_true(msr_read(&msr, 0x1a0, &value));
    assert_int_equal(value, 1);
}

static void test_tsc(void **state) {
    assert_true(msr_write(&msr, 0x10, 5000));
    assert_int_equal(msr.s.tsc_adjust, 4000);
    assert_int_equal(adjusts, 1);
    assert_true(msr_read(&msr, 0x10, &value));
    assert_int_equal(value, 5000);
    assert_true(msr_write(&msr, 0x3b, UINT64_MAX));
    assert_true(msr_read(&msr, 0x10, &value));
    assert_int_equal(value, 999);
}

static void test_clock_and_apic(void **state) {
    assert_true(msr_write(&msr, 0x4b564d01, 0x3001));
    assert_int_equal(clock_pages, 1);
    assert_true(msr_read(&msr, 0x12, &value)); // the old number of the same
    assert_int_equal(value, 0x3001);
    assert_true(msr_read(&msr, 0x1b, &value));
    assert_int_equal(value, 0xfee00900);
    assert_false(msr_write(&msr, 0x1b, 0));
}

// No two entries share an element of stored[], and all lie in it: each keeps its own value.
static void test_stored_apart(void **state) {
    static const uint32_t numbers[] = {0x17a, 0x1a0, 0x1d9, 0x200,      0x20f,      0x250,      0x258,      0x259,
                                       0x268, 0x26f, 0x2ff, 0xc0010015, 0xc0011020, 0xc0011023, 0xc0011028, 0xc001102a};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_true(msr_write(&msr, numbers[i], i % 4));
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(msr_read(&msr, numbers[i], &value));
        assert_int_equal(value, i % 4);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_unknown, setup),      cmocka_unit_test_setup(test_efer, setup),
        cmocka_unit_test_setup(test_fields, setup),       cmocka_unit_test_setup(test_stored, setup),
        cmocka_unit_test_setup(test_tsc, setup),          cmocka_unit_test_setup(test_clock_and_apic, setup),
        cmocka_unit_test_setup(test_stored_apart, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
