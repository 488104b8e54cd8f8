// Which values memory type range registers take (SDM 3A 12.11.2; APM 2 7.7): any other is #GP. Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MSR_MTRR_CAP      0xfeu
#define MSR_MTRR_VARIABLE 0x200u // base and mask in turn
#define MSR_MTRR_FIXED    0x250u // to 26fh, with gaps
#define MSR_MTRR_DEF_TYPE 0x2ffu

#define MTRR_VARIABLE_COUNT 8u
#define MTRR_CAP_VALUE      (MTRR_VARIABLE_COUNT | 0x500) // fixed ranges, write combining; no SMRR

#define MTRR_ENABLED_WRITE_BACK 0x806u // of the default type

#define MTRR_DEF_TYPE_RESERVED 0xfffffffffffff300u // all but type, FE and E
#define MTRR_BASE_RESERVED     0xf00u
#define MTRR_MASK_RESERVED     0x7ffu

/*@ predicate mtrr_type(integer t) = t == 0 || t == 1 || 4 <= t <= 6;
    predicate mtrr_types(uint64_t v) =
      mtrr_type(v & 0xff) && mtrr_type((v >> 8) & 0xff) && mtrr_type((v >> 16) & 0xff) && mtrr_type((v >> 24) & 0xff) &&
      mtrr_type((v >> 32) & 0xff) && mtrr_type((v >> 40) & 0xff) && mtrr_type((v >> 48) & 0xff) &&
      mtrr_type((v >> 56) & 0xff);
    predicate mtrr_variable(uint32_t n) = MSR_MTRR_VARIABLE <= n < MSR_MTRR_VARIABLE + 2 * MTRR_VARIABLE_COUNT;
*/

// UC, WC, WT, WP, WB; 2 and 3 are reserved, and 7 (UC-) is of PAT only.
/*@ assigns \nothing;
    ensures \result <==> mtrr_type(type);
*/
static inline bool mtrr_type_valid(uint64_t type) {
    return type <= 1 || (type >= 4 && type <= 6);
}

/*@ assigns \nothing;
    ensures \result <==> mtrr_types(value);
*/
static inline bool mtrr_fixed_valid(uint64_t value) {
    return mtrr_type_valid(value & 0xff) && mtrr_type_valid(value >> 8 & 0xff) && mtrr_type_valid(value >> 16 & 0xff) &&
           mtrr_type_valid(value >> 24 & 0xff) && mtrr_type_valid(value >> 32 & 0xff) &&
           mtrr_type_valid(value >> 40 & 0xff) && mtrr_type_valid(value >> 48 & 0xff) &&
           mtrr_type_valid(value >> 56 & 0xff);
}

// `msr`: one of the MTRRs but for the capabilities, which take nothing. The types of fixed ranges have no bits RdMem
// and WrMem: the guest's SYSCFG does not turn them on.
/*@ requires 32 <= physical_bits <= 52;
    assigns \nothing;
    ensures msr == MSR_MTRR_DEF_TYPE ==>
      (\result <==> mtrr_type(value & 0xff) && (value & MTRR_DEF_TYPE_RESERVED) == 0);
    ensures mtrr_variable(msr) && msr % 2 == 0 ==>
      (\result <==> mtrr_type(value & 0xff) && (value & MTRR_BASE_RESERVED) == 0 && (value >> physical_bits) == 0);
    ensures mtrr_variable(msr) && msr % 2 == 1 ==>
      (\result <==> (value & MTRR_MASK_RESERVED) == 0 && (value >> physical_bits) == 0);
    ensures msr != MSR_MTRR_DEF_TYPE && !mtrr_variable(msr) ==> (\result <==> mtrr_types(value));
*/
static inline bool mtrr_takes(uint32_t msr, uint64_t value, uint8_t physical_bits) {
    bool type = mtrr_type_valid(value & 0xff);
    if (msr == MSR_MTRR_DEF_TYPE)
        return type && !(value & MTRR_DEF_TYPE_RESERVED);
    if (msr < MSR_MTRR_VARIABLE || msr >= MSR_MTRR_VARIABLE + 2 * MTRR_VARIABLE_COUNT)
        return mtrr_fixed_valid(value);
    if (value >> physical_bits)
        return false;
    return msr % 2 ? !(value & MTRR_MASK_RESERVED) : type && !(value & MTRR_BASE_RESERVED);
}
