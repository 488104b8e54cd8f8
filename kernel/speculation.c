// Speculative execution: what is done about it.
#include "kernel/speculation.h"

/*@ assigns \nothing;
    ensures \result <==> speculation_buffers_leak(f);
*/
static bool buffers_leak(struct speculation_facts f) {
    uint64_t says = f.capabilities;
    if (f.intel)
        return !(says & CAPABILITY_MDS_NO) || !(says & CAPABILITY_TAA_NO) || !(says & CAPABILITY_SBDR_SSDP_NO) ||
               !(says & CAPABILITY_FBSDP_NO) || !(says & CAPABILITY_PSDP_NO) || !(says & CAPABILITY_RFDS_NO);
    return (f.leaf21_eax & LEAF21_VERW_CLEARS) &&
           (!(f.leaf21_ecx & LEAF21_TSA_SQ_NO) || !(f.leaf21_ecx & LEAF21_TSA_L1_NO));
}

/*@ assigns \nothing;
    ensures \result <==> speculation_verw_clears(f);
*/
static bool verw_clears(struct speculation_facts f) {
    if (f.intel)
        return (f.leaf7_edx & LEAF7_MD_CLEAR) || (f.capabilities & CAPABILITY_FB_CLEAR) ||
               (f.capabilities & CAPABILITY_RFDS_CLEAR);
    return (f.leaf21_eax & LEAF21_VERW_CLEARS) != 0;
}

/*@ assigns \nothing;
    ensures \result <==> speculation_ibrs(f);
*/
static bool ibrs_once(struct speculation_facts f) {
    if (f.intel)
        return (f.leaf7_edx & LEAF7_IBRS_IBPB) && (f.capabilities & CAPABILITY_IBRS_ALL);
    return (f.leaf8_ebx & LEAF8_IBRS) && (f.leaf8_ebx & LEAF8_IBRS_ALWAYS_ON) && !(f.leaf21_eax & LEAF21_AUTO_IBRS);
}

struct speculation speculation_decide(struct speculation_facts facts) {
    bool leaks = buffers_leak(facts), clears = verw_clears(facts);
    bool meltdown = facts.intel && !(facts.capabilities & CAPABILITY_RDCL_NO);
    bool l1tf = meltdown && !(facts.capabilities & CAPABILITY_SKIP_L1DFL);
    bool flushes = (facts.leaf7_edx & LEAF7_L1D_FLUSH) != 0;
    bool ibpb = facts.intel ? (facts.leaf7_edx & LEAF7_IBRS_IBPB) != 0 : (facts.leaf8_ebx & LEAF8_IBPB) != 0;
    bool stibp = facts.intel ? (facts.leaf7_edx & LEAF7_STIBP) != 0 : (facts.leaf8_ebx & LEAF8_STIBP) != 0;
    return (struct speculation){
        .ibpb = ibpb,
        .l1d_flush = l1tf && flushes,
        .verw = leaks && clears,
        .ibrs = ibrs_once(facts),
        .stibp = facts.smt && stibp,
        .auto_ibrs = !facts.intel && (facts.leaf21_eax & LEAF21_AUTO_IBRS),
        .lfence = !facts.intel && !(facts.leaf21_eax & LEAF21_LFENCE_SERIALIZES),
        .open_branches = !ibpb,
        .open_siblings = facts.smt && !stibp,
        .open_buffers = leaks && !clears,
        .open_l1d = l1tf && !flushes,
        .open_shared = facts.smt && (leaks || meltdown),
        .open_meltdown = meltdown,
    };
}
