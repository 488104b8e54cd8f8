// Inside of svm/.
#pragma once
#include "kernel/vendor.h"
#include "svm/vmcb.h"

static inline struct vmcb *vmcb_of(const struct vcpu *vcpu) {
    return vcpu->control;
}

struct svm_features {
    bool nrips, decode_assists, flush_by_asid;
    uint32_t asids;
};
extern struct svm_features svm_features;

// svm_state.c: transfer between page and VMCB.
void svm_load(struct vcpu *vcpu, uint32_t groups);
void svm_fetch(struct vcpu *vcpu, uint32_t groups);
// After each exit: RAX and RSP; with a reason for the VMM the groups that it brings (exit_groups).
void svm_export(struct vcpu *vcpu, int reason);

// svm_exit.c
int svm_exit(struct vcpu *vcpu);

// svm_enter.asm: `gprs` in the order of enum vcpu_gpr; RAX and RSP are in the VMCB.
void svm_enter_guest(uint64_t vmcb_hpa, uint64_t *gprs, uint64_t host_hpa);
