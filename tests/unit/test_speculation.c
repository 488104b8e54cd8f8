// What is done about speculative execution on CPUs that there are; feature words as their CPUID and MSRs read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/abi.h"
#include "kernel/speculation.h"

// SPEC_CTRL, STIBP, L1D_FLUSH, SSBD, MD_CLEAR as microcode of 2019 added them
#define INTEL_2019 0x9c000400u
#define INTEL_SAYS (INTEL_2019 | LEAF7_ARCH_CAPABILITIES)
#define MMIO_NO    (CAPABILITY_SBDR_SSDP_NO | CAPABILITY_FBSDP_NO | CAPABILITY_PSDP_NO)
#define ZEN_3      (LEAF8_IBPB | LEAF8_IBRS | LEAF8_STIBP | LEAF8_IBRS_ALWAYS_ON)

static const struct cpu {
    const char *name;
    struct speculation_facts facts;
    struct speculation decision;
} cpus[] = {
    {"Core i7-4770 as sold",
     {.intel = true, .smt = true, .signature = 0x306c3, .leaf7_ebx = LEAF7_RTM},
     {.open_branches = true,
      .open_siblings = true,
      .open_l1d = true,
      .open_shared = true,
      .open_meltdown = true,
      .open_multihit = true,
      .open = {.mds = true, .taa = true, .mmio = true}}},
    {"Core i7-4770, Xeon Gold 6130 with microcode of 2020",
     {.intel = true,
      .smt = true,
      .signature = 0x306c3,
      .leaf7_ebx = LEAF7_RTM,
      .leaf7_edx = INTEL_2019 | LEAF7_SRBDS_CTRL},
     {.ibpb = true,
      .stibp = true,
      .verw = true,
      .l1d_flush = true,
      .mcu_opt = true,
      .cleared = {.mds = true, .taa = true, .mmio = true},
      .open_shared = true,
      .open_meltdown = true,
      .open_multihit = true}},
    {"the same, SMT off, no transactions",
     {.intel = true, .leaf7_edx = INTEL_2019},
     {.ibpb = true,
      .verw = true,
      .l1d_flush = true,
      .cleared = {.mds = true, .mmio = true},
      .open_meltdown = true,
      .open_multihit = true}},
    {"a guest of KVM there, which flushes for it",
     {.intel = true, .leaf7_edx = INTEL_SAYS, .capabilities = CAPABILITY_SKIP_L1DFL},
     {.ibpb = true,
      .verw = true,
      .cleared = {.mds = true, .mmio = true},
      .open_meltdown = true,
      .open_multihit = true}},
    {"Xeon Gold 6230 of 2019: TAA and MMIO stale data; VERW does not clear fill buffers",
     {.intel = true, .smt = true, .leaf7_ebx = LEAF7_RTM, .leaf7_edx = INTEL_SAYS, .capabilities = 0xeb},
     {.ibpb = true,
      .ibrs = true,
      .stibp = true,
      .verw = true,
      .cleared = {.taa = true},
      .open_shared = true,
      .open = {.mmio = true}}},
    {"the same before TSX_CTRL: nor is TAA's clearing there",
     {.intel = true, .leaf7_ebx = LEAF7_RTM, .leaf7_edx = INTEL_SAYS, .capabilities = 0x6b | MMIO_NO},
     {.ibpb = true, .ibrs = true, .open = {.taa = true}}},
    {"Xeon Platinum 8352Y of 2023: MMIO stale data by FB_CLEAR, GDS_CTRL",
     {.intel = true,
      .leaf7_ebx = LEAF7_RTM,
      .leaf7_edx = INTEL_SAYS & ~LEAF7_MD_CLEAR,
      .capabilities = 0xeb | CAPABILITY_TAA_NO | CAPABILITY_FB_CLEAR | CAPABILITY_FB_CLEAR_CTRL | CAPABILITY_GDS_CTRL},
     {.ibpb = true, .ibrs = true, .verw = true, .mcu_opt = true, .cleared = {.mmio = true}}},
    {"Xeon Platinum 8480+: nothing left to clear",
     {.intel = true,
      .smt = true,
      .signature = 0x806f8,
      .leaf7_ebx = LEAF7_RTM,
      .leaf7_edx = INTEL_SAYS,
      .capabilities = 0x6b | CAPABILITY_TAA_NO | MMIO_NO},
     {.ibpb = true, .ibrs = true, .stibp = true}},
    {"Atom x6425E: register file data sampling",
     {.intel = true,
      .signature = 0x90661,
      .leaf7_edx = INTEL_SAYS & ~LEAF7_MD_CLEAR,
      .capabilities = 0x6b | CAPABILITY_TAA_NO | MMIO_NO | CAPABILITY_RFDS_CLEAR},
     {.ibpb = true, .ibrs = true, .verw = true, .cleared = {.rfds = true}}},
    {"the same with older microcode",
     {.intel = true,
      .signature = 0x90661,
      .leaf7_edx = INTEL_SAYS & ~LEAF7_MD_CLEAR,
      .capabilities = 0x6b | CAPABILITY_TAA_NO | MMIO_NO},
     {.ibpb = true, .ibrs = true, .open = {.rfds = true}}},
    {"Opteron of the family 0Fh: no register to make LFENCE serialize, and no need",
     {.signature = 0x40f32},
     {.open_branches = true, .open_returns = true}},
    {"EPYC 7401: IBPB only",
     {.smt = true, .signature = 0x800f12, .microcode = 0x8001250, .leaf8_ebx = 0x1007},
     {.ibpb = true, .lfence = true, .open_siblings = true, .open_returns = true}},
    {"EPYC 7702 as sold: IBRS is not set once; Zenbleed",
     {.smt = true, .signature = 0x830f10, .microcode = 0x8301055, .leaf8_ebx = LEAF8_IBPB | LEAF8_IBRS | LEAF8_STIBP},
     {.ibpb = true, .stibp = true, .zenbleed = true, .lfence = true, .open_returns = true}},
    {"the same with microcode of 2023",
     {.signature = 0x830f10, .microcode = 0x830107b, .leaf8_ebx = LEAF8_IBPB | LEAF8_IBRS | LEAF8_STIBP},
     {.ibpb = true, .lfence = true, .open_returns = true}},
    {"EPYC 7763 as sold: TSA",
     {.signature = 0xa00f11, .leaf8_ebx = ZEN_3, .leaf21_eax = LEAF21_LFENCE_SERIALIZES},
     {.ibpb = true, .ibrs = true, .open_returns = true, .open = {.tsa = true}}},
    {"the same with microcode of 2025",
     {.smt = true,
      .signature = 0xa00f11,
      .leaf8_ebx = ZEN_3,
      .leaf21_eax = LEAF21_LFENCE_SERIALIZES | LEAF21_VERW_CLEARS},
     {.ibpb = true, .ibrs = true, .stibp = true, .verw = true, .cleared = {.tsa = true}, .open_returns = true}},
    {"EPYC 9654 with microcode of 2025: automatic IBRS",
     {.smt = true,
      .signature = 0xa10f11,
      .leaf8_ebx = ZEN_3,
      .leaf21_eax = LEAF21_LFENCE_SERIALIZES | LEAF21_AUTO_IBRS | LEAF21_VERW_CLEARS},
     {.ibpb = true, .auto_ibrs = true, .stibp = true, .verw = true, .cleared = {.tsa = true}, .open_returns = true}},
    {"EPYC 9755: no TSA, and BP_SPEC_REDUCE against what guests may do by SRSO",
     {.signature = 0xb00f21,
      .leaf8_ebx = LEAF8_IBPB | LEAF8_STIBP,
      .leaf21_eax = LEAF21_LFENCE_SERIALIZES | LEAF21_AUTO_IBRS | LEAF21_VERW_CLEARS | LEAF21_SPEC_REDUCE},
     {.ibpb = true, .auto_ibrs = true, .spec_reduce = true}},
};

static const struct cpu *named(const char *name) {
    for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++)
        if (strcmp(cpus[i].name, name) == 0)
            return &cpus[i];
    fail_msg("%s", name);
    return NULL;
}

static void decides_for_cpus(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
        struct speculation decision = speculation_decide(cpus[i].facts, (struct speculation_wishes){0});
        for (size_t bit = 0; bit < sizeof(decision); bit++)
            if (((const bool *)&decision)[bit] != ((const bool *)&cpus[i].decision)[bit])
                fail_msg("%s: bit %zu is %d", cpus[i].name, bit, ((const bool *)&decision)[bit]);
    }
}

// What a CPU of the one vendor says in a leaf of the other's means nothing.
static void keeps_vendors_apart(void **state) {
    (void)state;
    struct speculation intel = speculation_decide(
        (struct speculation_facts){.intel = true, .leaf8_ebx = ~0u, .leaf21_eax = ~0u}, (struct speculation_wishes){0});
    assert_false(intel.ibpb || intel.ibrs || intel.auto_ibrs || intel.verw || intel.lfence || intel.spec_reduce);
    struct speculation amd =
        speculation_decide((struct speculation_facts){.leaf7_edx = ~0u, .leaf21_eax = LEAF21_LFENCE_SERIALIZES},
                           (struct speculation_wishes){0});
    assert_false(amd.ibpb || amd.ibrs || amd.verw || amd.l1d_flush || amd.open_meltdown || amd.lfence || amd.mcu_opt);
}

static void obeys_within_what_is_offered(void **state) {
    (void)state;
    const uint8_t no = SPECULATION_UNWANTED, yes = SPECULATION_WANTED;
    const struct speculation_wishes all = {yes, yes, yes, yes, yes}, none = {no, no, no, no, no};
    struct speculation_facts haswell = named("Core i7-4770, Xeon Gold 6130 with microcode of 2020")->facts;
    struct speculation off = speculation_decide(haswell, none);
    assert_false(off.ibpb || off.ibrs || off.stibp || off.verw || off.l1d_flush || off.cleared.mds);
    assert_true(off.asked && off.open_branches && off.open_siblings && off.open_l1d && off.open.mds && off.open.taa);
    struct speculation sold = speculation_decide(named("Core i7-4770 as sold")->facts, all);
    assert_true(sold.verw && sold.asked && sold.open.mds && sold.open_branches);
    assert_false(sold.ibpb || sold.ibrs || sold.stibp || sold.l1d_flush);
    struct speculation rome =
        speculation_decide(named("EPYC 7702 as sold: IBRS is not set once; Zenbleed")->facts, all);
    assert_true(rome.ibpb && rome.ibrs && rome.stibp && rome.verw && !rome.l1d_flush);
    struct speculation genoa =
        speculation_decide(named("EPYC 9654 with microcode of 2025: automatic IBRS")->facts, none);
    assert_false(genoa.auto_ibrs || genoa.ibrs || genoa.verw);
    assert_true(genoa.open.tsa);
}

#define BIT(member, name) assert_int_equal(1u << offsetof(struct speculation, member), SPECULATION_##name)

static void members_are_bits(void **state) {
    (void)state;
    assert_true(sizeof(struct speculation) <= 32);
    BIT(ibpb, IBPB);
    BIT(ibrs, IBRS);
    BIT(auto_ibrs, AUTO_IBRS);
    BIT(stibp, STIBP);
    BIT(verw, VERW);
    BIT(l1d_flush, L1D_FLUSH);
    BIT(spec_reduce, SPEC_REDUCE);
    BIT(zenbleed, ZENBLEED);
    BIT(mcu_opt, MCU_OPT);
    BIT(lfence, LFENCE);
    BIT(cleared.mds, FOR_MDS);
    BIT(cleared.taa, FOR_TAA);
    BIT(cleared.mmio, FOR_MMIO);
    BIT(cleared.rfds, FOR_RFDS);
    BIT(cleared.tsa, FOR_TSA);
    BIT(asked, ASKED);
    BIT(open_branches, OPEN_BRANCHES);
    BIT(open_siblings, OPEN_SIBLINGS);
    BIT(open_returns, OPEN_RETURNS);
    BIT(open_l1d, OPEN_L1D);
    BIT(open_shared, OPEN_SHARED);
    BIT(open_meltdown, OPEN_MELTDOWN);
    BIT(open_multihit, OPEN_MULTIHIT);
    BIT(open.mds, OPEN_MDS);
    BIT(open.taa, OPEN_TAA);
    BIT(open.mmio, OPEN_MMIO);
    BIT(open.rfds, OPEN_RFDS);
    BIT(open.tsa, OPEN_TSA);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(decides_for_cpus), cmocka_unit_test(keeps_vendors_apart),
                                       cmocka_unit_test(obeys_within_what_is_offered),
                                       cmocka_unit_test(members_are_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
