// Against speculative execution across domains: facts from the hardware, and what is done.
#include "kernel/barrier.h"
#include "kernel/abi.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/speculation.h"
#include "lib/string.h"

#define MSR_SPEC_CTRL         0x48u
#define MSR_PRED_CMD          0x49u
#define MSR_ARCH_CAPABILITIES 0x10au
#define MSR_FLUSH_CMD         0x10bu
#define MSR_DE_CFG            0xc0011029u
#define SPEC_CTRL_IBRS        1ull
#define SPEC_CTRL_STIBP       2ull
#define PRED_CMD_IBPB         1ull
#define FLUSH_CMD_L1D         1ull
#define DE_CFG_LFENCE         2ull // LFENCE lets nothing behind it start
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
    struct speculation_facts facts = {.intel = zero.ebx == 0x756e6547}; // Genu(ineIntel)
    facts.smt = has_siblings(zero.eax, extended);
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

void barrier_detect(void) {
    static const uint8_t verw[] = {0x65, 0x0f, 0x00, 0x2c, 0x25, 32, 0, 0, 0}; // verw [gs:CPU_SELECTOR]
    decided = speculation_decide(read_facts());
    for (char *const *place = verw_places; decided.verw && place != verw_places_end; place++)
        memcpy(*place, verw, sizeof(verw));
}

uint32_t barrier_report(void) {
    const struct speculation *d = &decided;
    return (d->ibpb ? SPECULATION_IBPB : 0) | (d->ibrs ? SPECULATION_IBRS : 0) |
           (d->auto_ibrs ? SPECULATION_AUTO_IBRS : 0) | (d->stibp ? SPECULATION_STIBP : 0) |
           (d->verw ? SPECULATION_VERW : 0) | (d->l1d_flush ? SPECULATION_L1D_FLUSH : 0) |
           (d->open_branches ? SPECULATION_OPEN_BRANCHES : 0) | (d->open_siblings ? SPECULATION_OPEN_SIBLINGS : 0) |
           (d->open_buffers ? SPECULATION_OPEN_BUFFERS : 0) | (d->open_l1d ? SPECULATION_OPEN_L1D : 0) |
           (d->open_shared ? SPECULATION_OPEN_SHARED : 0) | (d->open_meltdown ? SPECULATION_OPEN_MELTDOWN : 0);
}

void barrier_init_self(void) {
    if (decided.ibrs || decided.stibp)
        wrmsr(MSR_SPEC_CTRL, (decided.ibrs ? SPEC_CTRL_IBRS : 0) | (decided.stibp ? SPEC_CTRL_STIBP : 0));
    if (decided.auto_ibrs)
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AUTO_IBRS);
    if (decided.lfence)
        wrmsr(MSR_DE_CFG, rdmsr(MSR_DE_CFG) | DE_CFG_LFENCE);
}

void barrier_domain(void) {
    count(COUNTER_BARRIER);
    if (decided.ibpb)
        wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
    barrier_fill_returns();
    if (decided.l1d_flush)
        wrmsr(MSR_FLUSH_CMD, FLUSH_CMD_L1D);
}
