// What a hardware task switch checks, and the exception that each failure raises (SDM 3A 7.3, table 7-1; 6.15 on #TS;
// APM 2 12.4). Pure; proved. A descriptor is its 8 bytes as they lie in the table (SDM 3A figures 3-8, 7-3). A vector
// of 0 is none: no check raises #DE.
#pragma once
#include "dom0/vmm/exception.h"

#define TASK_RFLAGS_FIXED 0x2ull
#define TASK_RFLAGS_NT    0x4000ull
#define TASK_RFLAGS       0x3f7fd5ull // those that there are

#define DESCRIPTOR_ACCESSED (1ull << 40)
#define DESCRIPTOR_SECOND   (1ull << 41) // data that can be written, code that can be read; of a TSS: busy
#define DESCRIPTOR_THIRD    (1ull << 42) // expand-down, conforming
#define DESCRIPTOR_CODE     (1ull << 43)
#define DESCRIPTOR_S        (1ull << 44) // code or data
#define DESCRIPTOR_PRESENT  (1ull << 47)
#define DESCRIPTOR_TYPE(d)  ((d) >> 40 & 0x1f) // with S
#define DESCRIPTOR_DPL(d)   ((unsigned)((d) >> 45 & 3))

#define TYPE_TSS16 0x1u
#define TYPE_LDT   0x2u
#define TYPE_TSS32 0x9u
#define TYPE_BUSY  0x2u

#define TSS16_LIMIT 0x2bu // the least
#define TSS32_LIMIT 0x67u

#define SELECTOR_RPL(s)  ((unsigned)((s)&3))
#define SELECTOR_LOCAL   4u // of the LDT
#define SELECTOR_NULL(s) (((s)&0xfffc) == 0)

/*@ predicate tss_busy(uint64_t d) = DESCRIPTOR_TYPE(d) == 0x3 || DESCRIPTOR_TYPE(d) == 0xb;
    predicate tss_available(uint64_t d) = DESCRIPTOR_TYPE(d) == 0x1 || DESCRIPTOR_TYPE(d) == 0x9;
    logic integer tss_least(uint64_t d) = DESCRIPTOR_TYPE(d) >= 8 ? TSS32_LIMIT : TSS16_LIMIT;
    predicate is_code(uint64_t d) = (d & DESCRIPTOR_S) != 0 && (d & DESCRIPTOR_CODE) != 0;
    predicate is_data(uint64_t d) = (d & DESCRIPTOR_S) != 0 && (d & DESCRIPTOR_CODE) == 0;
    predicate is_present(uint64_t d) = (d & DESCRIPTOR_PRESENT) != 0;
*/

// The TSS of the new task, with its limit. IRET goes back to one that is busy; if it is not, the fault is that of the
// TSS which names it.
/*@ assigns \nothing;
    ensures \result == VECTOR_GP <==> !iret && !tss_available(d);
    ensures \result == VECTOR_NP <==> (iret ==> tss_busy(d)) && (!iret ==> tss_available(d)) && !is_present(d);
    ensures \result == 0 <==>
      (iret ==> tss_busy(d)) && (!iret ==> tss_available(d)) && is_present(d) && limit >= tss_least(d);
    ensures \result == 0 || \result == VECTOR_TS || \result == VECTOR_GP || \result == VECTOR_NP;
*/
static inline unsigned task_tss_fault(uint64_t d, uint32_t limit, bool iret) {
    uint64_t type = DESCRIPTOR_TYPE(d);
    bool busy = type == (TYPE_TSS16 | TYPE_BUSY) || type == (TYPE_TSS32 | TYPE_BUSY);
    bool available = type == TYPE_TSS16 || type == TYPE_TSS32;
    if (!(iret ? busy : available))
        return iret ? VECTOR_TS : VECTOR_GP;
    if (!(d & DESCRIPTOR_PRESENT))
        return VECTOR_NP;
    return limit < (type >= TYPE_TSS32 ? TSS32_LIMIT : TSS16_LIMIT) ? VECTOR_TS : 0;
}

/*@ assigns \nothing;
    ensures \result == 0 <==> DESCRIPTOR_TYPE(d) == TYPE_LDT && is_present(d);
    ensures \result == 0 || \result == VECTOR_TS;
*/
static inline unsigned task_ldt_fault(uint64_t d) {
    return DESCRIPTOR_TYPE(d) == TYPE_LDT && (d & DESCRIPTOR_PRESENT) ? 0 : VECTOR_TS;
}

/*@ predicate code_allows(uint64_t d, integer rpl) =
      ((d & DESCRIPTOR_THIRD) != 0 ==> DESCRIPTOR_DPL(d) <= rpl) &&
      ((d & DESCRIPTOR_THIRD) == 0 ==> DESCRIPTOR_DPL(d) == rpl);
*/
// CS: the new task's privilege is the selector's RPL.
/*@ requires rpl < 4;
    assigns \nothing;
    ensures \result == 0 <==> is_code(d) && code_allows(d, rpl) && is_present(d);
    ensures \result == VECTOR_NP <==> is_code(d) && code_allows(d, rpl) && !is_present(d);
    ensures \result == 0 || \result == VECTOR_NP || \result == VECTOR_TS;
*/
static inline unsigned task_code_fault(uint64_t d, unsigned rpl) {
    bool code = (d & DESCRIPTOR_S) && (d & DESCRIPTOR_CODE);
    bool allowed = d & DESCRIPTOR_THIRD ? DESCRIPTOR_DPL(d) <= rpl : DESCRIPTOR_DPL(d) == rpl;
    if (!code || !allowed)
        return VECTOR_TS;
    return d & DESCRIPTOR_PRESENT ? 0 : VECTOR_NP;
}

/*@ requires rpl < 4 && cpl < 4;
    assigns \nothing;
    ensures \result == 0 <==>
      is_data(d) && (d & DESCRIPTOR_SECOND) != 0 && is_present(d) && DESCRIPTOR_DPL(d) == cpl && rpl == cpl;
    ensures \result == VECTOR_SS <==> is_data(d) && (d & DESCRIPTOR_SECOND) != 0 && !is_present(d);
    ensures \result == 0 || \result == VECTOR_SS || \result == VECTOR_TS;
*/
static inline unsigned task_stack_fault(uint64_t d, unsigned rpl, unsigned cpl) {
    if (!(d & DESCRIPTOR_S) || (d & DESCRIPTOR_CODE) || !(d & DESCRIPTOR_SECOND))
        return VECTOR_TS;
    if (!(d & DESCRIPTOR_PRESENT))
        return VECTOR_SS;
    return DESCRIPTOR_DPL(d) == cpl && rpl == cpl ? 0 : VECTOR_TS;
}

/*@ predicate may_read(uint64_t d) = is_data(d) || (is_code(d) && (d & DESCRIPTOR_SECOND) != 0);
    predicate is_conforming(uint64_t d) = is_code(d) && (d & DESCRIPTOR_THIRD) != 0;
*/
/*@ requires rpl < 4 && cpl < 4;
    assigns \nothing;
    ensures \result == 0 <==>
      may_read(d) && is_present(d) && (is_conforming(d) || (DESCRIPTOR_DPL(d) >= cpl && DESCRIPTOR_DPL(d) >= rpl));
    ensures \result == VECTOR_NP <==> may_read(d) && !is_present(d);
    ensures \result == 0 || \result == VECTOR_NP || \result == VECTOR_TS;
*/
static inline unsigned task_data_fault(uint64_t d, unsigned rpl, unsigned cpl) {
    bool code = (d & DESCRIPTOR_CODE) != 0, conforming = code && (d & DESCRIPTOR_THIRD);
    if (!(d & DESCRIPTOR_S) || (code && !(d & DESCRIPTOR_SECOND)))
        return VECTOR_TS;
    if (!(d & DESCRIPTOR_PRESENT))
        return VECTOR_NP;
    return conforming || (DESCRIPTOR_DPL(d) >= cpl && DESCRIPTOR_DPL(d) >= rpl) ? 0 : VECTOR_TS;
}
