// Whether hardware virtualization that a CPU has may be used: what the firmware has left of it (SDM 3C 26.7; APM
// 2 15.4, 15.30.1). Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FEATURE_LOCK   (1ull << 0) // IA32_FEATURE_CONTROL
#define FEATURE_VMX    (1ull << 2) // outside of SMX
#define VM_CR_SVMDIS   (1ull << 4)
#define CPUID_SVM_NP   (1u << 0)
#define CPUID_SVM_LOCK (1u << 2)

enum usable {
    USABLE,
    USABLE_NOT_OFFERED,
    USABLE_DISABLED,          // by the firmware
    USABLE_DISABLED_WITH_KEY, // by the firmware, which has a key for it
    USABLE_NO_NESTED_PAGING
};

/*@ assigns \nothing;
    ensures \result == USABLE_NOT_OFFERED <==> !offered;
    ensures \result == USABLE_DISABLED <==> offered && (vm_cr & VM_CR_SVMDIS) != 0 && (features & CPUID_SVM_LOCK) == 0;
    ensures \result == USABLE_DISABLED_WITH_KEY <==>
      offered && (vm_cr & VM_CR_SVMDIS) != 0 && (features & CPUID_SVM_LOCK) != 0;
    ensures \result == USABLE_NO_NESTED_PAGING <==>
      offered && (vm_cr & VM_CR_SVMDIS) == 0 && (features & CPUID_SVM_NP) == 0;
    ensures \result == USABLE <==> offered && (vm_cr & VM_CR_SVMDIS) == 0 && (features & CPUID_SVM_NP) != 0;
*/
enum usable usable_svm(bool offered, uint64_t vm_cr, uint32_t features);

// An IA32_FEATURE_CONTROL that is not locked is ours to set.
/*@ assigns \nothing;
    ensures \result == USABLE_NOT_OFFERED <==> !offered;
    ensures \result == USABLE_DISABLED <==>
      offered && (feature_control & FEATURE_LOCK) != 0 && (feature_control & FEATURE_VMX) == 0;
    ensures \result == USABLE <==>
      offered && ((feature_control & FEATURE_LOCK) == 0 || (feature_control & FEATURE_VMX) != 0);
*/
enum usable usable_vmx(bool offered, uint64_t feature_control);
