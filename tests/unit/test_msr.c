// The table of MSRs: rules of those with a meaning, memory of the others, #GP for the unknown.
#include "dom0/vmm/msr.h"
#include "dom0/vmm/mtrr.h"
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
    assert_true(msr_write(&msr, 0x8b, 5)); // ignored
    assert_true(msr_read(&msr, 0x8b, &value));
    assert_int_equal(value, 0x01000065);
    msr_reset(&msr);
    assert_true(msr_read(&msr, 0x20f, &value));
    assert_int_equal(value, 0);
    assert_true(msr_read(&msr, 0x1a0, &value));
    assert_int_equal(value, 1);
}

// SDM 3A 12.11.2; physical addresses have 40 bits here.
static void test_mtrr(void **state) {
    static const struct {
        uint64_t value;
        uint32_t number;
        bool good;
    } writes[] = {
        {MTRR_ENABLED_WRITE_BACK, 0x2ff, true},
        {0xc06, 0x2ff, true},  // with fixed ranges
        {0x802, 0x2ff, false}, // a reserved type
        {0x807, 0x2ff, false}, // one of PAT only
        {0x906, 0x2ff, false}, // reserved bits
        {0xa06, 0x2ff, false},
        {0x1806, 0x2ff, false},
        {1ull << 63 | 0x806, 0x2ff, false},
        {0xffc0000006, 0x200, true},
        {0xffc0000003, 0x200, false},
        {0x07, 0x20e, false},
        {0x106, 0x20e, false}, // bits 11:8
        {0x806, 0x20e, false},
        {0x10000000000, 0x20e, false}, // address bit 40
        {0x8000000000, 0x20e, true},
        {0xfffffff800, 0x201, true},
        {0xfffffff801, 0x201, false}, // bits 10:0
        {0xfffffffc00, 0x201, false},
        {0x1fffffff800, 0x20f, false}, // address bit 40
        {1ull << 63 | 0x800, 0x20f, false},
        {0x0606050401000606, 0x250, true},
        {0x0606060606060602, 0x250, false},
        {0x0206060606060606, 0x258, false},
        {0x0606060706060606, 0x259, false},
        {0x0606061e06060606, 0x268, false}, // RdMem and WrMem, which SYSCFG does not turn on
        {0x0606ff0606060606, 0x26f, false},
        {0x0505050505050505, 0x26f, true},
        {0, MSR_MTRR_CAP, false},
        {MTRR_CAP_VALUE, MSR_MTRR_CAP, false},
    };
    for (unsigned i = 0; i < sizeof writes / sizeof *writes; i++) {
        uint64_t before;
        assert_true(msr_read(&msr, writes[i].number, &before));
        assert_int_equal(msr_write(&msr, writes[i].number, writes[i].value), writes[i].good);
        assert_true(msr_read(&msr, writes[i].number, &value));
        assert_int_equal(value, writes[i].good ? writes[i].value : before);
    }
    assert_false(msr_read(&msr, 0x210, &value)); // no ninth pair
    assert_false(msr_write(&msr, 0x251, 0));     // between the fixed ones
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

static uint64_t stored_value(uint32_t number, unsigned i) {
    static const uint8_t types[] = {0, 1, 4, 5, 6};
    if (number < MSR_MTRR_VARIABLE || number > MSR_MTRR_DEF_TYPE)
        return i % 4;
    return number == 0x20f ? 0x800 : types[i % 5];
}

// No two entries share an element of stored[], and all lie in it: each keeps its own value.
static void test_stored_apart(void **state) {
    static const uint32_t numbers[] = {0x17a, 0x1a0, 0x1d9, 0x200,      0x20f,      0x250,      0x258,      0x259,
                                       0x268, 0x26f, 0x2ff, 0xc0010015, 0xc0011020, 0xc0011023, 0xc0011028, 0xc001102a};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_true(msr_write(&msr, numbers[i], stored_value(numbers[i], i)));
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(msr_read(&msr, numbers[i], &value));
        assert_int_equal(value, stored_value(numbers[i], i));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_unknown, setup),      cmocka_unit_test_setup(test_efer, setup),
        cmocka_unit_test_setup(test_fields, setup),       cmocka_unit_test_setup(test_stored, setup),
        cmocka_unit_test_setup(test_tsc, setup),          cmocka_unit_test_setup(test_clock_and_apic, setup),
        cmocka_unit_test_setup(test_stored_apart, setup), cmocka_unit_test_setup(test_mtrr, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
