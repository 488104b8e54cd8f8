// Whether hardware virtualization may be used.
#include "kernel/usable.h"

enum usable usable_svm(bool offered, uint64_t vm_cr, uint32_t features) {
    if (!offered)
        return USABLE_NOT_OFFERED;
    if (vm_cr & VM_CR_SVMDIS)
        return features & CPUID_SVM_LOCK ? USABLE_DISABLED_WITH_KEY : USABLE_DISABLED;
    return features & CPUID_SVM_NP ? USABLE : USABLE_NO_NESTED_PAGING;
}

enum usable usable_vmx(bool offered, uint64_t feature_control) {
    if (!offered)
        return USABLE_NOT_OFFERED;
    return (feature_control & FEATURE_LOCK) && !(feature_control & FEATURE_VMX) ? USABLE_DISABLED : USABLE;
}
