// Delegation of memory, I/O ports and capabilities.
#include "kernel/memory.h"
#include "kernel/space.h"
#include "kernel/syscall.h"

struct delegation {
    uint64_t source_address, target_address;
    unsigned rights, order;
    bool uncached, own;
};

static int delegate_memory(struct call *call, struct delegation d) {
    struct capability target = captable_get(&call->pd->captable, call->a[2]);
    struct space *space;
    bool foreign = false;
    if (target.kind == OBJECT_PD) {
        LOOKUP(pd, struct pd, call->a[2], OBJECT_PD, RIGHT_USE)
        space = &pd->host;
        foreign = pd != call->pd;
    } else {
        LOOKUP(guest, struct space, call->a[2], OBJECT_SPACE, RIGHT_USE)
        space = guest;
        foreign = guest->pd != call->pd;
    }
    if (foreign && !capability_has(target, RIGHT_GRANT))
        return ERROR_RIGHTS;
    if (d.rights == 0)
        return space_unmap(space, d.target_address, d.order);
    struct capability source = captable_get(&call->pd->captable, call->a[0]);
    uint64_t hpa = d.source_address;
    if (source.kind == OBJECT_PD) {
        LOOKUP(pd, struct pd, call->a[0], OBJECT_PD, 0)
        struct space_leaf leaf;
        if (pd != call->pd)
            return ERROR_RIGHTS;
        if (!space_lookup(&pd->host, d.source_address, &leaf))
            return ERROR_ABSENT;
        if (leaf.order < d.order)
            return ERROR_SPLIT;
        if (d.source_address % (PAGE_SIZE << d.order))
            return ERROR_ARGUMENT;
        hpa = leaf.hpa;
        d.rights &= leaf.rights | (space->use == SPACE_GUEST ? (unsigned)DELEGATE_EXECUTE : 0);
        d.uncached |= leaf.uncached;
        d.own = false;
        if (d.rights == 0)
            return ERROR_RIGHTS;
    } else {
        LOOKUP(memory, struct object, call->a[0], OBJECT_MEMORY, 0)
        if (memory_is_kernel_device(hpa, 1ull << d.order))
            return ERROR_BUSY;
    }
    return space_map(space, d.target_address, hpa, d.order, d.rights, d.uncached,
                     d.own ? space->pd->id : FRAME_OWNER_NONE);
}

static int delegate_ports(struct call *call, struct delegation d) {
    LOOKUP(target, struct pd, call->a[2], OBJECT_PD, RIGHT_USE | RIGHT_GRANT)
    if (d.rights != 0) {
        LOOKUP(ports, struct object, call->a[0], OBJECT_PORTS, 0)
        if (d.source_address != d.target_address)
            return ERROR_ARGUMENT;
    }
    return pd_set_ports(target, d.target_address, d.order, d.rights != 0);
}

static int delegate_capability(struct call *call, struct delegation d) {
    LOOKUP(target, struct pd, call->a[2], OBJECT_PD, RIGHT_USE)
    struct capability over = captable_get(&call->pd->captable, call->a[2]);
    if (d.order != 0)
        return ERROR_ARGUMENT;
    if (target != call->pd && !capability_has(over, RIGHT_GRANT))
        return ERROR_RIGHTS;
    if (d.rights == 0) {
        captable_remove(&target->captable, d.target_address);
        return OK;
    }
    struct capability source = captable_get(&call->pd->captable, d.source_address);
    int status;
    if (call->a[0] != SELECTOR_SELF || !capability_object(source, source.kind, 0, &status))
        return ERROR_CAPABILITY;
    if (!captable_can_insert(&target->captable, d.target_address))
        return ERROR_BUSY;
    captable_insert(&target->captable, d.target_address, capability_reduce(source, (uint16_t)d.rights));
    return OK;
}

int sys_delegate(struct call *call) {
    uint64_t attributes = call->a[4];
    struct delegation d = {
        .source_address = call->a[1],
        .target_address = call->a[3],
        .rights = attributes & 7,
        .order = attributes >> 8 & 0xff,
        .uncached = (attributes & DELEGATE_UNCACHED) != 0,
        .own = (attributes & DELEGATE_OWN) != 0,
    };
    switch (attributes & (0xfull << 16)) {
    case DELEGATE_MEMORY:
        return d.order > 18 ? ERROR_ARGUMENT : delegate_memory(call, d);
    case DELEGATE_PORT:
        return delegate_ports(call, d);
    case DELEGATE_CAPABILITY:
        return delegate_capability(call, d);
    default:
        return ERROR_ARGUMENT;
    }
}
