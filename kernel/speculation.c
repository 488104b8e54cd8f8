// Speculative execution: what is done about it.
#include "kernel/speculation.h"

/*@ assigns \nothing;
    ensures \result <==> speculation_atom(model);
*/
static bool is_atom(uint32_t model) {
    return model == 0x506c0 || model == 0x506f0 || model == 0x706a0 || model == 0x80660 || model == 0x90660 ||
           model == 0x906c0 || model == 0x90670 || model == 0x906a0 || model == 0xb0670 || model == 0xb06a0 ||
           model == 0xb06f0 || model == 0xb06e0;
}

/*@ assigns \nothing;
    ensures \result.mds <==> speculation_mds(f);
    ensures \result.taa <==> speculation_taa(f);
    ensures \result.mmio <==> speculation_mmio(f);
    ensures \result.rfds <==> speculation_rfds(f);
    ensures \result.tsa <==> speculation_tsa(f);
*/
static struct speculation_buffers leaks(struct speculation_facts f) {
    uint64_t says = f.capabilities;
    uint32_t family = f.signature & SIGNATURE_FAMILY;
    return (struct speculation_buffers){
        .mds = f.intel && !(says & CAPABILITY_MDS_NO),
        .taa = f.intel && (f.leaf7_ebx & LEAF7_RTM) && !(says & CAPABILITY_TAA_NO),
        .mmio = f.intel &&
                (!(says & CAPABILITY_SBDR_SSDP_NO) || !(says & CAPABILITY_FBSDP_NO) || !(says & CAPABILITY_PSDP_NO)),
        .rfds = f.intel && !(says & CAPABILITY_RFDS_NO) &&
                ((says & CAPABILITY_RFDS_CLEAR) || is_atom(f.signature & (SIGNATURE_FAMILY | SIGNATURE_MODEL))),
        .tsa = !f.intel && family == FAMILY_19 &&
               (!(f.leaf21_ecx & LEAF21_TSA_SQ_NO) || !(f.leaf21_ecx & LEAF21_TSA_L1_NO)),
    };
}

/*@ assigns \nothing;
    ensures \result.mds <==> speculation_mds(f) && speculation_clears_mds(f);
    ensures \result.taa <==> speculation_taa(f) && speculation_clears_taa(f);
    ensures \result.mmio <==> speculation_mmio(f) && speculation_clears_mmio(f);
    ensures \result.rfds <==> speculation_rfds(f) && speculation_clears_rfds(f);
    ensures \result.tsa <==> speculation_tsa(f) && speculation_clears_tsa(f);
*/
static struct speculation_buffers verw_clears(struct speculation_facts f) {
    struct speculation_buffers leak = leaks(f);
    bool md_clear = (f.leaf7_edx & LEAF7_MD_CLEAR) != 0, flushes = (f.leaf7_edx & LEAF7_L1D_FLUSH) != 0;
    return (struct speculation_buffers){
        .mds = leak.mds && md_clear,
        .taa = leak.taa && md_clear && (leak.mds || (f.capabilities & CAPABILITY_TSX_CTRL)),
        .mmio = leak.mmio && ((f.capabilities & CAPABILITY_FB_CLEAR) || (md_clear && leak.mds && flushes)),
        .rfds = leak.rfds && (f.capabilities & CAPABILITY_RFDS_CLEAR),
        .tsa = leak.tsa && (f.leaf21_eax & LEAF21_VERW_CLEARS),
    };
}

/*@ assigns \nothing;
    ensures \result <==> speculation_has_ibrs(f) &&
      (speculation_ibrs_once(f) || wish == SPECULATION_WANTED) && wish != SPECULATION_UNWANTED;
*/
static bool ibrs_set(struct speculation_facts f, uint8_t wish) {
    bool offered = f.intel ? (f.leaf7_edx & LEAF7_IBRS_IBPB) != 0 : (f.leaf8_ebx & LEAF8_IBRS) != 0;
    bool once = f.intel ? (f.capabilities & CAPABILITY_IBRS_ALL) != 0 : (f.leaf8_ebx & LEAF8_IBRS_ALWAYS_ON) != 0;
    return offered && (once || wish == SPECULATION_WANTED) && wish != SPECULATION_UNWANTED;
}

/*@ assigns \nothing;
    ensures \result == zenbleed_fixed(model);
*/
static uint32_t zenbleed_fixed_by(uint32_t model) {
    if (model < 0x60000)
        return model < 0x30000 ? 0 : model < 0x40000 ? 0x830107b : UINT32_MAX;
    if (model < 0x70000)
        return model < 0x60080 ? 0x860010c : 0x8608107;
    return model < 0x80000 ? 0x8701033 : model < 0xa0000 ? UINT32_MAX : 0x8a00009;
}

/*@ assigns \nothing;
    ensures \result <==> !f.intel && (f.signature & SIGNATURE_FAMILY) == FAMILY_17 &&
      f.microcode < zenbleed_fixed(f.signature & SIGNATURE_MODEL);
*/
static bool zenbleed_open(struct speculation_facts f) {
    return !f.intel && (f.signature & SIGNATURE_FAMILY) == FAMILY_17 &&
           f.microcode < zenbleed_fixed_by(f.signature & SIGNATURE_MODEL);
}

/*@ assigns \nothing;
    ensures \result <==> speculation_lfence(f);
*/
static bool lfence_is_none(struct speculation_facts f) {
    uint32_t family = f.signature & SIGNATURE_FAMILY;
    return !f.intel && !(f.leaf21_eax & LEAF21_LFENCE_SERIALIZES) && family != FAMILY_0F && family != FAMILY_11;
}

// The rest is small functions, for the proof of what they make together goes through all their ways at once.

/*@ assigns \nothing;
    ensures \result <==> speculation_ibpb(f);
*/
static bool has_ibpb(struct speculation_facts f) {
    return f.intel ? (f.leaf7_edx & LEAF7_IBRS_IBPB) != 0 : (f.leaf8_ebx & LEAF8_IBPB) != 0;
}

/*@ assigns \nothing;
    ensures \result <==> speculation_stibp(f);
*/
static bool has_stibp(struct speculation_facts f) {
    return f.intel ? (f.leaf7_edx & LEAF7_STIBP) != 0 : (f.leaf8_ebx & LEAF8_STIBP) != 0;
}

/*@ assigns \nothing;
    ensures \result <==> f.intel && ((f.leaf7_edx & LEAF7_SRBDS_CTRL) != 0 ||
      (f.capabilities & CAPABILITY_GDS_CTRL) != 0 || (f.capabilities & CAPABILITY_FB_CLEAR_CTRL) != 0);
*/
static bool has_mcu_opt(struct speculation_facts f) {
    return f.intel && ((f.leaf7_edx & LEAF7_SRBDS_CTRL) || (f.capabilities & CAPABILITY_GDS_CTRL) ||
                       (f.capabilities & CAPABILITY_FB_CLEAR_CTRL));
}

/*@ assigns \nothing;
    ensures \result <==> amd && (word & bit) != 0;
*/
static bool amd_says(bool amd, uint32_t word, uint32_t bit) {
    return amd && (word & bit);
}

/*@ assigns \nothing;
    ensures \result <==> f.intel && (f.capabilities & capability) == 0;
*/
static bool intel_lacks(struct speculation_facts f, uint32_t capability) {
    return f.intel && !(f.capabilities & capability);
}

/*@ assigns \nothing;
    ensures \result <==> a && !b;
*/
static bool and_not(bool a, bool b) {
    return a && !b;
}

/*@ assigns \nothing;
    ensures \result <==> offered && wish != SPECULATION_UNWANTED && (wish == SPECULATION_WANTED || needed);
*/
static bool chosen(bool offered, bool needed, uint8_t wish) {
    return offered && wish != SPECULATION_UNWANTED && (wish == SPECULATION_WANTED || needed);
}

/*@ assigns \nothing;
    ensures \result <==> b.mds || b.taa || b.mmio || b.rfds || b.tsa;
*/
static bool any(struct speculation_buffers b) {
    return b.mds || b.taa || b.mmio || b.rfds || b.tsa;
}

/*@ assigns \nothing;
    ensures \result.mds <==> b.mds && done;
    ensures \result.taa <==> b.taa && done;
    ensures \result.mmio <==> b.mmio && done;
    ensures \result.rfds <==> b.rfds && done;
    ensures \result.tsa <==> b.tsa && done;
*/
static struct speculation_buffers if_done(struct speculation_buffers b, bool done) {
    return done ? b : (struct speculation_buffers){0};
}

/*@ assigns \nothing;
    ensures \result <==> smt && (b.mds || b.taa || b.mmio || meltdown);
*/
static bool shared(struct speculation_buffers b, bool meltdown, bool smt) {
    return smt && (b.mds || b.taa || b.mmio || meltdown);
}

/*@ assigns \nothing; */
static bool asked(struct speculation_wishes wishes) {
    return wishes.ibpb || wishes.ibrs || wishes.stibp || wishes.verw || wishes.l1d_flush;
}

struct speculation speculation_decide(struct speculation_facts facts, struct speculation_wishes wishes) {
    struct speculation_buffers leak = leaks(facts), clears = verw_clears(facts);
    bool amd = !facts.intel, meltdown = intel_lacks(facts, CAPABILITY_RDCL_NO);
    bool l1tf = and_not(meltdown, (facts.capabilities & CAPABILITY_SKIP_L1DFL) != 0);
    bool srso = and_not(amd, (facts.leaf21_eax & LEAF21_SRSO_NO) != 0);
    struct speculation d;
    d.ibpb = chosen(has_ibpb(facts), true, wishes.ibpb);
    d.auto_ibrs = chosen(amd_says(amd, facts.leaf21_eax, LEAF21_AUTO_IBRS), true, wishes.ibrs);
    d.ibrs = and_not(ibrs_set(facts, wishes.ibrs), d.auto_ibrs);
    d.stibp = chosen(has_stibp(facts), facts.smt, wishes.stibp);
    d.verw = chosen(true, any(clears), wishes.verw);
    d.l1d_flush = chosen((facts.leaf7_edx & LEAF7_L1D_FLUSH) != 0, l1tf, wishes.l1d_flush);
    d.spec_reduce = amd_says(srso, facts.leaf21_eax, LEAF21_SPEC_REDUCE);
    d.zenbleed = zenbleed_open(facts);
    d.mcu_opt = has_mcu_opt(facts);
    d.lfence = lfence_is_none(facts);
    d.cleared = if_done(clears, d.verw);
    d.asked = asked(wishes);
    d.open_branches = !d.ibpb;
    d.open_siblings = and_not(facts.smt, d.stibp);
    d.open_returns = and_not(srso, d.spec_reduce);
    d.open_l1d = and_not(l1tf, d.l1d_flush);
    d.open_shared = shared(leak, meltdown, facts.smt);
    d.open_meltdown = meltdown;
    d.open_multihit = intel_lacks(facts, CAPABILITY_PSCHANGE_MC_NO);
    d.open.mds = and_not(leak.mds, d.cleared.mds);
    d.open.taa = and_not(leak.taa, d.cleared.taa);
    d.open.mmio = and_not(leak.mmio, d.cleared.mmio);
    d.open.rfds = and_not(leak.rfds, d.cleared.rfds);
    d.open.tsa = and_not(leak.tsa, d.cleared.tsa);
    return d;
}
