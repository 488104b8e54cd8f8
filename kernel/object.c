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

static struct list_node free_objects[OBJECT_KINDS];

static uint32_t slab_size(enum object_kind kind) {
    return (object_size[kind] + 63) & ~63u;
}

static bool slab_grow(enum object_kind kind) {
    char *page = pages_allocate(NULL, 1);
    if (!page)
        return false;
    for (uint32_t at = 0; at + slab_size(kind) <= PAGE_SIZE; at += slab_size(kind)) {
        struct object *object = (struct object *)(void *)(page + at);
        object->kind = (uint8_t)kind;
        list_insert(&free_objects[kind], &object->in_owner);
    }
    return true;
}

struct object *object_create(enum object_kind kind, struct pd *owner) {
    struct list_node *list = &free_objects[kind];
    if (!list->next)
        list_init(list);
    if (!quota_charge(owner, slab_size(kind)))
        return NULL;
    if (list_empty(list) && !slab_grow(kind)) {
        quota_refund(owner, slab_size(kind));
        return NULL;
    }
    struct object *object = CONTAINER(list->next, struct object, in_owner);
    list_remove(&object->in_owner);
    uint32_t generation = object->generation;
    memset(object, 0, object_size[kind]);
    object->generation = generation;
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
    object->generation++;
    list_remove(&object->in_owner);
    quota_refund(object->owner, slab_size(object->kind));
    list_insert(&free_objects[object->kind], &object->in_owner);
}

bool quota_charge(struct pd *owner, uint64_t bytes) {
    if (!owner)
        return true;
    if (bytes > owner->quota_bytes - owner->used_bytes)
        return false;
    owner->used_bytes += bytes;
    return true;
}

void quota_refund(struct pd *owner, uint64_t bytes) {
    if (!owner)
        return;
    ASSERT(owner->used_bytes >= bytes);
    owner->used_bytes -= bytes;
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
    pool_give(&pool, ((uint64_t)(uintptr_t)pages - POOL_WINDOW) / PAGE_SIZE, count);
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
