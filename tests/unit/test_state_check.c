// The name of the check that a guest's state fails at entry.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dom0/vmm/state_check.h"

#define PHYSICAL_BITS 40

// 64-bit code at user level, as Linux runs it.
static struct vcpu_page good(void) {
    struct vcpu_page page = {.rip = 0x401000, .rflags = 0x202, .cr0 = 0x80050033, .cr3 = 0x1000, .cr4 = 0x6a0};
    page.efer = 0xd01;
    page.pat = 0x0007040600070406;
    page.dr6 = 0xffff0ff0;
    for (unsigned i = 0; i < SEGMENT_LDTR; i++)
        page.segment[i] = (struct vcpu_segment){0x2b, 0xcf3, 0xffffffff, 0};
    page.segment[SEGMENT_CS] = (struct vcpu_segment){0x33, 0xafb, 0xffffffff, 0};
    page.segment[SEGMENT_TR] = (struct vcpu_segment){0x40, 0x08b, 0x206f, 0xfffffe0000003000};
    return page;
}

static void good_state_passes(void **state) {
    (void)state;
    struct vcpu_page page = good();
    assert_null(state_check(&page, PHYSICAL_BITS));
    page.rip = 1ull << 47; // behind the last canonical one: entered, and #GP there
    assert_null(state_check(&page, PHYSICAL_BITS));
    struct vcpu_page reset = {.rip = 0xfff0, .rflags = 2, .cr0 = 0x60000010};
    for (unsigned i = 0; i < SEGMENT_LDTR; i++)
        reset.segment[i] = (struct vcpu_segment){0, 0x093, 0xffff, 0};
    reset.segment[SEGMENT_CS] = (struct vcpu_segment){0xf000, 0x09b, 0xffff, 0xffff0000};
    reset.segment[SEGMENT_LDTR] = (struct vcpu_segment){0, 0x082, 0xffff, 0};
    reset.segment[SEGMENT_TR] = (struct vcpu_segment){0, 0x08b, 0xffff, 0};
    assert_null(state_check(&reset, PHYSICAL_BITS));
}

// Says what failed after one change of a good state, and only with it.
#define FAILS(change, text)                                                                                            \
    do {                                                                                                               \
        struct vcpu_page p = good();                                                                                   \
        change;                                                                                                        \
        const char *failed = state_check(&p, PHYSICAL_BITS);                                                           \
        assert_non_null(failed);                                                                                       \
        assert_non_null(strstr(failed, text));                                                                         \
    } while (0)

static void registers(void **state) {
    (void)state;
    FAILS(p.cr0 &= ~1ull, "PG without PE");
    FAILS(p.cr0 |= 1ull << 32, "63:32 of CR0");
    FAILS(p.cr0 |= 1ull << 29, "NW without CD");
    FAILS(p.efer &= ~0x100ull, "EFER.LMA");
    FAILS(p.cr4 &= ~0x20ull, "without CR4.PAE");
    FAILS((p.efer = 0, p.cr4 |= 0x20000), "PCIDE");
    FAILS(p.cr3 = 1ull << PHYSICAL_BITS, "CR3");
    FAILS(p.efer |= 2, "EFER has reserved");
    FAILS(p.rflags |= 0x20000, "VM in long mode");
    FAILS(p.sysenter_eip = 1ull << 47, "SYSENTER_EIP");
    FAILS(p.sysenter_esp = 1ull << 47, "SYSENTER_ESP");
    FAILS(p.pat = 0x0007040600020406, "PAT");
    FAILS(p.pat = 0x0307040600070406, "PAT");
    FAILS(p.pat = 0x0807040600070406, "PAT");
    FAILS(p.dr6 = 1ull << 32, "DR6");
    FAILS(p.gdtr.base = 1ull << 63, "GDTR");
    FAILS(p.idtr.base = 1ull << 63, "IDTR");
    FAILS(p.rip = 1ull << 50, "63:48 of RIP");
    FAILS(p.rip = 0xfffeull << 48, "63:48 of RIP");
    FAILS((p.segment[SEGMENT_CS].attributes = 0xcfb, p.rip = 1ull << 32), "63:32 of RIP");
}

static void segments(void **state) {
    (void)state;
    FAILS(p.segment[SEGMENT_CS].attributes = 0xa7b, "no present code");
    FAILS(p.segment[SEGMENT_CS].attributes = 0xaf5, "type that no code");
    FAILS(p.segment[SEGMENT_CS].attributes = 0xcf3, "data with a DPL");
    FAILS(p.segment[SEGMENT_CS].attributes = 0xa9b, "not conforming");
    FAILS((p.segment[SEGMENT_CS].attributes = 0xaff, p.segment[SEGMENT_SS].attributes = 0xc93), "above that of SS");
    FAILS(p.segment[SEGMENT_CS].attributes = 0xefb, "both L and D");
    FAILS(p.segment[SEGMENT_CS].limit = 0x1000, "limit of CS");
    FAILS(p.segment[SEGMENT_CS].base = 1ull << 32, "base of CS");
    FAILS((p.efer = 0, p.segment[SEGMENT_CS].attributes = 0x093), "no privilege level");
    FAILS((p.efer = 0, p.cr0 = 0x10, p.segment[SEGMENT_CS].attributes = 0x0fb), "no privilege level");
    FAILS(p.segment[SEGMENT_SS].attributes = 0xcf1, "SS is not writable");
    FAILS(p.segment[SEGMENT_DS].attributes = 0xcf9, "cannot be read");
    FAILS(p.segment[SEGMENT_ES].attributes = 0xce2, "system descriptor");
    FAILS(p.segment[SEGMENT_ES].base = 1ull << 32, "ES, SS or DS");
    FAILS(p.segment[SEGMENT_GS].base = 1ull << 62, "FS or GS");
    FAILS(p.segment[SEGMENT_DS].limit = 0, "limit of a data");
    FAILS(p.segment[SEGMENT_TR].attributes = 0x083, "TR has a type");
    FAILS(p.segment[SEGMENT_TR].selector |= 4, "TR is no");
    FAILS(p.segment[SEGMENT_TR].base = 1ull << 60, "limit of TR");
    FAILS(p.segment[SEGMENT_LDTR].attributes = 0x089, "LDTR is no");
    FAILS((p.segment[SEGMENT_LDTR].attributes = 0x082, p.segment[SEGMENT_LDTR].limit = 1 << 20), "limit of LDTR");
}

static void virtual_8086(void **state) {
    (void)state;
    FAILS((p.efer = 0, p.rflags |= 0x20000), "16 times");
    struct vcpu_page page = good();
    page.efer = 0;
    page.rflags |= 0x20000;
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++)
        page.segment[i] = (struct vcpu_segment){0x1000, 0x0f3, 0xffff, 0x10000};
    assert_null(state_check(&page, PHYSICAL_BITS));
    page.segment[SEGMENT_FS].limit = 0x10000;
    assert_non_null(strstr(state_check(&page, PHYSICAL_BITS), "rights F3h"));
    page.segment[SEGMENT_FS].limit = 0xffff;
    page.segment[SEGMENT_FS].attributes = 0x4f3;
    assert_non_null(strstr(state_check(&page, PHYSICAL_BITS), "rights F3h"));
}

static void what_the_processor_says(void **state) {
    (void)state;
    FAILS(p.qualification = 1ull << 63 | 7, "refused");
    FAILS(p.qualification = 2ull << 32 | 1u << 31 | 33, "page-directory pointer");
    FAILS(p.qualification = 2ull << 32 | 1u << 31 | 34, "LSTAR");
    FAILS(p.qualification = 5ull << 32 | 1u << 31 | 34, "kernel GS");
    FAILS(p.qualification = 41 | 1u << 31, "machine check");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_state_passes),
        cmocka_unit_test(registers),
        cmocka_unit_test(segments),
        cmocka_unit_test(virtual_8086),
        cmocka_unit_test(what_the_processor_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
