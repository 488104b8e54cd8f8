// Control words of a VMCB, by the numbers of the manual (APM 2 appendix B), not our names; and TPR and CR8.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/apic_priority.h"
#include "svm/svm_control.h"

// INTR, NMI, INIT, RDPMC, CPUID, INVD, HLT, INVLPGA, IOIO, MSR, task switch, FERR, shutdown
#define ALWAYS 0xfd44800bu

static void all_that_waits_sets_its_own_bits(void **state) {
    (void)state;
    for (unsigned what = 0; what < 8; what++) {
        bool tpr = what & 1, window = what & 2, iret = what & 4;
        struct svm_controls controls = svm_controls(tpr, window, iret);
        assert_int_equal(controls.intercept_misc1, ALWAYS | (window ? 1u << 4 : 0) | (iret ? 1u << 20 : 0));
        assert_int_equal(controls.intercept_cr, 1u << 20 | (tpr || window ? 1u << 24 : 0)); // CR4, CR8
        // V_INTR_MASKING; V_IRQ, the highest V_INTR_PRIO, V_IGN_TPR
        assert_int_equal(controls.vintr, 1ull << 24 | (window ? 1ull << 8 | 15ull << 16 | 1ull << 20 : 0));
    }
}

static void cr8_is_the_class_of_tpr(void **state) {
    (void)state;
    for (unsigned tpr = 0; tpr < 256; tpr++) {
        assert_int_equal(apic_cr8((uint8_t)tpr), tpr >> 4);
        for (unsigned cr8 = 0; cr8 < 16; cr8++)
            assert_int_equal(apic_tpr_of_cr8((uint8_t)tpr, (uint8_t)cr8), cr8 == tpr >> 4 ? tpr : cr8 << 4);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_waits_sets_its_own_bits),
        cmocka_unit_test(cr8_is_the_class_of_tpr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
