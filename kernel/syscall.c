// System calls: each handler fetches and checks all that it needs, then commits. The table is the ABI's numbering.
#include "kernel/syscall.h"
#include "kernel/clock.h"
#include "kernel/hardware.h"
#include "kernel/index.h"
#include "kernel/instructions.h"
#include "kernel/interrupt.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/portal.h"
#include "kernel/scheduler.h"
#include "kernel/semaphore.h"
#include "kernel/vcpu.h"
#include "lib/string.h"

#define SLOTS_MAX     65536u
#define AGAIN         (1 << 30) // no status of the ABI: the thread makes the call again, and interrupts come before
#define SYSCALL_BYTES 2u        // length of the instruction

static bool can_insert(const struct call *call) {
    return captable_can_insert(&call->pd->captable, call->a[0]);
}

static int insert(const struct call *call, struct object *object, uint16_t rights) {
    captable_insert(&call->pd->captable, call->a[0], capability_to(object, rights));
    return OK;
}

static struct cpu *cpu_of(uint64_t id) {
    return id < cpu_count ? cpus[index_clamp(id, cpu_count)] : NULL;
}

static int sys_create_pd(struct call *call) {
    uint64_t slots = call->a[1], quota = call->a[2];
    struct capability supervisor = CAPABILITY_NULL;
    LOOKUP(creator, struct pd, SELECTOR_SELF, OBJECT_PD, RIGHT_USE)
    if (creator != call->pd)
        return ERROR_CAPABILITY;
    if (creator->depth == PD_DEPTH_MAX)
        return ERROR_ARGUMENT;
    if (slots < SELECTOR_FIRST_FREE || slots > SLOTS_MAX)
        return ERROR_ARGUMENT;
    if (call->a[3] != NO_SELECTOR) {
        LOOKUP(semaphore, struct object, call->a[3], OBJECT_SEMAPHORE, RIGHT_USE)
        supervisor = capability_to(semaphore, 0);
    }
    if (!can_insert(call))
        return ERROR_BUSY;
    struct pd *pd = pd_create(creator, slots, quota, supervisor);
    return pd ? insert(call, &pd->object, RIGHT_ALL) : ERROR_MEMORY;
}

static int sys_create_space(struct call *call) {
    LOOKUP(pd, struct pd, call->a[1], OBJECT_PD, RIGHT_USE)
    if (call->a[2] != SPACE_GUEST_PHYSICAL)
        return ERROR_ARGUMENT;
    if (!can_insert(call))
        return ERROR_BUSY;
    struct space *space = (struct space *)object_create(OBJECT_SPACE, pd);
    if (!space)
        return ERROR_MEMORY;
    if (!space_init(space, pd, SPACE_GUEST)) {
        object_free(&space->object);
        return ERROR_MEMORY;
    }
    return insert(call, &space->object, RIGHT_ALL);
}

static int sys_create_thread(struct call *call) {
    LOOKUP(pd, struct pd, call->a[1], OBJECT_PD, RIGHT_USE)
    LOOKUP(page, struct kernel_page, call->a[2], OBJECT_PAGE, RIGHT_USE)
    struct cpu *cpu = cpu_of(call->a[3]);
    uint64_t entry = call->a[4], stack = call->a[5];
    if (!cpu || page->pd != pd || entry >= USER_TOP || stack >= USER_TOP)
        return ERROR_ARGUMENT;
    if (!can_insert(call) || page->users)
        return ERROR_BUSY;
    if (pd->ended)
        return ERROR_GONE;
    struct thread *thread;
    int status = thread_create(pd, page, cpu, entry, stack, &thread);
    return status == OK ? insert(call, &thread->object, RIGHT_ALL) : status;
}

static int sys_create_portal(struct call *call) {
    LOOKUP_THREAD(server, call->a[1], RIGHT_CONTROL)
    if (!can_insert(call))
        return ERROR_BUSY;
    struct portal *portal;
    int status = portal_create(call->pd, server, call->a[2], &portal);
    return status == OK ? insert(call, &portal->object, RIGHT_ALL) : status;
}

static int sys_create_semaphore(struct call *call) {
    LOOKUP(pd, struct pd, call->a[1], OBJECT_PD, RIGHT_USE)
    struct thread *bound = NULL;
    if (call->a[3] != NO_SELECTOR) {
        LOOKUP_THREAD(thread, call->a[3], RIGHT_CONTROL)
        bound = thread;
    }
    if (bound && call->a[4] > 63)
        return ERROR_ARGUMENT;
    if (!can_insert(call))
        return ERROR_BUSY;
    struct semaphore *semaphore;
    int status = semaphore_create(pd, call->a[2], bound, (unsigned)call->a[4], &semaphore);
    return status == OK ? insert(call, &semaphore->object, RIGHT_ALL) : status;
}

static int sys_create_page(struct call *call) {
    LOOKUP(pd, struct pd, call->a[1], OBJECT_PD, RIGHT_USE)
    if (!can_insert(call))
        return ERROR_BUSY;
    struct kernel_page *page;
    int status = kernel_page_create(pd, call->a[2], &page);
    return status == OK ? insert(call, &page->object, RIGHT_ALL) : status;
}

static int sys_create_vcpu(struct call *call) {
    LOOKUP(guest, struct space, call->a[1], OBJECT_SPACE, RIGHT_USE)
    LOOKUP(state, struct kernel_page, call->a[2], OBJECT_PAGE, RIGHT_USE)
    LOOKUP(apic, struct kernel_page, call->a[3], OBJECT_PAGE, RIGHT_USE)
    struct cpu *cpu = cpu_of(call->a[4]);
    if (!cpu || state == apic || guest->pd != call->pd || state->pd != call->pd || apic->pd != call->pd)
        return ERROR_ARGUMENT; // what a vCPU uses has to live as long as it
    if (!can_insert(call) || state->users || apic->users)
        return ERROR_BUSY;
    struct vcpu *vcpu;
    int status = vcpu_create(call->pd, guest, state, apic, cpu, &vcpu);
    return status == OK ? insert(call, &vcpu->object, RIGHT_ALL) : status;
}

static int sys_destroy(struct call *call) {
    struct capability capability = captable_get(&call->pd->captable, call->a[0]);
    if (capability.kind < OBJECT_PD || capability.kind > OBJECT_VCPU)
        return ERROR_CAPABILITY;
    int status;
    struct object *object = capability_object(capability, capability.kind, RIGHT_CONTROL, &status);
    if (!object && status == ERROR_CAPABILITY) {
        captable_remove(&call->pd->captable, call->a[0]); // names nothing any more
        return OK;
    }
    if (!object)
        return status;
    if (object == &call->pd->object)
        return ERROR_ARGUMENT; // PD_EXIT ends oneself
    if (capability.kind == OBJECT_PAGE && ((struct kernel_page *)object)->users)
        return ERROR_BUSY;
    if (capability.kind == OBJECT_PD && !pd_is_within(call->pd, (struct pd *)object) && !pd_shrink((struct pd *)object))
        return AGAIN;
    captable_remove(&call->pd->captable, call->a[0]); // first: the own table may go with an ancestor
    object_destroy(object);
    return OK;
}

// ---- control

static int thread_set_priority(struct thread *thread, uint64_t priority) {
    if (priority > thread->pd->priority_max)
        return ERROR_ARGUMENT;
    thread->priority = (uint8_t)priority;
    call_update_priority(thread);
    return OK;
}

static int thread_set_cpu(struct thread *thread, uint64_t id) {
    struct cpu *cpu = cpu_of(id);
    if (!cpu)
        return ERROR_ARGUMENT;
    thread->cpu_wanted = cpu;
    if (thread->wait == WAIT_START) {
        thread->cpu = cpu;
    } else if (thread->cpu != cpu) {
        thread->cpu->reschedule = true;
        cpu_notify(thread->cpu);
    }
    return OK;
}

static void thread_get(const struct thread *thread, struct message_buffer *buffer) {
    struct thread_statistics statistics = {
        .run_tsc = thread->run_tsc,
        .cpu = thread->cpu->id,
        .state = thread->wait == WAIT_ENDED     ? THREAD_STATE_DEAD
                 : thread->paused               ? THREAD_STATE_PAUSED
                 : thread->wait == WAIT_NOTHING ? THREAD_STATE_RUNNABLE
                                                : THREAD_STATE_BLOCKED,
        .exits = thread->exits,
    };
    memcpy(buffer->result, &statistics, sizeof(statistics));
}

static int sys_thread_control(struct call *call) {
    LOOKUP_THREAD(thread, call->a[0], call->a[1] == THREAD_SIGNAL ? RIGHT_USE : RIGHT_CONTROL)
    switch (call->a[1]) {
    case THREAD_START:
        if (thread->wait != WAIT_START)
            return ERROR_BUSY;
        thread_start(thread, call->a[2]);
        return OK;
    case THREAD_SET_PRIORITY:
        return thread_set_priority(thread, call->a[2]);
    case THREAD_SET_CPU:
        return thread_set_cpu(thread, call->a[2]);
    case THREAD_SET_FS_BASE:
        if (call->a[2] >= USER_TOP)
            return ERROR_ARGUMENT;
        thread->fs_base = call->a[2];
        return OK;
    case THREAD_SIGNAL:
        thread_signal(thread, call->a[2]);
        return OK;
    case THREAD_PAUSE:
    case THREAD_RESUME:
        if (thread->wait == WAIT_ENDED)
            return ERROR_GONE;
        thread_set_paused(thread, call->a[1] == THREAD_PAUSE);
        return OK;
    case THREAD_GET:
        scheduler_account();
        thread_get(thread, call->thread->buffer);
        return OK;
    default:
        return ERROR_SYSCALL;
    }
}

static int sys_semaphore_control(struct call *call) {
    LOOKUP(semaphore, struct semaphore, call->a[0], OBJECT_SEMAPHORE,
           call->a[1] == SEMAPHORE_UP ? RIGHT_USE : RIGHT_CONTROL)
    switch (call->a[1]) {
    case SEMAPHORE_UP:
        semaphore_up(semaphore);
        return OK;
    case SEMAPHORE_DOWN:
        semaphore_down(call->thread, semaphore, call->a[2]);
        call->result = call->thread->regs.gpr[RDX];
        return (int)call->thread->regs.gpr[RAX];
    case SEMAPHORE_TAKE:
        call->result = semaphore->count;
        semaphore->count = 0;
        return OK;
    case SEMAPHORE_ACK:
        interrupt_acknowledge(semaphore);
        return OK;
    default:
        return ERROR_SYSCALL;
    }
}

static uint64_t pd_run_tsc(const struct pd *pd) {
    uint64_t sum = pd->run_tsc;
    for (const struct list_node *at = pd->owned.next; at != &pd->owned; at = at->next) {
        struct object *object = CONTAINER(at, struct object, in_owner);
        if (object->kind == OBJECT_THREAD)
            sum += CONTAINER(object, struct thread, object)->run_tsc;
    }
    return sum;
}

static int pd_exit(struct call *call, struct pd *pd) {
    struct pd_fault fault = {.vector = PD_FAULT_EXIT, .exit_status = call->a[2], .rip = call->thread->regs.rip};
    pd_end(pd, &fault);
    return OK;
}

static int pd_address_lookup(struct call *call, const struct pd *pd) {
    struct space_leaf leaf;
    if (!space_lookup(&pd->host, call->a[2], &leaf))
        return ERROR_ABSENT;
    call->result = (leaf.hpa & ~(PAGE_SIZE - 1)) | leaf.rights;
    return OK;
}

static int pd_set_schedule(struct pd *pd, uint64_t schedule) {
    uint64_t priority = schedule & 0xffff, weight = schedule >> 16 & 0xffff, cap = schedule >> 32;
    if (priority > 255 || weight == 0 || cap > 100 * CPUS_MAX)
        return ERROR_ARGUMENT;
    pd->priority_max = (uint8_t)priority;
    pd->weight = (uint16_t)weight;
    pd->cap_percent = (uint32_t)cap;
    return OK;
}

static int sys_pd_control(struct call *call) {
    bool grant = call->a[1] == PD_LOOKUP || call->a[1] == PD_SET_SCHEDULE;
    LOOKUP(pd, struct pd, call->a[0], OBJECT_PD, grant ? RIGHT_GRANT : RIGHT_CONTROL)
    if (grant && call->pd->object.owner)
        return ERROR_RIGHTS; // who creates a domain may all on it, but only init decides on shares and sees addresses
    struct message_buffer *buffer = call->thread->buffer;
    switch (call->a[1]) {
    case PD_GET: {
        scheduler_account();
        struct pd_statistics statistics = {pd->quota.bytes, pd->quota.used, pd->threads, pd_run_tsc(pd),
                                           captable_taken(&pd->captable)};
        memcpy(buffer->result, &statistics, sizeof(statistics));
        return OK;
    }
    case PD_GET_FAULT:
        if (!pd->has_fault)
            return ERROR_ABSENT;
        memcpy(buffer->result, &pd->fault, sizeof(pd->fault));
        return OK;
    case PD_EXIT:
        return pd_exit(call, pd);
    case PD_SET_SCHEDULE:
        return pd_set_schedule(pd, call->a[2]);
    case PD_LOOKUP:
        return pd_address_lookup(call, pd);
    default:
        return ERROR_SYSCALL;
    }
}

static int sys_vcpu_control(struct call *call) {
    LOOKUP(vcpu, struct vcpu, call->a[0], OBJECT_VCPU, call->a[1] == VCPU_FETCH ? RIGHT_CONTROL : RIGHT_USE)
    switch (call->a[1]) {
    case VCPU_POKE:
        vcpu_poke(vcpu);
        return OK;
    case VCPU_KICK:
        vcpu_kick(vcpu);
        return OK;
    case VCPU_FETCH:
        return vcpu_fetch(vcpu, (uint32_t)call->a[2]);
    default:
        return ERROR_SYSCALL;
    }
}

static int sys_hardware_control(struct call *call) {
    LOOKUP(hardware, struct object, call->a[0], OBJECT_HARDWARE, RIGHT_CONTROL)
    switch (call->a[1]) {
    case HARDWARE_MAP_INFO: {
        LOOKUP(pd, struct pd, call->a[3], OBJECT_PD, RIGHT_USE)
        return hardware_map_info(pd, call->a[2]);
    }
    case HARDWARE_RELEASE_UART:
        log_uart_release();
        return OK;
    case HARDWARE_STOP:
        hardware_stop();
        return OK;
    case HARDWARE_PANIC:
        PANIC("asked for from user level");
    default:
        return ERROR_SYSCALL;
    }
}

static int sys_assign_interrupt(struct call *call) {
    LOOKUP(hardware, struct object, call->a[0], OBJECT_HARDWARE, RIGHT_CONTROL)
    LOOKUP(semaphore, struct semaphore, call->a[1], OBJECT_SEMAPHORE, RIGHT_USE)
    struct cpu *cpu = cpu_of(call->a[3]);
    if (!cpu)
        return ERROR_ARGUMENT;
    return interrupt_assign(semaphore, call->a[2], cpu, &call->result);
}

static int sys_call(struct call *call) {
    LOOKUP(portal, struct portal, call->a[0], OBJECT_PORTAL, RIGHT_USE)
    portal_call(call->thread, portal, call->a[1], call->a[2]);
    call->result = call->thread->regs.gpr[RDX];
    return (int)call->thread->regs.gpr[RAX];
}

static int sys_reply_wait(struct call *call) {
    reply_wait(call->thread, call->a[0], call->a[1], call->a[2]);
    call->result = call->thread->regs.gpr[RDX];
    return (int)call->thread->regs.gpr[RAX];
}

static inline __attribute__((always_inline)) int sys_run(struct thread *thread, uint64_t selector,
                                                         uint64_t event_mask) {
    int status;
    struct object *object = pd_object(thread->pd, selector, OBJECT_VCPU, RIGHT_USE, &status);
    return object ? vcpu_run(thread, CONTAINER(object, struct vcpu, object), event_mask) : status;
}

// All but SYS_RUN.
// Not a table of functions: the core has no indirect branch.
static int dispatch(uint64_t number, struct call *call) {
    switch (number) {
    case SYS_CALL:
        return sys_call(call);
    case SYS_REPLY_WAIT:
        return sys_reply_wait(call);
    case SYS_CREATE_PD:
        return sys_create_pd(call);
    case SYS_CREATE_SPACE:
        return sys_create_space(call);
    case SYS_CREATE_THREAD:
        return sys_create_thread(call);
    case SYS_CREATE_PORTAL:
        return sys_create_portal(call);
    case SYS_CREATE_SEMAPHORE:
        return sys_create_semaphore(call);
    case SYS_CREATE_PAGE:
        return sys_create_page(call);
    case SYS_CREATE_VCPU:
        return sys_create_vcpu(call);
    case SYS_DESTROY:
        return sys_destroy(call);
    case SYS_DELEGATE:
        return sys_delegate(call);
    case SYS_THREAD_CONTROL:
        return sys_thread_control(call);
    case SYS_SEMAPHORE_CONTROL:
        return sys_semaphore_control(call);
    case SYS_PD_CONTROL:
        return sys_pd_control(call);
    case SYS_VCPU_CONTROL:
        return sys_vcpu_control(call);
    case SYS_HARDWARE_CONTROL:
        return sys_hardware_control(call);
    case SYS_ASSIGN_INTERRUPT:
        return sys_assign_interrupt(call);
    default:
        return ERROR_SYSCALL;
    }
}

static __attribute__((noinline)) void handle_other(struct thread *thread) {
    const uint64_t *gpr = thread->regs.gpr;
    struct call call = {thread, thread->pd, {gpr[RDI], gpr[RSI], gpr[RDX], gpr[R10], gpr[R8], gpr[R9]}, 0};
    int status = dispatch(gpr[RAX], &call);
    // A thread that blocked gets its results when it wakes; one that ended itself gets none.
    if (status == AGAIN)
        thread->regs.rip -= SYSCALL_BYTES;
    else if (cpu_self()->current == thread && thread->wait == WAIT_NOTHING)
        thread_result(thread, status, call.result);
}

// From entry.asm, on the CPU's own stack.
_Noreturn void syscall_handle(struct thread *thread) {
    lock_acquire_kernel();
    if (cpu_self()->current != thread)
        scheduler_dispatch(); // it was stopped while this CPU waited for the lock
    count(COUNTER_SYSCALL);
    const uint64_t *gpr = thread->regs.gpr;
    if (gpr[RAX] == SYS_RUN) { // the most frequent; its results come when the run ends
        int status = sys_run(thread, gpr[RDI], gpr[RSI]);
        if (status != OK)
            thread_result(thread, status, 0);
    } else {
        handle_other(thread);
    }
    scheduler_dispatch();
}
