// The checks at entry (SDM 3C 29.2.1.3, 29.3.1, 29.4; APM 2 15.5.1, 15.20), each with a state that it alone refuses.
// What the core makes right whatever the page says is not here: bad_state.c tries it word by word.
#include "dom0/syscall_fuzz/entry_checks.h"
#include "dom0/syscall_fuzz/real_mode.h"
#include "lib/string.h"

#define BIT(n)         (1ull << (n))
#define HIGH           BIT(47) // not canonical
#define WORD(field)    ((uint16_t)offsetof(struct vcpu_page, field))
#define SEGMENT(s)     WORD(segment[s]) // selector, attributes << 16, limit << 32
#define BASE(s)        WORD(segment[s].base)
#define RIGHTS(rights) ((uint64_t)(rights) << 16)

#define CR0_PE    BIT(0)
#define CR0_NW    BIT(29)
#define CR0_PG    BIT(31)
#define CR4_PAE   BIT(5)
#define CR4_PCIDE BIT(17)
#define EFER_LME  BIT(8)
#define EFER_LMA  BIT(10)
#define RFLAGS_IF BIT(9)
#define RFLAGS_VM BIT(17)
#define ALL       UINT64_MAX
#define EVENT(e)                                                                                                       \
    { WORD(event), ALL, EVENT_VALID | (e) }
#define SHADOW                                                                                                         \
    { WORD(interruptibility), 0, VCPU_SHADOW }
#define BOTH (ENTRY_VTX | ENTRY_AMDV)

const struct entry_check entry_checks[] = {
    // Control registers, debug registers, MSRs
    {"CR0.PG without PE", ENTRY_LONG, BOTH, {{WORD(cr0), CR0_PE, 0}}},
    {"CR0 63:32", ENTRY_LONG, ENTRY_AMDV, {{WORD(cr0), 0, BIT(32)}}},
    {"CR0.NW without CD", ENTRY_LONG, ENTRY_AMDV, {{WORD(cr0), 0, CR0_NW}}},
    {"long mode without CR4.PAE", ENTRY_LONG, BOTH, {{WORD(cr4), CR4_PAE, 0}}},
    {"EFER.LMA without CR0.PG", ENTRY_LONG, ENTRY_VTX, {{WORD(cr0), CR0_PG, 0}}},
    {"EFER.LMA without LME", ENTRY_LONG, ENTRY_VTX, {{WORD(efer), EFER_LME, 0}}},
    {"CR4.PCIDE outside of long mode", ENTRY_PROTECTED, ENTRY_VTX, {{WORD(cr4), 0, CR4_PCIDE}}},
    {"CR3 beyond the addresses", ENTRY_LONG, ENTRY_VTX, {{WORD(cr3), 0, BIT(51)}}},
    {"CR3 63:52", ENTRY_LONG, BOTH, {{WORD(cr3), 0, BIT(62)}}},
    {"EFER reserved", ENTRY_LONG, BOTH, {{WORD(efer), 0, BIT(1)}}},
    {"EFER 63:32", ENTRY_LONG, BOTH, {{WORD(efer), 0, BIT(40)}}},
    {"PAT type 2", ENTRY_LONG, BOTH, {{WORD(pat), 0xff, 2}}},
    {"PAT type 8", ENTRY_LONG, BOTH, {{WORD(pat), 0, BIT(59)}}},
    {"DR6 63:32", ENTRY_LONG, ENTRY_AMDV, {{WORD(dr6), 0, BIT(32)}}},
    {"SYSENTER_ESP", ENTRY_LONG, ENTRY_VTX, {{WORD(sysenter_esp), 0, HIGH}}},
    {"SYSENTER_EIP", ENTRY_LONG, ENTRY_VTX, {{WORD(sysenter_eip), 0, HIGH}}},
    {"LSTAR in the list", ENTRY_LONG, ENTRY_VTX, {{WORD(lstar), 0, HIGH}}},
    {"CSTAR in the list", ENTRY_LONG, ENTRY_VTX, {{WORD(cstar), 0, HIGH}}},
    {"kernel GS base in the list", ENTRY_LONG, ENTRY_VTX, {{WORD(kernel_gs_base), 0, HIGH}}},
    // Segments
    {"CS absent", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_CS), RIGHTS(0x80), 0}}},
    {"CS a system segment", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_CS), RIGHTS(0x10), 0}}},
    {"CS read-only data", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_CS), RIGHTS(0xf), RIGHTS(1)}}},
    {"CS data with a DPL", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_CS), RIGHTS(0xff), RIGHTS(0xf3)}}},
    {"CS below SS.DPL", ENTRY_PROTECTED, ENTRY_VTX, {{WORD(interruptibility), 0, 3ull << 32}}}, // CPL
    {"CS above SS.DPL", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_CS), RIGHTS(0xff), RIGHTS(0xfb)}}},
    {"CS conforming, above SS.DPL", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_CS), RIGHTS(0xff), RIGHTS(0xff)}}},
    {"CS.L and D", ENTRY_LONG, BOTH, {{SEGMENT(SEGMENT_CS), 0, RIGHTS(0x400)}}},
    {"CS limit with G", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_CS), BIT(32), 0}}},
    {"CS limit without G", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_CS), RIGHTS(0x800), 0}}},
    {"CS base", ENTRY_LONG, ENTRY_VTX, {{BASE(SEGMENT_CS), 0, BIT(32)}}},
    {"SS read-only", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_SS), RIGHTS(0xf), RIGHTS(1)}}},
    {"SS code", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_SS), RIGHTS(0xf), RIGHTS(0xb)}}},
    {"SS.DPL beside CS data",
     ENTRY_PROTECTED,
     ENTRY_VTX,
     {{SEGMENT(SEGMENT_CS), RIGHTS(0xff), RIGHTS(0x93)}, {WORD(interruptibility), 0, 3ull << 32}}},
    {"SS base", ENTRY_PROTECTED, ENTRY_VTX, {{BASE(SEGMENT_SS), 0, BIT(32)}}},
    {"DS code that cannot be read", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_DS), RIGHTS(0xf), RIGHTS(9)}}},
    {"ES a system segment", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_ES), RIGHTS(0x1f), RIGHTS(2)}}},
    {"DS base", ENTRY_PROTECTED, ENTRY_VTX, {{BASE(SEGMENT_DS), 0, BIT(32)}}},
    {"ES limit", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_ES), BIT(32), 0}}},
    {"FS base", ENTRY_LONG, ENTRY_VTX, {{BASE(SEGMENT_FS), 0, HIGH}}},
    {"GS base", ENTRY_LONG, ENTRY_VTX, {{BASE(SEGMENT_GS), 0, HIGH}}},
    {"TR of the LDT", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_TR), 0, 4}}},
    {"TR data", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_TR), 0, RIGHTS(0x10)}}},
    {"TR an LDT", ENTRY_PROTECTED, ENTRY_VTX, {{SEGMENT(SEGMENT_TR), RIGHTS(0xf), RIGHTS(6)}}},
    {"TR of 16 bits in long mode", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_TR), RIGHTS(0xf), RIGHTS(3)}}},
    {"TR limit", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_TR), BIT(32), RIGHTS(0x800)}}},
    {"TR base", ENTRY_LONG, ENTRY_VTX, {{BASE(SEGMENT_TR), 0, HIGH}}},
    {"LDTR of the LDT", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_LDTR), 0, 4}}},
    {"LDTR a task", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_LDTR), RIGHTS(0xf), RIGHTS(9)}}},
    {"LDTR data", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_LDTR), 0, RIGHTS(0x10)}}},
    {"LDTR limit", ENTRY_LONG, ENTRY_VTX, {{SEGMENT(SEGMENT_LDTR), 0, BIT(63)}}},
    {"LDTR base", ENTRY_LONG, ENTRY_VTX, {{BASE(SEGMENT_LDTR), 0, HIGH}}},
    {"GDTR base", ENTRY_LONG, ENTRY_VTX, {{WORD(gdtr.base), 0, HIGH}}},
    {"IDTR base", ENTRY_LONG, ENTRY_VTX, {{WORD(idtr.base), 0, HIGH}}},
    {"vm86 base", ENTRY_VM86, ENTRY_VTX, {{BASE(SEGMENT_DS), 0, 0x10}}},
    {"vm86 limit", ENTRY_VM86, ENTRY_VTX, {{SEGMENT(SEGMENT_ES), BIT(32), 0}}},
    {"vm86 rights", ENTRY_VM86, ENTRY_VTX, {{SEGMENT(SEGMENT_FS), RIGHTS(0x60), 0}}},
    {"vm86 D/B", ENTRY_VM86, ENTRY_VTX, {{SEGMENT(SEGMENT_GS), 0, RIGHTS(0x400)}}},
    // RIP, RFLAGS
    {"RIP 63:32", ENTRY_PROTECTED, ENTRY_VTX, {{WORD(rip), 0, BIT(32)}}},
    {"RIP 63:48", ENTRY_LONG, ENTRY_VTX, {{WORD(rip), 0, BIT(50)}}},
    {"RFLAGS.VM in long mode", ENTRY_LONG, ENTRY_VTX, {{WORD(rflags), 0, RFLAGS_VM}}},
    {"RFLAGS.VM in real mode", ENTRY_REAL, ENTRY_VTX, {{WORD(rflags), 0, RFLAGS_VM}}},
    // Page-directory pointers
    {"PDPTE reserved", ENTRY_PAE, ENTRY_VTX, {{WORD(pdpte[1]), 0, 1 | BIT(1)}}},
    // Events
    {"event of type 1", ENTRY_LONG, BOTH, {EVENT(1ull << 8)}},
    {"event of type 7", ENTRY_LONG, ENTRY_AMDV, {EVENT(7ull << 8)}}, // Bochs' VT-x panics
    {"NMI with vector 3", ENTRY_LONG, ENTRY_VTX, {EVENT(EVENT_NMI | 3)}},
    {"exception 32", ENTRY_LONG, BOTH, {EVENT(EVENT_EXCEPTION | 32)}},
    {"exception 2", ENTRY_LONG, ENTRY_AMDV, {EVENT(EVENT_EXCEPTION | 2)}},
    {"event with reserved bits", ENTRY_LONG, ENTRY_VTX, {EVENT(EVENT_EXCEPTION | 6 | BIT(20))}},
    {"INT with reserved bits", ENTRY_LONG, ENTRY_VTX, {EVENT(EVENT_SOFTWARE | 32 | BIT(20))}},
    {"#GP without error code", ENTRY_LONG, ENTRY_VTX, {EVENT(EVENT_EXCEPTION | 13)}},
    {"#UD with error code", ENTRY_LONG, ENTRY_VTX, {EVENT(EVENT_EXCEPTION | 6 | EVENT_ERROR_VALID)}},
    {"error code 31:16",
     ENTRY_LONG,
     ENTRY_VTX,
     {EVENT(EVENT_EXCEPTION | 13 | EVENT_ERROR_VALID | EVENT_ERROR(0x10000))}},
    {"interrupt with error code", ENTRY_LONG, ENTRY_VTX, {EVENT(32 | EVENT_ERROR_VALID)}},
    {"interrupt without IF", ENTRY_LONG, ENTRY_VTX, {EVENT(EVENT_INTERRUPT | 32)}},
    {"NMI in a shadow", ENTRY_LONG, ENTRY_VTX, {EVENT(EVENT_NMI | 2), SHADOW}},
    {"interrupt in a shadow",
     ENTRY_LONG,
     ENTRY_VTX,
     {EVENT(EVENT_INTERRUPT | 32), SHADOW, {WORD(rflags), 0, RFLAGS_IF}}},
};
const unsigned entry_check_count = sizeof(entry_checks) / sizeof(entry_checks[0]);

static void set_segments(struct vcpu_page *page, uint16_t code, uint16_t data, uint32_t limit) {
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++)
        page->segment[i] = (struct vcpu_segment){.attributes = i == SEGMENT_CS ? code : data, .limit = limit};
}

void entry_state(struct vcpu_page *page, enum entry_mode mode) {
    real_mode_state(page);
    page->rip = ENTRY_CODE;
    page->cr0 |= mode != ENTRY_REAL ? CR0_PE : 0;
    if (mode == ENTRY_PROTECTED || mode == ENTRY_PAE)
        set_segments(page, 0xc9b, 0xc93, UINT32_MAX);
    if (mode == ENTRY_LONG)
        set_segments(page, 0xa9b, 0xc93, UINT32_MAX);
    if (mode == ENTRY_VM86) {
        set_segments(page, 0xf3, 0xf3, 0xffff);
        page->rflags |= RFLAGS_VM;
        page->cpl = 3;
    }
    if (mode == ENTRY_PAE || mode == ENTRY_LONG) {
        page->cr0 |= CR0_PG;
        page->cr3 = mode == ENTRY_PAE ? ENTRY_PDPT : 0;
        page->cr4 = CR4_PAE;
        page->pdpte[0] = 1;
    }
    if (mode == ENTRY_LONG)
        page->efer = EFER_LME | EFER_LMA;
}

void entry_memory(uint8_t *memory) {
    static const uint8_t code[] = {0x0f, 0xa2, 0xeb, 0xfc}; // CPUID, again
    static const uint64_t present = 1;
    memset(memory, 0, PAGE_SIZE);
    memcpy(memory + ENTRY_CODE, code, sizeof(code));
    memcpy(memory, &present, sizeof(present));
    memcpy(memory + ENTRY_PDPT, &present, sizeof(present));
}

void entry_spoil(struct vcpu_page *page, const struct entry_check *check) {
    for (unsigned i = 0; i < ENTRY_CHANGES; i++) {
        uint64_t *word = (uint64_t *)(void *)((char *)page + check->change[i].offset);
        if (check->change[i].offset)
            *word = (*word & ~check->change[i].clear) | check->change[i].set;
    }
}
