// Emulated string instructions. A REP is done in batches: as many elements as lie in the pages at hand are addressed
// once, and after a bound the guest is entered again, so that interrupts are taken between batches as between
// iterations.
#include "dom0/vmm/emulate_operation.h"
#include "lib/string.h"

#define BATCH_ELEMENTS_MAX 16384u

// What an operation accesses.
#define AT_SOURCE      1u // segment:RSI
#define AT_DESTINATION 2u // ES:RDI
#define WRITES         4u // to the destination
#define AT_PORT        8u
#define COMPARES       16u // REP ends by ZF

static const uint8_t traits[OPERATION_COUNT] = {
    [OPERATION_MOVS] = AT_SOURCE | AT_DESTINATION | WRITES,
    [OPERATION_STOS] = AT_DESTINATION | WRITES,
    [OPERATION_LODS] = AT_SOURCE,
    [OPERATION_CMPS] = AT_SOURCE | AT_DESTINATION | COMPARES,
    [OPERATION_SCAS] = AT_DESTINATION | COMPARES,
    [OPERATION_INS] = AT_DESTINATION | WRITES | AT_PORT,
    [OPERATION_OUTS] = AT_SOURCE | AT_PORT,
};

struct batch {
    uint8_t traits;
    unsigned width;
    unsigned count; // elements
    struct memory_access source, destination;
};

// How many of `count` elements at segment:offset lie in one page, within the segment, and without wrapping.
static uint64_t fit(const struct emulate *e, unsigned segment, uint64_t offset, uint64_t count) {
    unsigned width = e->instruction->width;
    uint64_t page_left = PAGE_SIZE - segment_linear(e, segment, offset) % PAGE_SIZE;
    uint64_t to_wrap = bytes_mask(e->instruction->address_bytes) - offset;
    if (count > page_left / width)
        count = page_left / width;
    if (count > to_wrap / width)
        count = to_wrap / width;
    if (count > 1 && !segment_covers(e, segment, offset, count * width))
        count = 1;
    return count ? count : 1; // one across two pages
}

static enum emulate_result batch_prepare(struct emulate *e, struct batch *batch, uint64_t wanted) {
    const struct instruction *i = e->instruction;
    uint64_t mask = bytes_mask(i->address_bytes);
    uint64_t source = e->cpu->gpr[RSI] & mask, destination = e->cpu->gpr[RDI] & mask;
    if ((e->cpu->rflags & RFLAGS_DF) || (e->cpu->rflags & RFLAGS_TF))
        wanted = 1;
    if (batch->traits & AT_SOURCE)
        wanted = fit(e, i->memory.segment, source, wanted);
    if (batch->traits & AT_DESTINATION)
        wanted = fit(e, SEGMENT_ES, destination, wanted);
    batch->count = (unsigned)wanted;
    enum emulate_result status = EMULATE_DONE;
    if (batch->traits & AT_SOURCE)
        status = memory_prepare(e, i->memory.segment, source, batch->count * i->width, 0, &batch->source);
    if (status == EMULATE_DONE && (batch->traits & AT_DESTINATION))
        status = memory_prepare(e, SEGMENT_ES, destination, batch->count * i->width,
                                batch->traits & WRITES ? ACCESS_WRITE : 0, &batch->destination);
    return status;
}

// Element n of what was prepared; a batch of one may cross pages, others do not.
static struct memory_access element(const struct batch *batch, const struct memory_access *access, unsigned n) {
    struct memory_access one = *access;
    if (batch->count == 1)
        return one;
    one.piece[0].gpa += n * batch->width;
    if (one.piece[0].ram)
        one.piece[0].ram += n * batch->width;
    one.piece[0].bytes = batch->width;
    one.piece[1].bytes = 0;
    return one;
}

// CMPS and SCAS compare one element; true if a REP ends with it.
static bool compare(struct emulate *e, const struct batch *batch, unsigned n) {
    struct memory_access at = element(batch, &batch->destination, n);
    uint64_t right = memory_read(e, &at), left = e->cpu->gpr[RAX];
    if (batch->traits & AT_SOURCE) {
        at = element(batch, &batch->source, n);
        left = memory_read(e, &at);
    }
    arithmetic(OPERATION_CMP, left, right, batch->width, &e->cpu->rflags);
    bool equal = (e->cpu->rflags & RFLAGS_ZF) != 0;
    return e->instruction->prefixes & PREFIX_REPNE ? equal : !equal;
}

static void port_element(struct emulate *e, const struct batch *batch, unsigned n) {
    const struct emulate_host *host = e->host;
    uint16_t port = (uint16_t)e->cpu->gpr[RDX];
    uint64_t value = 0;
    if (batch->traits & AT_SOURCE) {
        struct memory_access at = element(batch, &batch->source, n);
        value = memory_read(e, &at);
        host->port_write(host->context, port, batch->width, &value, 1);
    } else {
        struct memory_access at = element(batch, &batch->destination, n);
        host->port_read(host->context, port, batch->width, &value, 1);
        memory_write(e, &at, value);
    }
}

// Ports move whole batches where the memory is RAM.
static void batch_port(struct emulate *e, const struct batch *batch) {
    const struct emulate_host *host = e->host;
    const struct memory_access *memory = batch->traits & AT_SOURCE ? &batch->source : &batch->destination;
    uint16_t port = (uint16_t)e->cpu->gpr[RDX];
    if (!memory->piece[0].ram || memory->piece[0].bytes != batch->count * batch->width) {
        for (unsigned n = 0; n < batch->count; n++)
            port_element(e, batch, n);
    } else if (batch->traits & AT_SOURCE) {
        host->port_write(host->context, port, batch->width, memory->piece[0].ram, batch->count);
    } else {
        host->port_read(host->context, port, batch->width, memory->piece[0].ram, batch->count);
    }
}

static void move_element(struct emulate *e, const struct batch *batch, unsigned n) {
    uint64_t value = e->cpu->gpr[RAX];
    struct memory_access at;
    if (batch->traits & AT_SOURCE) {
        at = element(batch, &batch->source, n);
        value = memory_read(e, &at);
    }
    if (batch->traits & WRITES) {
        at = element(batch, &batch->destination, n);
        memory_write(e, &at, value);
    } else {
        register_write(e->cpu, RAX, batch->width, value); // LODS
    }
}

// Executes a prepared batch; returns the elements done. *ended: a comparison ended the REP.
static unsigned batch_execute(struct emulate *e, const struct batch *batch, bool *ended) {
    if (batch->traits & AT_PORT) {
        batch_port(e, batch);
        return batch->count;
    }
    for (unsigned n = 0; n < batch->count; n++) {
        if (!(batch->traits & COMPARES)) {
            move_element(e, batch, n);
        } else if (compare(e, batch, n)) {
            *ended = true;
            return n + 1;
        }
    }
    return batch->count;
}

static void advance(struct emulate *e, const struct batch *batch, unsigned done, bool repeats) {
    struct vcpu_page *cpu = e->cpu;
    unsigned address_bytes = e->instruction->address_bytes;
    uint64_t step = (uint64_t)done * batch->width;
    if (cpu->rflags & RFLAGS_DF)
        step = -step;
    if (batch->traits & AT_SOURCE)
        register_write(cpu, RSI, address_bytes, cpu->gpr[RSI] + step);
    if (batch->traits & AT_DESTINATION)
        register_write(cpu, RDI, address_bytes, cpu->gpr[RDI] + step);
    if (repeats)
        register_write(cpu, RCX, address_bytes, cpu->gpr[RCX] - done);
}

enum emulate_result emulate_string(struct emulate *e) {
    const struct instruction *i = e->instruction;
    struct vcpu_page *cpu = e->cpu;
    bool repeats = (i->prefixes & (PREFIX_REP | PREFIX_REPNE)) != 0, ended = false;
    struct batch batch = {.traits = traits[i->operation], .width = i->width};
    unsigned budget = BATCH_ELEMENTS_MAX;
    if ((batch.traits & (AT_SOURCE | AT_DESTINATION)) == (AT_SOURCE | AT_DESTINATION))
        e->gpa_known = false;
    for (bool progress = false;; progress = true) {
        uint64_t left = repeats ? cpu->gpr[RCX] & bytes_mask(i->address_bytes) : 1;
        if (left == 0 || ended)
            return EMULATE_DONE;
        if (budget == 0)
            return EMULATE_AGAIN;
        enum emulate_result status = batch_prepare(e, &batch, left < budget ? left : budget);
        if (status != EMULATE_DONE) // a fault after progress comes again by itself, with the registers as they are now
            return progress ? EMULATE_AGAIN : status;
        e->gpa_known = false;
        unsigned done = batch_execute(e, &batch, &ended);
        advance(e, &batch, done, repeats);
        if (!repeats)
            return EMULATE_DONE;
        budget -= done;
        if ((cpu->rflags & RFLAGS_TF) && !ended && (cpu->gpr[RCX] & bytes_mask(i->address_bytes)) != 0) {
            e->single_step = true; // a trap after each iteration
            return EMULATE_AGAIN;
        }
    }
}

#define TSS_IO_MAP_BASE 102u // (SDM 3A 8.7)

// May the current program use a port? The CPU asked the same of the instruction that exited, but the code may have
// changed since (SDM 1 19.5).
static enum emulate_result port_permitted(struct emulate *e, uint16_t port, unsigned width) {
    const struct vcpu_page *cpu = e->cpu;
    const struct vcpu_segment *tss = &cpu->segment[SEGMENT_TR];
    bool virtual_8086 = (cpu->rflags & RFLAGS_VM) != 0;
    if (!(cpu->cr0 & CR0_PE) || (!virtual_8086 && cpu->cpl <= (cpu->rflags >> 12 & 3)))
        return EMULATE_DONE;
    struct memory_access access;
    if (!(tss->attributes & 8) || tss->limit < TSS_IO_MAP_BASE + 1) // of 286, or without a map
        return emulate_raise(e, VECTOR_GP, true, 0);
    TRY(linear_prepare(e, tss->base + TSS_IO_MAP_BASE, 2, ACCESS_SYSTEM, &access));
    uint32_t at = (uint32_t)memory_read(e, &access) + port / 8u;
    if (at + 1 > tss->limit)
        return emulate_raise(e, VECTOR_GP, true, 0);
    TRY(linear_prepare(e, tss->base + at, 2, ACCESS_SYSTEM, &access));
    bool denied = memory_read(e, &access) >> port % 8 & ((1u << width) - 1);
    return denied ? emulate_raise(e, VECTOR_GP, true, 0) : EMULATE_DONE;
}

enum emulate_result emulate_port_string(struct emulate *e) {
    e->gpa_known = false;
    TRY(port_permitted(e, (uint16_t)e->cpu->gpr[RDX], e->instruction->width));
    return emulate_string(e);
}
