// Speculative execution: what a CPU is open to and what the core does about it, decided from what the CPU says of
// itself and what the administrator wants (SDM 2A CPUID leaf 7, SDM 4 table 2-2; APM 3 appendix E.4; Intel's and AMD's
// guidance of each attack). Pure; proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// CPUID 7 EBX and EDX, of Intel
#define LEAF7_RTM               0x800u
#define LEAF7_SRBDS_CTRL        0x200u
#define LEAF7_MD_CLEAR          0x400u
#define LEAF7_IBRS_IBPB         0x4000000u
#define LEAF7_STIBP             0x8000000u
#define LEAF7_L1D_FLUSH         0x10000000u
#define LEAF7_ARCH_CAPABILITIES 0x20000000u
// CPUID 8000_0008h EBX, of AMD
#define LEAF8_ERROR_POINTERS 0x4u // XRSTOR restores the x87's in any case
#define LEAF8_IBPB           0x1000u
#define LEAF8_IBRS           0x4000u
#define LEAF8_STIBP          0x8000u
#define LEAF8_IBRS_ALWAYS_ON 0x10000u
// CPUID 8000_0021h EAX and ECX, of AMD
#define LEAF21_LFENCE_SERIALIZES 0x4u
#define LEAF21_VERW_CLEARS       0x20u
#define LEAF21_AUTO_IBRS         0x100u
#define LEAF21_SRSO_NO           0x20000000u
#define LEAF21_SPEC_REDUCE       0x80000000u
#define LEAF21_TSA_SQ_NO         0x2u
#define LEAF21_TSA_L1_NO         0x4u
// IA32_ARCH_CAPABILITIES
#define CAPABILITY_RDCL_NO        0x1u // neither Meltdown nor L1TF
#define CAPABILITY_IBRS_ALL       0x2u // IBRS is set once
#define CAPABILITY_SKIP_L1DFL     0x8u // who runs beneath flushes
#define CAPABILITY_MDS_NO         0x20u
#define CAPABILITY_PSCHANGE_MC_NO 0x40u // a change of page sizes is no machine check
#define CAPABILITY_TSX_CTRL       0x80u
#define CAPABILITY_TAA_NO         0x100u
#define CAPABILITY_SBDR_SSDP_NO   0x2000u
#define CAPABILITY_FBSDP_NO       0x4000u
#define CAPABILITY_PSDP_NO        0x8000u
#define CAPABILITY_FB_CLEAR       0x20000u
#define CAPABILITY_FB_CLEAR_CTRL  0x40000u
#define CAPABILITY_GDS_CTRL       0x2000000u
#define CAPABILITY_RFDS_NO        0x8000000u
#define CAPABILITY_RFDS_CLEAR     0x10000000u
// CPUID leaf 1 EAX
#define SIGNATURE_FAMILY 0xff00f00u
#define SIGNATURE_MODEL  0xf00f0u
#define FAMILY_0F        0xf00u // K8
#define FAMILY_11        0x200f00u
#define FAMILY_17        0x800f00u // Zen, Zen 2
#define FAMILY_19        0xa00f00u // Zen 3, Zen 4

struct speculation_facts {
    bool intel; // or another that uses Intel's words; else AMD or Hygon
    bool smt;   // a core has more than one thread
    uint32_t signature, microcode;
    uint32_t leaf7_ebx, leaf7_edx, leaf8_ebx, leaf21_eax, leaf21_ecx;
    uint64_t capabilities; // 0 where the register is not there: open to all
};

// Of the core's command line
enum speculation_wish { SPECULATION_AS_NEEDED, SPECULATION_WANTED, SPECULATION_UNWANTED };

struct speculation_wishes {
    uint8_t ibpb, ibrs, stibp, verw, l1d_flush; // enum speculation_wish
};

// Attacks on what VERW clears
struct speculation_buffers {
    bool mds, taa, mmio, rfds, tsa;
};

// The n-th member is bit n of SPECULATION_* (kernel/abi.h); test_speculation compares them.
struct speculation {
    bool ibpb;        // at a change of domain
    bool ibrs;        // SPEC_CTRL.IBRS, always
    bool auto_ibrs;   // EFER.AIBRSE, always
    bool stibp;       // SPEC_CTRL.STIBP, always
    bool verw;        // on each way out of the core
    bool l1d_flush;   // at a change of domain
    bool spec_reduce; // BP_CFG.BP_SPEC_REDUCE, always: a guest steers no return of the core
    bool zenbleed;    // DE_CFG bit 9, always
    bool mcu_opt;     // the microcode's own means are left on
    bool lfence;      // LFENCE has to be made serializing
    struct speculation_buffers cleared;
    bool asked; // the administrator wants something
    // Open, for want of what the CPU does not offer, the core does not have, or the administrator does not want
    bool open_branches; // a domain's branches may be steered by the one before
    bool open_siblings; // ... by the one on the other thread of the core
    bool open_returns;  // the core's returns may be steered by a guest
    bool open_l1d;      // a guest may read what the domains before have left in the first-level cache
    bool open_shared;   // buffers and first-level cache are shared with the other thread of the core while both run
    bool open_meltdown; // user level, not a guest, may read the core's memory
    bool open_multihit; // a guest may stop the machine by changing page sizes
    struct speculation_buffers open; // data may be sampled from buffers
};

/*@ predicate speculation_ibpb(struct speculation_facts f) =
      f.intel ? (f.leaf7_edx & LEAF7_IBRS_IBPB) != 0 : (f.leaf8_ebx & LEAF8_IBPB) != 0;

    predicate speculation_stibp(struct speculation_facts f) =
      f.intel ? (f.leaf7_edx & LEAF7_STIBP) != 0 : (f.leaf8_ebx & LEAF8_STIBP) != 0;

    predicate speculation_has_ibrs(struct speculation_facts f) =
      f.intel ? (f.leaf7_edx & LEAF7_IBRS_IBPB) != 0 : (f.leaf8_ebx & LEAF8_IBRS) != 0;

    // Set once: enhanced IBRS of Intel, "always on" of AMD.
    predicate speculation_ibrs_once(struct speculation_facts f) =
      speculation_has_ibrs(f) &&
      (f.intel ? (f.capabilities & CAPABILITY_IBRS_ALL) != 0 : (f.leaf8_ebx & LEAF8_IBRS_ALWAYS_ON) != 0);

    predicate speculation_auto_ibrs(struct speculation_facts f) = !f.intel && (f.leaf21_eax & LEAF21_AUTO_IBRS) != 0;

    // Each unless the CPU says no to it; TAA needs transactions. VERW clears what microcode says: for TAA on a CPU
    // without MDS that which brought TSX_CTRL; fill buffers are among those of MDS.
    predicate speculation_mds(struct speculation_facts f) = f.intel && (f.capabilities & CAPABILITY_MDS_NO) == 0;
    predicate speculation_clears_mds(struct speculation_facts f) = (f.leaf7_edx & LEAF7_MD_CLEAR) != 0;

    predicate speculation_taa(struct speculation_facts f) =
      f.intel && (f.leaf7_ebx & LEAF7_RTM) != 0 && (f.capabilities & CAPABILITY_TAA_NO) == 0;
    predicate speculation_clears_taa(struct speculation_facts f) =
      speculation_clears_mds(f) && (speculation_mds(f) || (f.capabilities & CAPABILITY_TSX_CTRL) != 0);

    predicate speculation_mmio(struct speculation_facts f) =
      f.intel && ((f.capabilities & CAPABILITY_SBDR_SSDP_NO) == 0 || (f.capabilities & CAPABILITY_FBSDP_NO) == 0 ||
                  (f.capabilities & CAPABILITY_PSDP_NO) == 0);
    predicate speculation_clears_mmio(struct speculation_facts f) =
      (f.capabilities & CAPABILITY_FB_CLEAR) != 0 ||
      (speculation_clears_mds(f) && speculation_mds(f) && (f.leaf7_edx & LEAF7_L1D_FLUSH) != 0);

    // Open are Atoms and what has cores of that kind; old microcode of others does not say that they are not.
    predicate speculation_atom(integer model) =
      model == 0x506c0 || model == 0x506f0 || model == 0x706a0 || model == 0x80660 || model == 0x90660 ||
      model == 0x906c0 || model == 0x90670 || model == 0x906a0 || model == 0xb0670 || model == 0xb06a0 ||
      model == 0xb06f0 || model == 0xb06e0;
    predicate speculation_clears_rfds(struct speculation_facts f) = (f.capabilities & CAPABILITY_RFDS_CLEAR) != 0;
    predicate speculation_rfds(struct speculation_facts f) =
      f.intel && (f.capabilities & CAPABILITY_RFDS_NO) == 0 &&
      (speculation_clears_rfds(f) || speculation_atom(f.signature & (SIGNATURE_FAMILY | SIGNATURE_MODEL)));

    predicate speculation_tsa(struct speculation_facts f) =
      !f.intel && (f.signature & SIGNATURE_FAMILY) == FAMILY_19 &&
      ((f.leaf21_ecx & LEAF21_TSA_SQ_NO) == 0 || (f.leaf21_ecx & LEAF21_TSA_L1_NO) == 0);
    predicate speculation_clears_tsa(struct speculation_facts f) = (f.leaf21_eax & LEAF21_VERW_CLEARS) != 0;

    predicate speculation_verw_needed(struct speculation_facts f) =
      (speculation_mds(f) && speculation_clears_mds(f)) || (speculation_taa(f) && speculation_clears_taa(f)) ||
      (speculation_mmio(f) && speculation_clears_mmio(f)) || (speculation_rfds(f) && speculation_clears_rfds(f)) ||
      (speculation_tsa(f) && speculation_clears_tsa(f));

    predicate speculation_meltdown(struct speculation_facts f) =
      f.intel && (f.capabilities & CAPABILITY_RDCL_NO) == 0;

    predicate speculation_l1tf(struct speculation_facts f) =
      speculation_meltdown(f) && (f.capabilities & CAPABILITY_SKIP_L1DFL) == 0;

    // Zen 2 with microcode before that which mends it. Its models begin at 30h; unknown ones count as not mended.
    logic integer zenbleed_fixed(integer model) =
      model < 0x30000 ? 0 : model < 0x40000 ? 0x830107b : model < 0x60000 ? 0xffffffff : model < 0x60080 ? 0x860010c :
      model < 0x70000 ? 0x8608107 : model < 0x80000 ? 0x8701033 : model < 0xa0000 ? 0xffffffff : 0x8a00009;

    // The register is not there on the families 0Fh and 11h, whose LFENCE serializes.
    predicate speculation_lfence(struct speculation_facts f) =
      !f.intel && (f.leaf21_eax & LEAF21_LFENCE_SERIALIZES) == 0 && (f.signature & SIGNATURE_FAMILY) != FAMILY_0F &&
      (f.signature & SIGNATURE_FAMILY) != FAMILY_11;
*/

/*@ assigns \nothing;
    // What helps is done wherever it is offered, and nothing that is not offered: its MSR would not be there. What is
    // wanted or unwanted is done or not, within what is offered.
    ensures \result.ibpb <==> speculation_ibpb(facts) && wishes.ibpb != SPECULATION_UNWANTED;
    ensures \result.stibp <==> speculation_stibp(facts) && wishes.stibp != SPECULATION_UNWANTED &&
                               (facts.smt || wishes.stibp == SPECULATION_WANTED);
    ensures \result.auto_ibrs <==> speculation_auto_ibrs(facts) && wishes.ibrs != SPECULATION_UNWANTED;
    ensures \result.ibrs <==> wishes.ibrs != SPECULATION_UNWANTED && !\result.auto_ibrs &&
      (speculation_ibrs_once(facts) || (wishes.ibrs == SPECULATION_WANTED && speculation_has_ibrs(facts)));
    ensures \result.verw <==> wishes.verw != SPECULATION_UNWANTED &&
                              (wishes.verw == SPECULATION_WANTED || speculation_verw_needed(facts));
    ensures \result.l1d_flush <==> (facts.leaf7_edx & LEAF7_L1D_FLUSH) != 0 &&
      wishes.l1d_flush != SPECULATION_UNWANTED &&
      (wishes.l1d_flush == SPECULATION_WANTED || speculation_l1tf(facts));
    ensures \result.spec_reduce <==> !facts.intel && (facts.leaf21_eax & LEAF21_SPEC_REDUCE) != 0 &&
                                     (facts.leaf21_eax & LEAF21_SRSO_NO) == 0;
    ensures \result.zenbleed <==> !facts.intel && (facts.signature & SIGNATURE_FAMILY) == FAMILY_17 &&
      facts.microcode < zenbleed_fixed(facts.signature & SIGNATURE_MODEL);
    ensures \result.mcu_opt <==> facts.intel &&
      ((facts.leaf7_edx & LEAF7_SRBDS_CTRL) != 0 || (facts.capabilities & CAPABILITY_GDS_CTRL) != 0 ||
       (facts.capabilities & CAPABILITY_FB_CLEAR_CTRL) != 0);
    ensures \result.lfence <==> speculation_lfence(facts);
    // Nothing is passed over: what is needed is done, or is said to be open.
    ensures \result.open_branches <==> !\result.ibpb;
    ensures \result.open_siblings <==> facts.smt && !\result.stibp;
    ensures \result.open_returns <==> !facts.intel && (facts.leaf21_eax & LEAF21_SRSO_NO) == 0 &&
                                      !\result.spec_reduce;
    ensures \result.open_l1d <==> speculation_l1tf(facts) && !\result.l1d_flush;
    ensures \result.open_meltdown <==> speculation_meltdown(facts);
    ensures \result.open_multihit <==> facts.intel && (facts.capabilities & CAPABILITY_PSCHANGE_MC_NO) == 0;
    ensures \result.open_shared <==> facts.smt &&
      (speculation_mds(facts) || speculation_taa(facts) || speculation_mmio(facts) || speculation_meltdown(facts));
    ensures \result.cleared.mds <==> speculation_mds(facts) && speculation_clears_mds(facts) && \result.verw;
    ensures \result.cleared.taa <==> speculation_taa(facts) && speculation_clears_taa(facts) && \result.verw;
    ensures \result.cleared.mmio <==> speculation_mmio(facts) && speculation_clears_mmio(facts) && \result.verw;
    ensures \result.cleared.rfds <==> speculation_rfds(facts) && speculation_clears_rfds(facts) && \result.verw;
    ensures \result.cleared.tsa <==> speculation_tsa(facts) && speculation_clears_tsa(facts) && \result.verw;
    ensures \result.open.mds <==> speculation_mds(facts) && !\result.cleared.mds;
    ensures \result.open.taa <==> speculation_taa(facts) && !\result.cleared.taa;
    ensures \result.open.mmio <==> speculation_mmio(facts) && !\result.cleared.mmio;
    ensures \result.open.rfds <==> speculation_rfds(facts) && !\result.cleared.rfds;
    ensures \result.open.tsa <==> speculation_tsa(facts) && !\result.cleared.tsa;
*/
struct speculation speculation_decide(struct speculation_facts facts, struct speculation_wishes wishes);
