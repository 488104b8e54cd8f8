// Frames from the ledger, and their mappings in protection domains.
#include "dom0/init/init.h"

#define LARGE_ORDER 9u
#define LARGE_BYTES (2ull << 20)
#define LOW_PAGES   256u // the first MiB stays unused: firmware and start-up code of CPUs

struct ledger ledger;

static void add(uint64_t first, uint64_t end, uint32_t account) {
    if (end > first && !ledger_add(&ledger, first, end - first, account, 0))
        init_log("memory: more ranges than the ledger holds; some of %llu MiB at %#llx are left out",
                 (unsigned long long)(end - first) / 256, (unsigned long long)first * PAGE_SIZE);
}

// What is reserved comes first: where the firmware's list has a page twice, it is no free one.
void physical_init(void) {
    uint64_t archive_end = boot_page->archive_base + boot_page->archive_size;
    add(0, LOW_PAGES, LEDGER_RESERVED);
    add(boot_page->archive_base / PAGE_SIZE, (archive_end + PAGE_SIZE - 1) / PAGE_SIZE, LEDGER_RESERVED);
    for (uint32_t i = 0; i < boot_page->memory_ranges; i++) {
        uint64_t base = boot_page->memory[i].base, end = base + boot_page->memory[i].size;
        if (boot_page->memory[i].kind != BOOT_MEMORY_FREE)
            add(base / PAGE_SIZE, (end + PAGE_SIZE - 1) / PAGE_SIZE, LEDGER_RESERVED);
    }
    for (uint32_t i = 0; i < boot_page->memory_ranges; i++) {
        uint64_t base = boot_page->memory[i].base, end = base + boot_page->memory[i].size;
        if (boot_page->memory[i].kind == BOOT_MEMORY_FREE)
            add((base + PAGE_SIZE - 1) / PAGE_SIZE, end / PAGE_SIZE, LEDGER_FREE);
    }
}

static unsigned largest_order(uint64_t alignment_of, uint64_t bytes) {
    unsigned order = 0;
    while (order < LARGE_ORDER && (PAGE_SIZE << (order + 1)) <= bytes && alignment_of % (PAGE_SIZE << (order + 1)) == 0)
        order++;
    return order;
}

bool physical_map(uint64_t pd, uint64_t address, uint64_t hpa, uint64_t bytes, unsigned rights, bool own) {
    bytes = (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    for (uint64_t at = 0; at < bytes;) {
        unsigned order = largest_order((address + at) | (hpa + at), bytes - at);
        int64_t status = sys_delegate(SELECTOR_MEMORY, hpa + at, pd, address + at,
                                      rights | DELEGATE_ORDER(order) | DELEGATE_MEMORY | (own ? DELEGATE_OWN : 0));
        if (status != OK) {
            physical_unmap(pd, address, at);
            return false;
        }
        at += PAGE_SIZE << order;
    }
    return true;
}

void physical_unmap(uint64_t pd, uint64_t address, uint64_t bytes) {
    bytes = (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    for (uint64_t at = 0; at < bytes;) {
        unsigned order = largest_order(address + at, bytes - at);
        (void)sys_delegate(SELECTOR_MEMORY, 0, pd, address + at, DELEGATE_ORDER(order) | DELEGATE_MEMORY);
        at += PAGE_SIZE << order;
    }
}

// By words: a memory of gigabytes is zeroed eight times as fast as by bytes where REP STOS is not microcoded for bytes.
static void zero_words(void *to, uint64_t words) {
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(0ull) : "memory");
}

// Through the scratch window, which shows 2 MiB at a time.
bool physical_zero(uint64_t first, uint64_t pages) {
    for (uint64_t done = 0; done < pages;) {
        uint64_t offset = (first + done) * PAGE_SIZE % LARGE_BYTES, left = (pages - done) * PAGE_SIZE;
        uint64_t bytes = left < LARGE_BYTES - offset ? left : LARGE_BYTES - offset;
        if (!physical_map(SELECTOR_SELF, INIT_SCRATCH + offset, (first + done) * PAGE_SIZE, bytes,
                          DELEGATE_READ | DELEGATE_WRITE, false))
            return false;
        zero_words((void *)(INIT_SCRATCH + offset), bytes / sizeof(uint64_t));
        physical_unmap(SELECTOR_SELF, INIT_SCRATCH + offset, bytes);
        done += bytes / PAGE_SIZE;
    }
    return true;
}

uint64_t physical_take(uint64_t pages, uint32_t account) {
    uint64_t first = ledger_take(&ledger, pages, 1, account);
    if (first == LEDGER_NONE || physical_zero(first, pages))
        return first;
    ledger_give(first, pages);
    return LEDGER_NONE;
}

bool physical_give(uint64_t pd, uint64_t address, uint64_t bytes, unsigned rights, uint32_t account) {
    uint64_t pages = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
    for (uint64_t done = 0; done < pages;) {
        uint64_t to = address + done * PAGE_SIZE, chunk = pages - done < 512 ? pages - done : 512;
        bool large = to % LARGE_BYTES == 0 && chunk == 512;
        if (!large && to % LARGE_BYTES != 0 && chunk > (LARGE_BYTES - to % LARGE_BYTES) / PAGE_SIZE)
            chunk = (LARGE_BYTES - to % LARGE_BYTES) / PAGE_SIZE;
        uint64_t first = ledger_take(&ledger, chunk, large ? 512 : 1, account);
        if (first == LEDGER_NONE && chunk > 1) {
            chunk = 1; // memory is in pieces: page by page
            first = ledger_take(&ledger, chunk, 1, account);
        }
        if (first == LEDGER_NONE || !physical_zero(first, chunk) ||
            !physical_map(pd, to, first * PAGE_SIZE, chunk * PAGE_SIZE, rights, true))
            return false;
        done += chunk;
    }
    return true;
}

void ledger_give(uint64_t first, uint64_t pages) {
    if (!ledger_free(&ledger, first, pages))
        init_log("memory: %llu pages at %#llx could not be given back: the ledger is full", (unsigned long long)pages,
                 (unsigned long long)first * PAGE_SIZE);
}
