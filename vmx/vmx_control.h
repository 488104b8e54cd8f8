// Control words: what is needed and wanted against what the capability MSRs allow (SDM 3D appendix A.3 to A.5). Pure;
// proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

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
