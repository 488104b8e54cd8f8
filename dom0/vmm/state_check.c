// The checks on guest state at VM entry.
#include "dom0/vmm/state_check.h"
#include "dom0/vmm/page_walk.h"
#include <stdbool.h>
#include <stddef.h>

#define RFLAGS_VM    0x20000ull
#define HIGH         0xffffffff00000000ull
#define PRESENT      0x80u
#define CODE_OR_DATA 0x10u
#define LONG_CODE    0x200u
#define BIG          0x400u
#define GRANULAR     0x800u
#define TYPE(s)      ((s).attributes & 15)
#define DPL(s)       ((s).attributes >> 5 & 3)
#define TABLE_LOCAL  4u // selector: of the LDT

static bool long_mode(const struct vcpu_page *p) {
    return (p->efer & EFER_LMA) != 0;
}

static bool virtual_8086(const struct vcpu_page *p) {
    return (p->rflags & RFLAGS_VM) != 0;
}

static bool canonical(uint64_t address) {
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

// A limit with all low bits set if it counts pages, with no high ones if bytes.
static bool limit_fits(struct vcpu_segment s) {
    return s.attributes & GRANULAR ? (s.limit & 0xfff) == 0xfff : s.limit >> 20 == 0;
}

// Types of memory, a byte each: 2 and 3 are none (SDM 3A, page attribute table).
static bool pat_valid(uint64_t pat) {
    for (unsigned i = 0; i < 8; i++) {
        uint64_t type = pat >> (8 * i) & 0xff;
        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

static const char *check_control(const struct vcpu_page *p, unsigned physical_bits) {
    bool paging = (p->cr0 & CR0_PG) != 0, lme = (p->efer & EFER_LME) != 0;
    const struct {
        bool fails;
        const char *text;
    } checks[] = {
        {paging && !(p->cr0 & CR0_PE), "CR0 has PG without PE"},
        {(p->cr0 & HIGH) != 0, "bits 63:32 of CR0 are set"},
        {(p->cr0 & CR0_NW) && !(p->cr0 & CR0_CD), "CR0 has NW without CD"},
        {long_mode(p) != (paging && lme), "EFER.LMA is not CR0.PG and EFER.LME"},
        {long_mode(p) && !(p->cr4 & CR4_PAE), "long mode without CR4.PAE"},
        {!long_mode(p) && (p->cr4 & CR4_PCIDE), "CR4.PCIDE outside of long mode"},
        {p->cr3 >> physical_bits != 0, "CR3 is beyond the physical addresses"},
        {(p->efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | EFER_FFXSR)) != 0,
         "EFER has reserved bits"},
        {long_mode(p) && virtual_8086(p), "RFLAGS.VM in long mode"},
        {!(p->cr0 & CR0_PE) && virtual_8086(p), "RFLAGS.VM in real mode"},
        {!pat_valid(p->pat), "PAT has a memory type that is none"},
        {(p->dr6 & HIGH) != 0, "bits 63:32 of DR6 are set"},
        {!canonical(p->sysenter_esp), "SYSENTER_ESP is not canonical"},
        {!canonical(p->sysenter_eip), "SYSENTER_EIP is not canonical"},
        {!canonical(p->gdtr.base), "the base of GDTR is not canonical"},
        {!canonical(p->idtr.base), "the base of IDTR is not canonical"},
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (checks[i].fails)
            return checks[i].text;
    return NULL;
}

// 64-bit code may begin at the first address that is not canonical, where execution can run into, too.
static const char *check_rip(const struct vcpu_page *p) {
    bool wide = long_mode(p) && (p->segment[SEGMENT_CS].attributes & LONG_CODE);
    if (!wide && (p->rip & HIGH))
        return "bits 63:32 of RIP are set outside of 64-bit code";
    return wide && p->rip >> 48 != 0 && p->rip >> 48 != 0xffff ? "bits 63:48 of RIP are not alike" : NULL;
}

// Virtual-8086 mode: bases, limits and rights are what the mode says (SDM 3C 29.3.1.2).
static const char *check_8086(const struct vcpu_page *p) {
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++) {
        struct vcpu_segment s = p->segment[i];
        if (s.base != (uint64_t)s.selector << 4)
            return "virtual-8086 mode: a base is not 16 times its selector";
        if (s.limit != 0xffff || (s.attributes & 0xfff) != 0xf3)
            return "virtual-8086 mode: a segment has not limit FFFFh and rights F3h";
    }
    return NULL;
}

static const char *check_code(const struct vcpu_page *p) {
    struct vcpu_segment cs = p->segment[SEGMENT_CS], ss = p->segment[SEGMENT_SS];
    bool data = TYPE(cs) == 3;
    if (!(cs.attributes & PRESENT) || !(cs.attributes & CODE_OR_DATA))
        return "CS is no present code segment";
    if (!(TYPE(cs) & 8) && !data)
        return "CS has a type that no code has";
    if (data && DPL(cs) != 0)
        return "CS is data with a DPL";
    if (DPL(ss) != 0 && (data || !(p->cr0 & CR0_PE)))
        return "SS has a DPL where there is no privilege level";
    if (!data && !(TYPE(cs) & 4) && DPL(cs) != DPL(ss))
        return "the DPL of CS, not conforming, is not that of SS";
    if (!data && (TYPE(cs) & 4) && DPL(cs) > DPL(ss))
        return "the DPL of CS, conforming, is above that of SS";
    if (long_mode(p) && (cs.attributes & LONG_CODE) && (cs.attributes & BIG))
        return "CS has both L and D";
    if (cs.base & HIGH)
        return "bits 63:32 of the base of CS are set";
    return !limit_fits(cs) ? "the limit of CS does not fit its granularity" : NULL;
}

static const char *check_data(const struct vcpu_page *p) {
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++) {
        struct vcpu_segment s = p->segment[i];
        if (i == SEGMENT_CS || !(s.attributes & PRESENT))
            continue;
        if (!(s.attributes & CODE_OR_DATA))
            return "a data segment is a system descriptor";
        if (i == SEGMENT_SS ? (TYPE(s) | 4) != 7 : (TYPE(s) & 8) && !(TYPE(s) & 2))
            return i == SEGMENT_SS ? "SS is not writable data" : "a data segment is code that cannot be read";
        if (!limit_fits(s))
            return "the limit of a data segment does not fit its granularity";
        if (i < SEGMENT_FS && (s.base & HIGH))
            return "bits 63:32 of the base of ES, SS or DS are set";
    }
    bool bases = canonical(p->segment[SEGMENT_FS].base) && canonical(p->segment[SEGMENT_GS].base);
    return bases ? NULL : "the base of FS or GS is not canonical";
}

static const char *check_system(const struct vcpu_page *p) {
    struct vcpu_segment tr = p->segment[SEGMENT_TR], ldtr = p->segment[SEGMENT_LDTR];
    if ((tr.selector & TABLE_LOCAL) || (tr.attributes & CODE_OR_DATA))
        return "TR is no task-state segment of the GDT";
    if ((TYPE(tr) | 2) != 11 && (long_mode(p) || (TYPE(tr) | 2) != 3)) // the core sets busy
        return "TR has a type that no task has in this mode";
    if (!limit_fits(tr) || !canonical(tr.base))
        return "base or limit of TR cannot be";
    if (!(ldtr.attributes & PRESENT))
        return NULL;
    if ((ldtr.selector & TABLE_LOCAL) || (ldtr.attributes & 0x1f) != 2)
        return "LDTR is no LDT of the GDT";
    return limit_fits(ldtr) && canonical(ldtr.base) ? NULL : "base or limit of LDTR cannot be";
}

// What VT-x says itself (SDM 3C 29.8): basic reason, qualification in the upper half; bit 63: the VM-instruction error.
static const char *said_by_vtx(uint64_t code) {
    static const struct {
        uint64_t code;
        const char *text;
    } known[] = {
        {1ull << 63 | 7, "the event to inject, or a control, is refused"},
        {1ull << 63 | 8, "the host's state is refused"},
        {2ull << 32 | 33, "a page-directory pointer of PAE paging has reserved bits"},
        {3ull << 32 | 33, "an NMI is injected in an interrupt shadow"},
        {2ull << 32 | 34, "LSTAR is not canonical"}, // an entry of the list of MSRs
        {3ull << 32 | 34, "CSTAR is not canonical"},
        {4ull << 32 | 34, "SFMASK has reserved bits"},
        {5ull << 32 | 34, "the kernel GS base is not canonical"},
        {41, "a machine check at entry"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].code == code)
            return known[i].text;
    return NULL;
}

const char *state_check(const struct vcpu_page *page, unsigned physical_bits) {
    const char *failed = said_by_vtx(page->qualification & ~(1ull << 31));
    if (!failed)
        failed = check_control(page, physical_bits);
    if (!failed)
        failed = check_rip(page);
    if (!failed && virtual_8086(page))
        failed = check_8086(page);
    if (!failed && !virtual_8086(page))
        failed = check_code(page);
    if (!failed && !virtual_8086(page))
        failed = check_data(page);
    return failed ? failed : check_system(page);
}
