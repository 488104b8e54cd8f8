// Control words: what is needed and wanted against what the capability MSRs allow (SDM 3D appendix A.3 to A.5). Pure;
// proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmx/vmcs.h"

// For contracts; a predicate would hide it from the prover's rules for bits.
#define VMX_BIT(word, bit) (((word) & (1 << (bit))) != 0)

// What MOV to DR6 takes of a value: 32 bits, or the host gets #GP (SDM 2B, MOV to debug registers).
/*@ assigns \nothing;
    ensures \result <= 0xffffffff;
    ensures \result == (dr6 & 0xffffffff);
*/
static inline uint64_t vmx_dr6(uint64_t dr6) {
    return dr6 & 0xffffffff;
}

// `must`: bits that have to be 1; `may`: bits that can be (the halves of a capability MSR). Needs `required` set and
// `forbidden` clear; sets of `wanted` what may be. False: this CPU cannot do what is needed.
/*@ requires \valid(controls);
    requires \forall integer k; 0 <= k < 32 && VMX_BIT(must, k) ==> VMX_BIT(may, k);
    requires \forall integer k; 0 <= k < 32 && VMX_BIT(required, k) ==> !VMX_BIT(forbidden, k);
    assigns *controls;
    ensures \result <==> (required & may) == required && (forbidden & must) == 0;
    ensures \result ==> \forall integer k; 0 <= k < 32 && VMX_BIT(must, k) ==> VMX_BIT(*controls, k);
    ensures \result ==> \forall integer k; 0 <= k < 32 && VMX_BIT(required, k) ==> VMX_BIT(*controls, k);
    ensures \result ==> \forall integer k; 0 <= k < 32 && VMX_BIT(*controls, k) ==>
      VMX_BIT(must, k) || VMX_BIT(required, k) || (VMX_BIT(wanted, k) && VMX_BIT(may, k));
    ensures \result ==> \forall integer k; 0 <= k < 32 && VMX_BIT(forbidden, k) && !VMX_BIT(must, k) ==>
      !VMX_BIT(*controls, k);
    ensures !\result ==> *controls == \old(*controls);
*/
bool vmx_controls(uint32_t must, uint32_t may, uint32_t required, uint32_t wanted, uint32_t forbidden,
                  uint32_t *controls);

// APIC virtualization is used if all of it is there: what has a part of it only lacks processors nobody has met.
#define CPU2_APIC      (CPU2_APIC_ACCESSES | CPU2_X2APIC | CPU2_APIC_REGISTERS | CPU2_VIRTUAL_DELIVERY)
#define VMX_APIC(cpu2) (VMX_BIT(cpu2, 0) && VMX_BIT(cpu2, 4) && VMX_BIT(cpu2, 8) && VMX_BIT(cpu2, 9))

// The secondary controls for a vCPU whose local APIC is in x2APIC mode, or else has a page for accesses.
// The bitmap that gives a guest x2APIC MSRs goes with CPU2_X2APIC: without that they would be the host's.
/*@ assigns \nothing;
    ensures (\result & ~CPU2_APIC) == (cpu2 & ~CPU2_APIC);
    // CPU2_VIRTUAL_DELIVERY, CPU2_APIC_REGISTERS, CPU2_X2APIC, CPU2_APIC_ACCESSES
    ensures VMX_BIT(\result, 9) <==> VMX_APIC(cpu2);
    ensures VMX_BIT(\result, 8) <==> VMX_APIC(cpu2);
    ensures VMX_BIT(\result, 4) <==> VMX_APIC(cpu2) && x2apic;
    ensures VMX_BIT(\result, 0) <==> VMX_APIC(cpu2) && !x2apic && access; // never both: SDM 3C 29.2.1.1
*/
uint32_t vmx_apic_controls(uint32_t cpu2, bool x2apic, bool access);
