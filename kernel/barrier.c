// Against speculative execution across domains: facts from the hardware, and what is done.
#include "kernel/barrier.h"
#include "kernel/abi.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/options.h"
#include "kernel/speculation.h"
#include "lib/string.h"

#define MSR_SPEC_CTRL         0x48u
#define MSR_PRED_CMD          0x49u
#define MSR_ARCH_CAPABILITIES 0x10au
#define MSR_FLUSH_CMD         0x10bu
#define MSR_MCU_OPT_CTRL      0x123u
#define MSR_DE_CFG            0xc0011029u
#define MSR_BP_CFG            0xc001102eu
#define SPEC_CTRL_IBRS        1ull
#define SPEC_CTRL_STIBP       2ull
#define PRED_CMD_IBPB         1ull
#define FLUSH_CMD_L1D         1ull
#define MCU_OPT_OFF           0x19ull     // RNGDS_MITG_DIS, FB_CLEAR_DIS, GDS_MITG_DIS
#define DE_CFG_LFENCE         2ull        // LFENCE lets nothing behind it start
#define DE_CFG_ZENBLEED       (1ull << 9) // CVE-2023-20593
#define BP_CFG_SPEC_REDUCE    (1ull << 4)
#define EFER_AUTO_IBRS        (1ull << 21)

static struct speculation decided;

extern char *const verw_places[], *const verw_places_end[];
void barrier_fill_returns(void);

static bool has_siblings(uint32_t basic, uint32_t extended) {
    if (basic >= 0xb && (cpuid(0xb, 0).ebx & 0xffff) > 1)
        return true;
    bool topology = extended >= 0x8000001e && (cpuid(0x80000001, 0).ecx & 1u << 22);
    return topology && (cpuid(0x8000001e, 0).ebx & 0xff00);
}

static struct speculation_facts read_facts(void) {
    struct cpuid zero = cpuid(0, 0);
    uint32_t extended = cpuid(0x80000000, 0).eax;
    bool amd = zero.ebx == 0x68747541 || zero.ebx == 0x6f677948; // Auth(enticAMD), Hygo(nGenuine)
    struct speculation_facts facts = {.intel = !amd, .signature = host.signature, .microcode = host.microcode};
    facts.smt = has_siblings(zero.eax, extended);
    facts.leaf7_ebx = zero.eax >= 7 ? cpuid(7, 0).ebx : 0;
    facts.leaf7_edx = zero.eax >= 7 ? cpuid(7, 0).edx : 0;
    facts.leaf8_ebx = extended >= 0x80000008 ? cpuid(0x80000008, 0).ebx : 0;
    if (extended >= 0x80000021) {
        struct cpuid leaf = cpuid(0x80000021, 0);
        facts.leaf21_eax = leaf.eax;
        facts.leaf21_ecx = leaf.ecx;
    }
    facts.capabilities = facts.leaf7_edx & LEAF7_ARCH_CAPABILITIES ? rdmsr(MSR_ARCH_CAPABILITIES) : 0;
    return facts;
}

void barrier_detect(const char *command_line) {
    static const uint8_t verw[] = {0x65, 0x0f, 0x00, 0x2c, 0x25, 32, 0, 0, 0}; // verw [gs:CPU_SELECTOR]
    struct speculation_wishes wishes = {0};
    const char *list = option_find(command_line, "spec-ctrl"), *unknown;
    size_t length;
    if (list && (unknown = option_read_speculation(list, &wishes, &length)))
        log_print("spec-ctrl: \"%.*s\" is not known, and nothing behind it is read; accepted: "
                  "no, or ibpb, ibrs, stibp, verw and l1d-flush, each also with no-",
                  (int)length, unknown);
    decided = speculation_decide(read_facts(), wishes);
    for (char *const *place = verw_places; decided.verw && place != verw_places_end; place++)
        memcpy(*place, verw, sizeof(verw));
}

// The members of `decided` are the bits in their order.
uint32_t barrier_report(void) {
    const bool *members = (const bool *)&decided;
    uint32_t bits = 0;
    for (unsigned i = 0; i < sizeof(decided); i++)
        bits |= (uint32_t)members[i] << i;
    return bits;
}

void barrier_init_self(void) {
    uint64_t de_cfg = (decided.lfence ? DE_CFG_LFENCE : 0) | (decided.zenbleed ? DE_CFG_ZENBLEED : 0);
    if (decided.ibrs || decided.stibp)
        wrmsr(MSR_SPEC_CTRL, (decided.ibrs ? SPEC_CTRL_IBRS : 0) | (decided.stibp ? SPEC_CTRL_STIBP : 0));
    if (decided.auto_ibrs)
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AUTO_IBRS);
    if (de_cfg)
        wrmsr(MSR_DE_CFG, rdmsr(MSR_DE_CFG) | de_cfg);
    if (decided.spec_reduce)
        wrmsr(MSR_BP_CFG, rdmsr(MSR_BP_CFG) | BP_CFG_SPEC_REDUCE);
    if (decided.mcu_opt)
        wrmsr(MSR_MCU_OPT_CTRL, rdmsr(MSR_MCU_OPT_CTRL) & ~MCU_OPT_OFF);
}

void barrier_domain(void) {
    uint32_t quotient = 0, remainder = 0;
    count(COUNTER_BARRIER);
    if (decided.ibpb)
        wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
    barrier_fill_returns();
    // Zen 1 may go on with the quotient of an earlier division, another domain's too (CVE-2023-20588): now it is 0.
    __asm__ volatile("div %2" : "+a"(quotient), "+d"(remainder) : "r"(1));
    if (decided.l1d_flush)
        wrmsr(MSR_FLUSH_CMD, FLUSH_CMD_L1D);
}
