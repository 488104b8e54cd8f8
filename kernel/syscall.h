// What the handlers of system calls have in common.
#pragma once
#include "kernel/pd.h"
#include "kernel/thread.h"

// Arguments of a call, read once from the registers.
struct call {
    struct thread *thread;
    struct pd *pd;
    uint64_t a[6];
    uint64_t result; // RDX
};

#define LOOKUP(name, type, selector, kind, rights)                                                                     \
    int name##_status;                                                                                                 \
    type *name = (type *)(void *)pd_object(call->pd, selector, kind, rights, &name##_status);                          \
    if (!name)                                                                                                         \
        return name##_status;

#define LOOKUP_THREAD(name, selector, rights)                                                                          \
    LOOKUP(name##_object, struct object, selector, OBJECT_THREAD, rights)                                              \
    struct thread *name = CONTAINER(name##_object, struct thread, object);

// delegate.c
int sys_delegate(struct call *call);
