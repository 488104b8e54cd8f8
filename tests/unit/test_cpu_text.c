// What info says of the host's CPU: model, microcode, errata.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/domain/cpu_text.h"
#include "kernel/abi.h"

static void tells_models(void **state) {
    (void)state;
    char text[CPU_TEXT_SIZE];
    cpu_text(0x50654, 0x2000065, text, sizeof text);
    assert_string_equal(text, "family 6 model 85 stepping 4, microcode 0x2000065");
    cpu_text(0x800f12, 0, text, sizeof text);
    assert_string_equal(text, "family 23 model 1 stepping 2, microcode unknown");
    cpu_text(0xfffffff, UINT32_MAX, text, sizeof text);
    assert_string_equal(text, "family 270 model 255 stepping 15, microcode 0xffffffff");
}

static void knows_errata(void **state) {
    (void)state;
    static const struct {
        uint32_t vendor, signature, microcode;
        const char *text;
    } cases[] = {
        {HOST_VENDOR_SVM, 0x800f12, 0x8001250, "none known"},
        {HOST_VENDOR_SVM, 0x100f43, 0, // family 10h model 4
         "383: a guest can cause a machine check by its page tables; "
         "400: timer may not wake an idle CPU; turn C1E off in the firmware"},
        {HOST_VENDOR_VMX, 0x50654, 0x2000013,
         "TSC deadline timer may be late with microcode before 0x2000014, and is not used for that"},
        {HOST_VENDOR_VMX, 0x50654, 0x2000014, "none known"},
        {HOST_VENDOR_VMX, 0x50657, 1, "none known"}, // another stepping
        {HOST_VENDOR_VMX, 0x406f1, 0x0b000010,       // all steppings of that model
         "TSC deadline timer may be late with microcode before 0xb000020, and is not used for that"},
        {HOST_VENDOR_SVM, 0x50654, 1, "none known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[CPU_ERRATA_SIZE];
        cpu_errata_text(cases[i].vendor, cases[i].signature, cases[i].microcode, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_models), cmocka_unit_test(knows_errata)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
