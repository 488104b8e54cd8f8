// Speculative execution: what a CPU is open to and what the core does about it, decided from what the CPU says of
// itself (SDM 2A CPUID leaf 7, SDM 4 table 2-2; APM 3 appendix E.4; Intel's and AMD's guidance of each attack). Pure;
// proved.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// CPUID 7 EDX, of Intel
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
#define LEAF21_TSA_SQ_NO         0x2u
#define LEAF21_TSA_L1_NO         0x4u
// IA32_ARCH_CAPABILITIES
#define CAPABILITY_RDCL_NO      0x1u // neither Meltdown nor L1TF
#define CAPABILITY_IBRS_ALL     0x2u // IBRS is set once
#define CAPABILITY_SKIP_L1DFL   0x8u // who runs beneath flushes
#define CAPABILITY_MDS_NO       0x20u
#define CAPABILITY_TAA_NO       0x100u
#define CAPABILITY_SBDR_SSDP_NO 0x2000u
#define CAPABILITY_FBSDP_NO     0x4000u
#define CAPABILITY_PSDP_NO      0x8000u
#define CAPABILITY_FB_CLEAR     0x20000u
#define CAPABILITY_RFDS_NO      0x8000000u
#define CAPABILITY_RFDS_CLEAR   0x10000000u

struct speculation_facts {
    bool intel; // else AMD or Hygon
    bool smt;   // a core has more than one thread
    uint32_t leaf7_edx, leaf8_ebx, leaf21_eax, leaf21_ecx;
    uint64_t capabilities; // 0 where the register is not there: open to all
};

struct speculation {
    bool ibpb;      // at a change of domain
    bool l1d_flush; // likewise
    bool verw;      // on each way out of the core
    bool ibrs;      // SPEC_CTRL.IBRS, always
    bool stibp;     // SPEC_CTRL.STIBP, always
    bool auto_ibrs; // EFER.AIBRSE, always
    bool lfence;    // LFENCE has to be made serializing
    // Open, for want of what the CPU does not offer or the core does not have
    bool open_branches; // a domain's branches may be steered by the one before
    bool open_siblings; // ... by the one on the other thread of the core
    bool open_buffers;  // ... or its data sampled from buffers
    bool open_l1d;      // a guest may read what the domains before have left in the first-level cache
    bool open_shared;   // buffers and first-level cache are shared with the other thread of the core while both run
    bool open_meltdown; // user level, not a guest, may read the core's memory
};

/*@ predicate speculation_ibpb(struct speculation_facts f) =
      f.intel ? (f.leaf7_edx & LEAF7_IBRS_IBPB) != 0 : (f.leaf8_ebx & LEAF8_IBPB) != 0;

    predicate speculation_stibp(struct speculation_facts f) =
      f.intel ? (f.leaf7_edx & LEAF7_STIBP) != 0 : (f.leaf8_ebx & LEAF8_STIBP) != 0;

    // MDS, TAA, MMIO stale data, RFDS: unless the CPU says no to each. TSA: where microcode says that VERW helps.
    predicate speculation_buffers_leak(struct speculation_facts f) =
      f.intel ? (f.capabilities & CAPABILITY_MDS_NO) == 0 || (f.capabilities & CAPABILITY_TAA_NO) == 0 ||
                (f.capabilities & CAPABILITY_SBDR_SSDP_NO) == 0 || (f.capabilities & CAPABILITY_FBSDP_NO) == 0 ||
                (f.capabilities & CAPABILITY_PSDP_NO) == 0 || (f.capabilities & CAPABILITY_RFDS_NO) == 0
              : (f.leaf21_eax & LEAF21_VERW_CLEARS) != 0 &&
                ((f.leaf21_ecx & LEAF21_TSA_SQ_NO) == 0 || (f.leaf21_ecx & LEAF21_TSA_L1_NO) == 0);

    predicate speculation_verw_clears(struct speculation_facts f) =
      f.intel ? (f.leaf7_edx & LEAF7_MD_CLEAR) != 0 || (f.capabilities & CAPABILITY_FB_CLEAR) != 0 ||
                (f.capabilities & CAPABILITY_RFDS_CLEAR) != 0
              : (f.leaf21_eax & LEAF21_VERW_CLEARS) != 0;

    // Set once: enhanced IBRS of Intel, "always on" of AMD, for which automatic IBRS is better where it is there.
    predicate speculation_ibrs(struct speculation_facts f) =
      f.intel ? (f.leaf7_edx & LEAF7_IBRS_IBPB) != 0 && (f.capabilities & CAPABILITY_IBRS_ALL) != 0
              : (f.leaf8_ebx & LEAF8_IBRS) != 0 && (f.leaf8_ebx & LEAF8_IBRS_ALWAYS_ON) != 0 &&
                (f.leaf21_eax & LEAF21_AUTO_IBRS) == 0;

    predicate speculation_meltdown(struct speculation_facts f) =
      f.intel && (f.capabilities & CAPABILITY_RDCL_NO) == 0;

    predicate speculation_l1tf(struct speculation_facts f) =
      speculation_meltdown(f) && (f.capabilities & CAPABILITY_SKIP_L1DFL) == 0;
*/

/*@ assigns \nothing;
    // What helps is done wherever it is offered, and nothing that is not offered: its MSR would not be there.
    ensures \result.ibpb <==> speculation_ibpb(facts);
    ensures \result.stibp <==> facts.smt && speculation_stibp(facts);
    ensures \result.ibrs <==> speculation_ibrs(facts);
    ensures \result.auto_ibrs <==> !facts.intel && (facts.leaf21_eax & LEAF21_AUTO_IBRS) != 0;
    ensures \result.verw <==> speculation_buffers_leak(facts) && speculation_verw_clears(facts);
    ensures \result.l1d_flush <==> speculation_l1tf(facts) && (facts.leaf7_edx & LEAF7_L1D_FLUSH) != 0;
    ensures \result.lfence <==> !facts.intel && (facts.leaf21_eax & LEAF21_LFENCE_SERIALIZES) == 0;
    // Nothing is passed over: what is needed is done, or is said to be open.
    ensures \result.open_branches <==> !\result.ibpb;
    ensures \result.open_siblings <==> facts.smt && !\result.stibp;
    ensures \result.open_buffers <==> speculation_buffers_leak(facts) && !\result.verw;
    ensures \result.open_l1d <==> speculation_l1tf(facts) && !\result.l1d_flush;
    ensures \result.open_shared <==> facts.smt && (speculation_buffers_leak(facts) || speculation_meltdown(facts));
    ensures \result.open_meltdown <==> speculation_meltdown(facts);
*/
struct speculation speculation_decide(struct speculation_facts facts);
