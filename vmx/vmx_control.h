// Control words: what is needed and wanted against what the capability MSRs allow (SDM 3D appendix A.3 to A.5). Pure;
// proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// `capability`: low half the bits that have to be 1, high half those that may be 1. Needs `required` set and
// `forbidden` clear; sets of `wanted` what may be. False: this CPU cannot do what is needed.
/*@ requires \valid(controls);
    requires (required & forbidden) == 0;
    assigns *controls;
    ensures \result <==> (required & ~(capability >> 32)) == 0 && (forbidden & capability & 0xffffffff) == 0;
    ensures \result ==> (required & ~*controls) == 0 && (forbidden & *controls) == 0;
    ensures \result ==> (*controls & ~(capability >> 32) & ~(capability & 0xffffffff)) == 0;
    ensures \result ==> (capability & 0xffffffff & ~*controls) == 0;
    ensures !\result ==> *controls == \old(*controls);
*/
bool vmx_controls(uint64_t capability, uint32_t required, uint32_t wanted, uint32_t forbidden, uint32_t *controls);
