// What is done about speculative execution on CPUs that there are; feature words as their CPUID and MSRs read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/speculation.h"

// SPEC_CTRL, STIBP, L1D_FLUSH, SSBD, MD_CLEAR as microcode of 2019 added them
#define INTEL_2019 0x9c000400u
#define INTEL_SAYS (INTEL_2019 | LEAF7_ARCH_CAPABILITIES)

static const struct {
    const char *cpu;
    struct speculation_facts facts;
    struct speculation decision;
} cpus[] = {
    {"Core i7-4770 as sold",
     {.intel = true, .smt = true},
     {.open_branches = true,
      .open_siblings = true,
      .open_buffers = true,
      .open_l1d = true,
      .open_shared = true,
      .open_meltdown = true}},
    {"Core i7-4770, Xeon Gold 6130 with microcode",
     {.intel = true, .smt = true, .leaf7_edx = INTEL_2019},
     {.ibpb = true, .l1d_flush = true, .verw = true, .stibp = true, .open_shared = true, .open_meltdown = true}},
    {"the same, SMT off",
     {.intel = true, .leaf7_edx = INTEL_2019},
     {.ibpb = true, .l1d_flush = true, .verw = true, .open_meltdown = true}},
    {"a guest of KVM there, which flushes for it",
     {.intel = true, .leaf7_edx = INTEL_SAYS, .capabilities = CAPABILITY_SKIP_L1DFL},
     {.ibpb = true, .verw = true, .open_meltdown = true}},
    {"Xeon Gold 6230: neither Meltdown, L1TF nor MDS, but TAA and MMIO stale data",
     {.intel = true, .smt = true, .leaf7_edx = INTEL_SAYS, .capabilities = 0xeb},
     {.ibpb = true, .verw = true, .ibrs = true, .stibp = true, .open_shared = true}},
    {"Xeon Platinum 8352Y: MMIO stale data only, VERW by FB_CLEAR",
     {.intel = true,
      .leaf7_edx = INTEL_SAYS & ~LEAF7_MD_CLEAR,
      .capabilities = 0xeb | CAPABILITY_TAA_NO | CAPABILITY_FB_CLEAR | CAPABILITY_RFDS_NO},
     {.ibpb = true, .verw = true, .ibrs = true}},
    {"Xeon Platinum 8480+: nothing left to clear",
     {.intel = true,
      .smt = true,
      .leaf7_edx = INTEL_SAYS,
      .capabilities = 0x6b | CAPABILITY_TAA_NO | CAPABILITY_SBDR_SSDP_NO | CAPABILITY_FBSDP_NO | CAPABILITY_PSDP_NO |
                      CAPABILITY_RFDS_NO},
     {.ibpb = true, .ibrs = true, .stibp = true}},
    {"Atom x6425E: register file data sampling",
     {.intel = true,
      .leaf7_edx = INTEL_SAYS & ~LEAF7_MD_CLEAR,
      .capabilities = 0x6b | CAPABILITY_TAA_NO | CAPABILITY_SBDR_SSDP_NO | CAPABILITY_FBSDP_NO | CAPABILITY_PSDP_NO |
                      CAPABILITY_RFDS_CLEAR},
     {.ibpb = true, .verw = true, .ibrs = true}},
    {"EPYC 7401: IBPB only", {.smt = true, .leaf8_ebx = 0x1007}, {.ibpb = true, .lfence = true, .open_siblings = true}},
    {"EPYC 7702: IBRS is not set once",
     {.smt = true, .leaf8_ebx = LEAF8_IBPB | LEAF8_IBRS | LEAF8_STIBP},
     {.ibpb = true, .stibp = true, .lfence = true}},
    {"EPYC 7763 with microcode of 2025: TSA",
     {.smt = true,
      .leaf8_ebx = LEAF8_IBPB | LEAF8_IBRS | LEAF8_STIBP | LEAF8_IBRS_ALWAYS_ON,
      .leaf21_eax = LEAF21_LFENCE_SERIALIZES | LEAF21_VERW_CLEARS},
     {.ibpb = true, .ibrs = true, .stibp = true, .verw = true, .open_shared = true}},
    {"EPYC 9654 as sold: automatic IBRS",
     {.smt = true,
      .leaf8_ebx = LEAF8_IBPB | LEAF8_IBRS | LEAF8_STIBP | LEAF8_IBRS_ALWAYS_ON,
      .leaf21_eax = LEAF21_LFENCE_SERIALIZES | LEAF21_AUTO_IBRS},
     {.ibpb = true, .auto_ibrs = true, .stibp = true}},
    {"EPYC 9755: no TSA",
     {.leaf8_ebx = LEAF8_IBPB | LEAF8_STIBP,
      .leaf21_eax = LEAF21_LFENCE_SERIALIZES | LEAF21_AUTO_IBRS | LEAF21_VERW_CLEARS,
      .leaf21_ecx = LEAF21_TSA_SQ_NO | LEAF21_TSA_L1_NO},
     {.ibpb = true, .auto_ibrs = true}},
};

static void decides_for_cpus(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
        struct speculation decision = speculation_decide(cpus[i].facts);
        if (memcmp(&decision, &cpus[i].decision, sizeof(decision)) != 0)
            fail_msg("%s", cpus[i].cpu);
    }
}

// What a CPU of the one vendor says in a leaf of the other's means nothing.
static void keeps_vendors_apart(void **state) {
    (void)state;
    struct speculation intel = speculation_decide(
        (struct speculation_facts){.intel = true, .leaf8_ebx = ~0u, .leaf21_eax = ~0u, .capabilities = 0});
    assert_false(intel.ibpb || intel.ibrs || intel.auto_ibrs || intel.verw || intel.lfence);
    struct speculation amd =
        speculation_decide((struct speculation_facts){.leaf7_edx = ~0u, .leaf21_eax = LEAF21_LFENCE_SERIALIZES});
    assert_false(amd.ibpb || amd.ibrs || amd.verw || amd.l1d_flush || amd.open_meltdown || amd.lfence);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(decides_for_cpus), cmocka_unit_test(keeps_vendors_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
