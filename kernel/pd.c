// Life and end of protection domains, their ports, and the way from a selector to an object.
#include "kernel/pd.h"
#include "kernel/clock.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/portal.h"
#include "kernel/semaphore.h"
#include "kernel/thread.h"
#include "lib/log_rate.h"
#include "lib/string.h"

#define PORTS_PAGES       2u
#define WEIGHT_DEFAULT    256u
#define SHRINK_PAGES      4u    // 2048 frames are counted down, some 10 microseconds
#define LOG_RATE_SECOND_S 3600u // a burst of LOG_RATE_BURST lines, then LOG_RATE_LINES an hour

static uint32_t next_id = 1;
static struct pd *root; // init's

struct pd *pd_create(struct pd *creator, uint64_t slots, uint64_t quota_bytes, struct capability supervisor) {
    struct pd *pd = next_id == FRAME_OWNER_KERNEL ? NULL : (struct pd *)object_create(OBJECT_PD, creator);
    if (!pd)
        return NULL;
    list_init(&pd->owned);
    root = creator ? root : pd;
    pd->quota.bytes = quota_bytes;
    pd->depth = creator ? (uint8_t)(creator->depth + 1) : 0;
    pd->supervisor = supervisor;
    pd->weight = WEIGHT_DEFAULT;
    pd->id = next_id++;
    if (!quota_charge(creator, quota_bytes)) {
        object_free(&pd->object);
        return NULL;
    }
    pd->captable_pages = (slots * sizeof(struct capability) + PAGE_SIZE - 1) / PAGE_SIZE;
    pd->captable.slots = pages_allocate(pd, pd->captable_pages);
    pd->captable.count = slots;
    if (!pd->captable.slots || !space_init(&pd->host, pd, SPACE_HOST)) {
        if (pd->captable.slots)
            pages_free(pd, pd->captable.slots, pd->captable_pages);
        quota_refund(creator, quota_bytes);
        object_free(&pd->object);
        return NULL;
    }
    captable_insert(&pd->captable, SELECTOR_SELF, capability_to(&pd->object, RIGHT_CONTROL | RIGHT_USE));
    return pd;
}

// Destroys the objects of one kind that a domain pays for.
static void destroy_kind(struct pd *pd, enum object_kind kind) {
    struct list_node *at = pd->owned.next;
    while (at != &pd->owned) {
        struct object *object = CONTAINER(at, struct object, in_owner);
        if (object->kind != kind) {
            at = at->next;
            continue;
        }
        object_destroy(object);
        at = pd->owned.next;
    }
}

bool pd_shrink(struct pd *pd) {
    unsigned pages = SHRINK_PAGES;
    pd->ended = true;
    destroy_kind(pd, OBJECT_PD);
    destroy_kind(pd, OBJECT_THREAD);
    destroy_kind(pd, OBJECT_VCPU);
    for (struct list_node *at = pd->owned.next; at != &pd->owned; at = at->next) {
        struct object *object = CONTAINER(at, struct object, in_owner);
        if (object->kind == OBJECT_SPACE && !space_shrink((struct space *)object, &pages))
            return false;
    }
    return space_shrink(&pd->host, &pages);
}

bool pd_is_within(const struct pd *pd, const struct pd *ancestor) {
    while (pd && pd != ancestor)
        pd = pd->object.owner;
    return pd != NULL;
}

void pd_destroy(struct pd *pd) {
    // Children first, then what runs, then what it runs on.
    static const uint8_t order[] = {OBJECT_PD,        OBJECT_THREAD, OBJECT_VCPU, OBJECT_PORTAL,
                                    OBJECT_SEMAPHORE, OBJECT_SPACE,  OBJECT_PAGE};
    struct pd *payer = pd->object.owner;
    for (unsigned i = 0; i < sizeof(order); i++)
        destroy_kind(pd, order[i]);
    ASSERT(list_empty(&pd->owned));
    space_destroy(&pd->host);
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpus[i]->io_map_owner == pd)
            cpus[i]->io_map_owner = NULL;
    if (pd->ports)
        pages_free(pd, pd->ports, PORTS_PAGES);
    pages_free(pd, pd->captable.slots, pd->captable_pages);
    ASSERT(pd->quota.used == 0);
    quota_refund(payer, pd->quota.bytes);
    object_free(&pd->object);
}

// Whoever has a quota makes such domains, and could fill the log with their ends.
static void log_unsupervised(const struct pd *pd, const struct pd_fault *fault) {
    static struct log_rate rate;
    uint64_t now = rdtsc(), period = tsc_hz * LOG_RATE_SECOND_S, held = log_rate_report(&rate, now, period);
    if (held)
        log_print("%llu more protection domains have ended and nobody supervised them", (unsigned long long)held);
    if (log_rate_take(&rate, now, period))
        log_print("protection domain %u ended with vector %llu at %#llx and nobody supervises it", pd->id,
                  (unsigned long long)fault->vector, (unsigned long long)fault->rip);
}

void pd_end(struct pd *pd, const struct pd_fault *fault) {
    if (pd->ended)
        return;
    pd->ended = true;
    pd->has_fault = true;
    pd->fault = *fault;
    for (struct list_node *at = pd->owned.next; at != &pd->owned; at = at->next) {
        struct object *object = CONTAINER(at, struct object, in_owner);
        if (object->kind == OBJECT_THREAD)
            thread_end(CONTAINER(object, struct thread, object));
    }
    int status;
    struct object *semaphore = capability_object(pd->supervisor, OBJECT_SEMAPHORE, 0, &status);
    if (semaphore)
        semaphore_up((struct semaphore *)semaphore);
    else
        log_unsupervised(pd, fault);
}

static struct pd *find_owner(struct pd *pd, uint32_t owner) {
    struct pd *found = pd->id == owner ? pd : NULL;
    for (struct list_node *at = pd->owned.next; !found && at != &pd->owned; at = at->next) {
        struct object *object = CONTAINER(at, struct object, in_owner);
        found = object->kind == OBJECT_PD ? find_owner((struct pd *)object, owner) : NULL;
    }
    return found;
}

struct pd *pd_by_owner(uint32_t owner) {
    return find_owner(root, owner);
}

static bool ports_in_range(uint64_t port, unsigned order) {
    return order <= 16 && port < 65536 && port % (1ull << order) == 0;
}

int pd_set_ports(struct pd *pd, uint64_t port, unsigned order, bool allowed) {
    if (!ports_in_range(port, order))
        return ERROR_ARGUMENT;
    if (!pd->ports && !(pd->ports = pages_allocate(pd, PORTS_PAGES)))
        return ERROR_MEMORY;
    for (uint64_t p = port; p < port + (1ull << order); p++) {
        uint8_t bit = (uint8_t)(1u << p % 8);
        pd->ports[p / 8] = (uint8_t)(allowed ? pd->ports[p / 8] | bit : pd->ports[p / 8] & ~bit);
    }
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpus[i]->io_map_owner == pd)
            cpus[i]->io_map_owner = NULL;
    if (!allowed)
        cpu_unload_everywhere(&pd->host); // its threads on other CPUs come by load_ports before they go on
    return OK;
}

bool pd_has_ports(const struct pd *pd, uint64_t port, unsigned order) {
    if (!ports_in_range(port, order) || !pd->ports)
        return false;
    for (uint64_t p = port; p < port + (1ull << order); p++)
        if (!(pd->ports[p / 8] & 1u << p % 8))
            return false;
    return true;
}

struct capability capability_to(struct object *object, uint16_t rights) {
    uint64_t place = ((uint64_t)(uintptr_t)object - POOL_WINDOW) / OBJECT_ALIGN;
    return (struct capability){object->generation, (uint32_t)place, object->kind, rights};
}

struct object *capability_object(struct capability capability, enum object_kind kind, uint16_t rights, int *status) {
    struct object *object = (struct object *)(POOL_WINDOW + (uint64_t)capability.object * OBJECT_ALIGN);
    *status = ERROR_CAPABILITY;
    if (!capability.object || capability.kind != kind || !object_lives(object, kind, capability.generation))
        return NULL;
    *status = ERROR_RIGHTS;
    if (!capability_has(capability, rights))
        return NULL;
    *status = OK;
    return object;
}

struct object *pd_object(const struct pd *pd, uint64_t selector, enum object_kind kind, uint16_t rights, int *status) {
    return capability_object(captable_get(&pd->captable, selector), kind, rights, status);
}
