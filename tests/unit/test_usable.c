// What a firmware may have left of hardware virtualization.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/usable.h"

static void amd(void **state) {
    (void)state;
    assert_int_equal(usable_svm(false, 0, CPUID_SVM_NP), USABLE_NOT_OFFERED);
    assert_int_equal(usable_svm(true, 0, CPUID_SVM_NP), USABLE);
    assert_int_equal(usable_svm(true, 8, CPUID_SVM_NP | CPUID_SVM_LOCK), USABLE); // locked, but on
    assert_int_equal(usable_svm(true, 0x18, CPUID_SVM_NP), USABLE_DISABLED);
    assert_int_equal(usable_svm(true, 0x18, CPUID_SVM_NP | CPUID_SVM_LOCK), USABLE_DISABLED_WITH_KEY);
    assert_int_equal(usable_svm(true, 0, CPUID_SVM_LOCK), USABLE_NO_NESTED_PAGING);
}

static void intel(void **state) {
    (void)state;
    assert_int_equal(usable_vmx(false, 5), USABLE_NOT_OFFERED);
    assert_int_equal(usable_vmx(true, 5), USABLE);
    assert_int_equal(usable_vmx(true, 0), USABLE);          // left to us
    assert_int_equal(usable_vmx(true, 1), USABLE_DISABLED); // locked, VMX off
    assert_int_equal(usable_vmx(true, 3), USABLE_DISABLED); // inside of SMX only
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(amd), cmocka_unit_test(intel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
