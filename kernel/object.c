// Slabs of kernel objects, pages of the pool, and the accounts that pay for both.
#include "kernel/object.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/portal.h"
#include "kernel/semaphore.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"
#include "lib/string.h"

static const uint32_t object_size[OBJECT_KINDS] = {
    [OBJECT_PD] = sizeof(struct pd),
    [OBJECT_SPACE] = sizeof(struct space),
    [OBJECT_THREAD] = sizeof(struct thread),
    [OBJECT_PORTAL] = sizeof(struct portal),
    [OBJECT_SEMAPHORE] = sizeof(struct semaphore),
    [OBJECT_PAGE] = sizeof(struct kernel_page),
    [OBJECT_VCPU] = sizeof(struct vcpu),
    [OBJECT_MEMORY] = sizeof(struct object),
    [OBJECT_PORTS] = sizeof(struct object),
    [OBJECT_HARDWARE] = sizeof(struct object),
};

// At the start of its page; the objects follow.
struct slab {
    struct list_node in_open; // of its owner and kind, while it has room
    uint64_t free;            // bit per object
};

_Static_assert(sizeof(struct slab) <= OBJECT_ALIGN, "objects are aligned");

static struct list_node open_without_owner[OBJECT_KINDS];
static uint8_t *slab_kinds; // of each page of the pool: enum object_kind, or OBJECT_NONE if it is no slab
static uint64_t generations;

static uint64_t object_stride(enum object_kind kind) {
    return (object_size[kind] + OBJECT_ALIGN - 1) & ~(uint64_t)(OBJECT_ALIGN - 1);
}

static uint64_t all_free(enum object_kind kind) {
    return (1ull << (PAGE_SIZE - OBJECT_ALIGN) / object_stride(kind)) - 1;
}

static struct list_node *open_slabs(struct pd *owner, enum object_kind kind) {
    struct list_node *list = owner ? &owner->open_slabs[kind] : &open_without_owner[kind];
    if (!list->next)
        list_init(list);
    return list;
}

static uint8_t *slab_kind(const void *inside) {
    return &slab_kinds[((uint64_t)(uintptr_t)inside - POOL_WINDOW) / PAGE_SIZE];
}

static bool slab_create(struct pd *owner, enum object_kind kind) {
    if (!slab_kinds && !(slab_kinds = pages_allocate(NULL, (pool.pages + PAGE_SIZE - 1) / PAGE_SIZE)))
        return false;
    struct slab *slab = pages_allocate(owner, 1);
    if (!slab)
        return false;
    slab->free = all_free(kind);
    list_insert(open_slabs(owner, kind), &slab->in_open);
    *slab_kind(slab) = (uint8_t)kind;
    return true;
}

struct object *object_create(enum object_kind kind, struct pd *owner) {
    struct list_node *open = open_slabs(owner, kind);
    if (list_empty(open) && !slab_create(owner, kind))
        return NULL;
    struct slab *slab = CONTAINER(open->next, struct slab, in_open);
    unsigned slot = (unsigned)__builtin_ctzll(slab->free);
    slab->free &= slab->free - 1;
    if (!slab->free)
        list_remove(&slab->in_open);
    struct object *object = (struct object *)(void *)((char *)slab + OBJECT_ALIGN + slot * object_stride(kind));
    memset(object, 0, object_size[kind]);
    object->generation = ++generations;
    object->kind = (uint8_t)kind;
    object->alive = true;
    object->owner = owner;
    if (owner)
        list_insert(&owner->owned, &object->in_owner);
    else
        list_init(&object->in_owner);
    return object;
}

void object_free(struct object *object) {
    ASSERT(object->alive);
    object->alive = false;
    list_remove(&object->in_owner);
    enum object_kind kind = object->kind;
    uint64_t inside = (uint64_t)(uintptr_t)object % PAGE_SIZE;
    struct slab *slab = (struct slab *)(void *)((char *)object - inside);
    if (!slab->free)
        list_insert(open_slabs(object->owner, kind), &slab->in_open);
    slab->free |= 1ull << (inside - OBJECT_ALIGN) / object_stride(kind);
    if (slab->free != all_free(kind))
        return;
    list_remove(&slab->in_open);
    *slab_kind(slab) = OBJECT_NONE;
    pages_free(object->owner, slab, 1);
}

bool object_lives(const struct object *object, enum object_kind kind, uint64_t generation) {
    return *slab_kind(object) == kind && object->alive && object->generation == generation;
}

bool quota_charge(struct pd *owner, uint64_t bytes) {
    return !owner || quota_take(&owner->quota, bytes);
}

void quota_refund(struct pd *owner, uint64_t bytes) {
    ASSERT(!owner || quota_give(&owner->quota, bytes));
}

void *pages_allocate(struct pd *owner, uint64_t pages) {
    if (!quota_charge(owner, pages * PAGE_SIZE))
        return NULL;
    uint64_t first = pool_take(&pool, pages);
    if (first == POOL_NONE) {
        quota_refund(owner, pages * PAGE_SIZE);
        return NULL;
    }
    core_info.pool_used = pool.used;
    void *memory = (void *)(POOL_WINDOW + first * PAGE_SIZE);
    memset(memory, 0, pages * PAGE_SIZE);
    return memory;
}

void pages_free(struct pd *owner, void *pages, uint64_t count) {
    uint64_t first = ((uint64_t)(uintptr_t)pages - POOL_WINDOW) / PAGE_SIZE;
    for (uint64_t page = first; page < first + count; page++)
        ASSERT(page < pool.pages && pool_page_used(&pool, page));
    pool_give(&pool, first, count);
    core_info.pool_used = pool.used;
    quota_refund(owner, count * PAGE_SIZE);
}

void object_destroy(struct object *object) {
    trace(TRACE_DESTROY, object->kind, (uint64_t)(uintptr_t)object, 0);
    switch ((enum object_kind)object->kind) {
    case OBJECT_PD:
        pd_destroy((struct pd *)object);
        break;
    case OBJECT_SPACE:
        space_destroy((struct space *)object);
        object_free(object);
        break;
    case OBJECT_THREAD:
        thread_destroy((struct thread *)CONTAINER(object, struct thread, object));
        break;
    case OBJECT_PORTAL:
        portal_destroy((struct portal *)object);
        break;
    case OBJECT_SEMAPHORE:
        semaphore_destroy((struct semaphore *)object);
        break;
    case OBJECT_PAGE:
        kernel_page_destroy((struct kernel_page *)object);
        break;
    case OBJECT_VCPU:
        vcpu_destroy((struct vcpu *)object);
        break;
    default:
        PANIC("object of kind %u destroyed", object->kind);
    }
}
