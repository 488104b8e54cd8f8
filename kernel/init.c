// Makes the first protection domain: init, with its image and everything that is not the core's.
#include "kernel/init.h"
#include "kernel/init_image.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/pd.h"
#include "kernel/portal.h"
#include "kernel/scheduler.h"
#include "lib/string.h"

#define INIT_SLOTS       4096u
#define INIT_STACK_PAGES 16u
#define INIT_PRIORITY    185u // below the console: clearing a domain's memory must not keep its UART waiting

extern char init_image_start[], init_image_end[];

// Pages of the pool that init sees as its own, with the given rights.
static char *give_pages(struct pd *pd, uint64_t address, uint64_t pages, unsigned rights) {
    char *memory = pages_allocate(pd, pages);
    ASSERT(memory);
    for (uint64_t page = 0; page < pages; page++) {
        int status =
            space_map_init_page(&pd->host, address + page * PAGE_SIZE, pool_address(memory) + page * PAGE_SIZE, rights);
        ASSERT(status == OK);
    }
    return memory;
}

static void load_image(struct pd *pd, const struct init_header *header) {
    const char *image = init_image_start;
    uint64_t at = INIT_IMAGE;
    const struct {
        uint64_t size, copied;
        unsigned rights;
    } sections[] = {
        {header->text_size, header->text_size, DELEGATE_READ | DELEGATE_EXECUTE},
        {header->rodata_size, header->rodata_size, DELEGATE_READ},
        {header->data_size + header->bss_size, header->data_size, DELEGATE_READ | DELEGATE_WRITE},
    };
    for (unsigned i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        ASSERT(sections[i].size % PAGE_SIZE == 0);
        if (sections[i].size)
            memcpy(give_pages(pd, at, sections[i].size / PAGE_SIZE, sections[i].rights), image, sections[i].copied);
        at += sections[i].size;
        image += sections[i].copied;
    }
}

static void give_root(struct pd *pd, uint64_t selector, enum object_kind kind) {
    struct object *object = object_create(kind, pd);
    ASSERT(object);
    captable_insert(&pd->captable, selector, capability_to(object, RIGHT_ALL));
}

void init_create(struct boot_info *info) {
    const struct init_header *header = (const struct init_header *)(const void *)init_image_start;
    if (memcmp(header->magic, INIT_MAGIC, sizeof(header->magic)) != 0)
        PANIC("the image of init in the core has no header");
    uint64_t quota = (pool.pages - pool.used) * PAGE_SIZE / 16 * 15;
    struct pd *pd = pd_create(NULL, INIT_SLOTS, quota, CAPABILITY_NULL);
    ASSERT(pd);
    captable_remove(&pd->captable, SELECTOR_SELF);
    captable_insert(&pd->captable, SELECTOR_SELF, capability_to(&pd->object, RIGHT_ALL));
    give_root(pd, SELECTOR_MEMORY, OBJECT_MEMORY);
    give_root(pd, SELECTOR_PORTS, OBJECT_PORTS);
    give_root(pd, SELECTOR_HARDWARE, OBJECT_HARDWARE);
    info->quota_bytes = quota;
    load_image(pd, header);
    give_pages(pd, INIT_STACK_TOP - INIT_STACK_PAGES * PAGE_SIZE, INIT_STACK_PAGES, DELEGATE_READ | DELEGATE_WRITE);
    memcpy(give_pages(pd, INIT_BOOT_INFO, 1, DELEGATE_READ), info, sizeof(*info));
    struct kernel_page *buffer;
    struct thread *thread;
    int status = kernel_page_create(pd, INIT_MESSAGE, &buffer);
    ASSERT(status == OK);
    status = thread_create(pd, buffer, cpus[0], header->entry, INIT_STACK_TOP - 8, &thread);
    ASSERT(status == OK);
    captable_insert(&pd->captable, SELECTOR_THREAD, capability_to(&thread->object, RIGHT_ALL));
    pd->priority_max = 255;
    thread->priority = thread->effective = INIT_PRIORITY;
    thread_start(thread, 0);
}
