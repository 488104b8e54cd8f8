// Hardware task switches.
#include "dom0/vmm/task.h"
#include "dom0/vmm/emulate_operation.h"
#include "dom0/vmm/task_checks.h"
#include "lib/string.h"

#define DR6_TASK_SWITCH 0x8000ull
#define DR7_LOCAL       0x155ull
#define TSS_BUSY_BYTE   5u // of a descriptor
#define TSS_BYTES       (TSS32_LIMIT + 1)
#define TSS_CR3         0x1cu // 32 bits only
#define TSS_TRAP        0x64u
#define SEGMENT_BIG     0x400u
#define SEGMENT_PAGES   0x800u

// Offsets in a TSS (SDM 3A figures 7-2, 7-10). Registers and segments lie in the order of their numbers.
struct tss_format {
    uint8_t least; // limit
    uint8_t width; // of registers
    uint8_t ip, flags, gpr;
    uint8_t segment, step; // and from one selector to the next
    uint8_t segments;      // ES CS SS DS, and FS GS
    uint8_t ldt;
};
static const struct tss_format tss16 = {TSS16_LIMIT, 2, 0x0e, 0x10, 0x12, 0x22, 2, 4, 0x2a};
static const struct tss_format tss32 = {TSS32_LIMIT, 4, 0x20, 0x24, 0x28, 0x48, 4, 6, 0x60};

struct task_change {
    struct emulate *e;
    const struct task_request *request;
    bool external; // error codes have EXT (SDM 3A 6.13)
    uint16_t old_selector;
    uint32_t old_base, base; // of the TSSs
    const struct tss_format *old_format, *format;
    struct vcpu_segment tr; // the new one
    struct memory_access saved, link, old_busy, busy, incoming;
    uint8_t tss[TSS_BYTES]; // of the new task
};

static const struct tss_format *format_of(const struct vcpu_segment *tr) {
    return (tr->attributes & 0xf) < TYPE_TSS32 ? &tss16 : &tss32;
}

static struct vcpu_segment segment_of(uint16_t selector, uint64_t descriptor) {
    uint32_t limit = (uint32_t)((descriptor & 0xffff) | (descriptor >> 32 & 0xf0000));
    uint16_t attributes = (uint16_t)((descriptor >> 40 & 0xff) | (descriptor >> 44 & 0xf00));
    uint32_t base = (uint32_t)((descriptor >> 16 & 0xffffff) | (descriptor >> 32 & 0xff000000));
    return (struct vcpu_segment){selector, attributes, attributes & SEGMENT_PAGES ? limit << 12 | 0xfff : limit, base};
}

// A fault of the switch itself; `selector` is what it names, 0: nothing.
static enum emulate_result fault(const struct task_change *t, unsigned vector, uint16_t selector) {
    return emulate_raise(t->e, vector, true, (selector & 0xfffcu) | t->external);
}

// Accesses of the processor itself, which only page tables can refuse.
static enum emulate_result prepare(const struct task_change *t, uint64_t linear, unsigned bytes, unsigned access,
                                   struct memory_access *out) {
    return linear_prepare(t->e, linear & 0xffffffff, bytes, access | ACCESS_SYSTEM, out);
}

static enum emulate_result read_system(const struct task_change *t, uint64_t linear, unsigned bytes, void *to) {
    struct memory_access access;
    TRY(prepare(t, linear, bytes, 0, &access));
    memory_read_bytes(t->e, &access, to);
    return EMULATE_DONE;
}

// Where the descriptor of a selector lies. False: in no table.
static bool descriptor_at(const struct task_change *t, uint16_t selector, uint64_t *linear) {
    const struct vcpu_page *cpu = t->e->cpu;
    const struct vcpu_segment *ldt = &cpu->segment[SEGMENT_LDTR];
    const struct vcpu_segment *table = selector & SELECTOR_LOCAL ? ldt : &cpu->gdtr;
    if (table == ldt && !(ldt->attributes & (DESCRIPTOR_PRESENT >> 40)))
        return false;
    *linear = table->base + (selector & 0xfff8u);
    return (selector | 7u) <= table->limit;
}

// ---- In the old task

// The new TSS by its selector.
static enum emulate_result find(struct task_change *t) {
    uint16_t selector = t->request->selector;
    bool iret = t->request->source == TASK_IRET;
    uint64_t at, descriptor;
    if ((selector & SELECTOR_LOCAL) || SELECTOR_NULL(selector) || !descriptor_at(t, selector, &at))
        return fault(t, iret ? VECTOR_TS : VECTOR_GP, selector);
    TRY(read_system(t, at, sizeof descriptor, &descriptor));
    t->tr = segment_of(selector, descriptor);
    unsigned vector = task_tss_fault(descriptor, t->tr.limit, iret);
    if (vector)
        return fault(t, vector, selector);
    t->tr.attributes |= TYPE_BUSY;
    t->format = format_of(&t->tr);
    t->base = (uint32_t)t->tr.base;
    return iret ? EMULATE_DONE : prepare(t, at + TSS_BUSY_BYTE, 1, ACCESS_WRITE, &t->busy);
}

// From here to there the old TSS is written.
static unsigned saved_bytes(const struct tss_format *f) {
    return f->segment + (f->segments - 1u) * f->step + 2u - f->ip;
}

// All that the switch will access has to be there before it begins.
static enum emulate_result prepare_tasks(struct task_change *t) {
    const struct vcpu_segment *old = &t->e->cpu->segment[SEGMENT_TR];
    enum task_source source = t->request->source;
    t->old_selector = old->selector;
    t->old_base = (uint32_t)old->base;
    t->old_format = format_of(old);
    unsigned bytes = saved_bytes(t->old_format);
    if (old->limit < t->old_format->ip + bytes - 1)
        return fault(t, VECTOR_TS, t->old_selector);
    TRY(prepare(t, t->old_base + t->old_format->ip, bytes, ACCESS_WRITE, &t->saved));
    if (source == TASK_CALL || source == TASK_GATE)
        TRY(prepare(t, t->base, 2, ACCESS_WRITE, &t->link));
    uint64_t at;
    if ((source == TASK_JMP || source == TASK_IRET) && descriptor_at(t, t->old_selector, &at))
        TRY(prepare(t, at + TSS_BUSY_BYTE, 1, ACCESS_WRITE, &t->old_busy));
    return prepare(t, t->base, t->format->least + 1u, 0, &t->incoming);
}

// ---- From the old task to the new one: nothing here fails

static void set_busy(const struct task_change *t, const struct memory_access *byte, bool busy) {
    if (!byte->piece[0].bytes)
        return;
    uint64_t value = memory_read(t->e, byte) & ~(uint64_t)TYPE_BUSY;
    memory_write(t->e, byte, busy ? value | TYPE_BUSY : value);
}

static void save(const struct task_change *t) {
    const struct vcpu_page *cpu = t->e->cpu;
    const struct tss_format *f = t->old_format;
    uint8_t tss[TSS_BYTES];
    uint64_t ip = cpu->rip + t->request->length, flags = cpu->rflags;
    if (t->request->source == TASK_IRET)
        flags &= ~TASK_RFLAGS_NT;
    memory_read_bytes(t->e, &t->saved, tss + f->ip); // beside selectors there is room that stays
    memcpy(tss + f->ip, &ip, f->width);
    memcpy(tss + f->flags, &flags, f->width);
    for (unsigned i = 0; i < 8; i++)
        memcpy(tss + f->gpr + i * f->width, &cpu->gpr[i], f->width);
    for (unsigned i = 0; i < f->segments; i++)
        memcpy(tss + f->segment + i * f->step, &cpu->segment[i].selector, 2);
    memory_write_bytes(t->e, &t->saved, tss + f->ip);
}

static uint32_t tss_field(const struct task_change *t, unsigned offset, unsigned bytes) {
    uint32_t value = 0;
    memcpy(&value, t->tss + offset, bytes);
    return value;
}

// NMIs are blocked by a task that an NMI began, until an IRET (SDM 3A 6.7.1).
static uint32_t nmi_blocked(const struct task_change *t) {
    if (t->request->source == TASK_GATE && (t->request->event & EVENT_TYPE) == EVENT_NMI)
        return VCPU_NMI_BLOCKED;
    return t->request->source == TASK_IRET ? 0 : t->e->cpu->interruptibility & VCPU_NMI_BLOCKED;
}

// Selectors alone; what is not loaded in the end cannot be used, but by what delivers the exception.
static void set_selectors(const struct task_change *t) {
    struct vcpu_page *cpu = t->e->cpu;
    bool vm86 = (cpu->rflags & RFLAGS_VM) != 0;
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++) {
        uint16_t selector = 0;
        if (i < t->format->segments)
            selector = (uint16_t)tss_field(t, t->format->segment + i * t->format->step, 2);
        cpu->segment[i] = vm86 ? (struct vcpu_segment){selector, 0xf3, 0xffff, (uint64_t)selector << 4}
                               : (struct vcpu_segment){.selector = selector};
    }
    cpu->segment[SEGMENT_LDTR] = (struct vcpu_segment){.selector = (uint16_t)tss_field(t, t->format->ldt, 2)};
    cpu->cpl = vm86 ? 3 : SELECTOR_RPL(cpu->segment[SEGMENT_CS].selector);
    if (vm86)
        return;
    // The entry wants code that fits the privilege (SDM 3C 27.3.1.2).
    cpu->segment[SEGMENT_CS].attributes = (uint16_t)(0x9b | cpu->cpl << 5);
    cpu->segment[SEGMENT_CS].limit = 0xffff;
    cpu->segment[SEGMENT_SS].attributes = (uint16_t)(cpu->cpl << 5);
}

static void set_registers(const struct task_change *t) {
    struct vcpu_page *cpu = t->e->cpu;
    const struct tss_format *f = t->format;
    uint64_t flags = tss_field(t, f->flags, f->width);
    if (t->request->source == TASK_CALL || t->request->source == TASK_GATE)
        flags |= TASK_RFLAGS_NT;
    cpu->interruptibility = nmi_blocked(t);
    cpu->segment[SEGMENT_TR] = t->tr;
    cpu->cr0 |= CR0_TS;
    if (f == &tss32 && (cpu->cr0 & CR0_PG))
        cpu->cr3 = tss_field(t, TSS_CR3, 4);
    cpu->rip = tss_field(t, f->ip, f->width);
    cpu->rflags = (flags & TASK_RFLAGS) | TASK_RFLAGS_FIXED;
    for (unsigned i = 0; i < 8; i++)
        cpu->gpr[i] = tss_field(t, f->gpr + i * f->width, f->width);
    if (cpu->dr7 & DR7_LOCAL)
        cpu->dirty |= GROUP_DEBUG;
    cpu->dr7 &= ~DR7_LOCAL;
    cpu->dirty |= GROUP_RIP | GROUP_CONTROL | GROUP_CS_SS | GROUP_SEGMENT;
}

static void change(struct task_change *t) {
    set_busy(t, &t->old_busy, false);
    save(t);
    if (t->link.piece[0].bytes)
        memory_write(t->e, &t->link, t->old_selector);
    set_busy(t, &t->busy, true);
    memory_read_bytes(t->e, &t->incoming, t->tss); // last: it may be the old one's, too
    set_registers(t);
    set_selectors(t);
}

// ---- In the new task

// The entries that CR3 loads with PAE paging (SDM 3A 4.4.1), if they can be.
static enum emulate_result load_pointers(const struct task_change *t) {
    struct vcpu_page *cpu = t->e->cpu;
    const struct page_walk_memory *memory = &t->e->host->memory;
    uint64_t reserved = 0xfff00000000001e6ull | (0x000ffffffffff000ull & ~((1ull << t->e->physical_bits) - 1));
    if (t->format != &tss32 || !(cpu->cr0 & CR0_PG) || !(cpu->cr4 & CR4_PAE))
        return EMULATE_DONE;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t at = (cpu->cr3 & 0xffffffe0) + 8 * i;
        const void *ram = memory->pointer(memory->context, at, 8, false);
        if (ram)
            memcpy(&cpu->pdpte[i], ram, 8);
        else
            cpu->pdpte[i] = memory->device_read(memory->context, at, 8);
        if ((cpu->pdpte[i] & 1) && (cpu->pdpte[i] & reserved)) {
            cpu->pdpte[i] = 0;
            return fault(t, VECTOR_GP, 0);
        }
    }
    return EMULATE_DONE;
}

static enum emulate_result load_ldt(const struct task_change *t) {
    uint16_t selector = t->e->cpu->segment[SEGMENT_LDTR].selector;
    uint64_t at, descriptor;
    if (SELECTOR_NULL(selector))
        return selector & SELECTOR_LOCAL ? fault(t, VECTOR_TS, selector) : EMULATE_DONE;
    if ((selector & SELECTOR_LOCAL) || !descriptor_at(t, selector, &at))
        return fault(t, VECTOR_TS, selector);
    TRY(read_system(t, at, sizeof descriptor, &descriptor));
    unsigned vector = task_ldt_fault(descriptor);
    if (vector)
        return fault(t, vector, selector);
    t->e->cpu->segment[SEGMENT_LDTR] = segment_of(selector, descriptor);
    return EMULATE_DONE;
}

static unsigned segment_fault(enum vcpu_segment_name name, uint64_t descriptor, unsigned rpl, unsigned cpl) {
    if (name == SEGMENT_CS)
        return task_code_fault(descriptor, rpl);
    return name == SEGMENT_SS ? task_stack_fault(descriptor, rpl, cpl) : task_data_fault(descriptor, rpl, cpl);
}

static enum emulate_result load_segment(const struct task_change *t, enum vcpu_segment_name name) {
    struct vcpu_page *cpu = t->e->cpu;
    uint16_t selector = cpu->segment[name].selector;
    uint64_t at, descriptor;
    if (SELECTOR_NULL(selector))
        return name == SEGMENT_CS || name == SEGMENT_SS ? fault(t, VECTOR_TS, selector) : EMULATE_DONE;
    if (!descriptor_at(t, selector, &at))
        return fault(t, VECTOR_TS, selector);
    TRY(read_system(t, at, sizeof descriptor, &descriptor));
    unsigned vector = segment_fault(name, descriptor, SELECTOR_RPL(selector), cpu->cpl);
    if (vector)
        return fault(t, vector, selector);
    if (!(descriptor & DESCRIPTOR_ACCESSED)) {
        struct memory_access type;
        TRY(prepare(t, at + TSS_BUSY_BYTE, 1, ACCESS_WRITE, &type));
        descriptor |= DESCRIPTOR_ACCESSED;
        memory_write(t->e, &type, descriptor >> 40 & 0xff);
    }
    cpu->segment[name] = segment_of(selector, descriptor);
    return EMULATE_DONE;
}

static enum emulate_result load_segments(const struct task_change *t) {
    static const enum vcpu_segment_name order[] = {SEGMENT_SS, SEGMENT_CS, SEGMENT_DS,
                                                   SEGMENT_ES, SEGMENT_FS, SEGMENT_GS}; // that of table 7-1
    TRY(load_pointers(t));
    TRY(load_ldt(t));
    if (t->e->cpu->rflags & RFLAGS_VM)
        return EMULATE_DONE;
    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++)
        TRY(load_segment(t, order[i]));
    return EMULATE_DONE;
}

static enum emulate_result push_error(const struct task_change *t) {
    struct vcpu_page *cpu = t->e->cpu;
    uint64_t mask = cpu->segment[SEGMENT_SS].attributes & SEGMENT_BIG ? 0xffffffff : 0xffff;
    uint64_t rsp = (cpu->gpr[RSP] - t->format->width) & mask;
    struct memory_access access;
    if (!(t->request->event & EVENT_ERROR_VALID))
        return EMULATE_DONE;
    if (!segment_covers(t->e, SEGMENT_SS, rsp, t->format->width))
        return fault(t, VECTOR_SS, 0);
    TRY(memory_prepare(t->e, SEGMENT_SS, rsp, t->format->width, ACCESS_WRITE, &access));
    memory_write(t->e, &access, t->request->event >> 32);
    cpu->gpr[RSP] = (cpu->gpr[RSP] & ~mask) | rsp;
    return EMULATE_DONE;
}

enum emulate_result task_switch(struct emulate *e, const struct task_request *request) {
    struct vcpu_page *cpu = e->cpu;
    struct task_change t = {.e = e, .request = request};
    t.external = request->source == TASK_GATE && !event_by_instruction(request->event);
    e->gpa_known = false;
    TRY(find(&t));
    TRY(prepare_tasks(&t));
    change(&t);
    TRY(load_segments(&t));
    if (request->source == TASK_GATE)
        TRY(push_error(&t));
    if (cpu->rip > cpu->segment[SEGMENT_CS].limit)
        return fault(&t, VECTOR_GP, 0);
    if (t.format == &tss32 && (tss_field(&t, TSS_TRAP, 1) & 1)) {
        cpu->dr6 |= DR6_TASK_SWITCH;
        cpu->dirty |= GROUP_DEBUG;
        return emulate_raise(e, VECTOR_DB, false, 0);
    }
    return EMULATE_DONE;
}
