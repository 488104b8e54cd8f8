// Control words of a VMCB: what the core always intercepts, and what waits for an entry (APM 2 15.9, 15.21). Pure;
// proved.
#pragma once
#include "svm/vmcb.h"

#define SVM_MISC1                                                                                                      \
    (INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_INIT | INTERCEPT_RDPMC | INTERCEPT_CPUID | INTERCEPT_INVD |            \
     INTERCEPT_HLT | INTERCEPT_INVLPGA | INTERCEPT_IOIO | INTERCEPT_MSR | INTERCEPT_TASK_SWITCH | INTERCEPT_FERR |     \
     INTERCEPT_SHUTDOWN)

struct svm_controls {
    uint64_t vintr;
    uint32_t intercept_misc1, intercept_cr;
};

// For contracts; a predicate would hide it from the prover's rules for bits.
#define SVM_BIT(word, bit) (((word) & (1 << (bit))) != 0)

// CR4: what CPUID hides from a guest the processor would let it set. `tpr_waits`: a vector waits for TPR; `window`: for
// an interrupt window; `iret`: an NMI is blocked until the guest's IRET. A window's virtual interrupt always has its
// intercept, so that it is never delivered. V_TPR is the caller's.
/*@ assigns \nothing;
    // The host's, and what the guest must not do by itself, whatever waits:
    ensures SVM_BIT(\result.intercept_misc1, 0) && SVM_BIT(\result.intercept_misc1, 1);
    ensures SVM_BIT(\result.intercept_misc1, 3) && SVM_BIT(\result.intercept_misc1, 15);
    ensures SVM_BIT(\result.intercept_misc1, 18) && SVM_BIT(\result.intercept_misc1, 22);
    ensures SVM_BIT(\result.intercept_misc1, 24) && SVM_BIT(\result.intercept_misc1, 26);
    ensures SVM_BIT(\result.intercept_misc1, 27) && SVM_BIT(\result.intercept_misc1, 28);
    ensures SVM_BIT(\result.intercept_misc1, 29) && SVM_BIT(\result.intercept_misc1, 30);
    ensures SVM_BIT(\result.intercept_misc1, 31);
    ensures SVM_BIT(\result.vintr, 24);
    ensures SVM_BIT(\result.intercept_misc1, 4) <==> window;
    ensures SVM_BIT(\result.vintr, 8) <==> window;
    ensures SVM_BIT(\result.vintr, 20) <==> window;
    ensures SVM_BIT(\result.intercept_misc1, 20) <==> iret;
    ensures SVM_BIT(\result.intercept_cr, 20);
    ensures SVM_BIT(\result.intercept_cr, 24) <==> window || tpr_waits;
    // V_TPR; no virtual GIF (APM 2 15.33), no AVIC (15.29)
    ensures !SVM_BIT(\result.vintr, 0) && !SVM_BIT(\result.vintr, 1) && !SVM_BIT(\result.vintr, 2);
    ensures !SVM_BIT(\result.vintr, 3) && !SVM_BIT(\result.vintr, 25) && !SVM_BIT(\result.vintr, 31);
*/
static inline struct svm_controls svm_controls(bool tpr_waits, bool window, bool iret) {
    struct svm_controls controls = {V_INTR_MASKING, SVM_MISC1,
                                    INTERCEPT_CR_WRITE(4) | (tpr_waits ? INTERCEPT_CR_WRITE(8) : 0)};
    if (window) {
        // A virtual interrupt that is never delivered: its intercept fires when it could be.
        controls.vintr |= V_IRQ | V_INTR_PRIO | V_IGN_TPR;
        controls.intercept_misc1 |= INTERCEPT_VINTR;
        controls.intercept_cr |= INTERCEPT_CR_WRITE(8); // QEMU aborts on a write to CR8 while V_IRQ is deliverable
    }
    if (iret)
        controls.intercept_misc1 |= INTERCEPT_IRET;
    return controls;
}
