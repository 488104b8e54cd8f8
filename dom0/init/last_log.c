// init's part of the log that a warm reset leaves alone lies behind the core's (kernel/last_log.c).
#include "dom0/init/last_log.h"
#include "dom0/init/init.h"
#include "lib/kept_log.h"
#include "lib/string.h"

static struct kept_log *kept; // null: none
static uint64_t last_bytes;   // at INIT_LAST_LOG

static void take_last(void) {
    uint64_t first = physical_take(KEPT_LOG_PAGES, ACCOUNT_INIT);
    if (first == LEDGER_NONE || !physical_map(SELECTOR_SELF, INIT_LAST_LOG_TEXT, first * PAGE_SIZE, KEPT_LOG_TEXT,
                                              DELEGATE_READ | DELEGATE_WRITE, false))
        return;
    last_bytes = kept_log_copy(kept, (char *)INIT_LAST_LOG_TEXT);
}

void last_log_init(void) {
    if (!physical_map(SELECTOR_SELF, INIT_KEPT_LOG, boot_page->kept_log_base, KEPT_LOG_BYTES,
                      DELEGATE_READ | DELEGATE_WRITE, false))
        return;
    kept = (struct kept_log *)INIT_KEPT_LOG;
    if (kept_log_valid(kept))
        take_last();
    kept_log_start(kept);
}

void last_log_write(const char *line, uint64_t bytes) {
    if (kept)
        kept_log_write(kept, line, bytes);
}

uint64_t last_log_read(uint64_t offset, void *to, uint64_t bytes, uint64_t *total) {
    const struct core_info *core = (const struct core_info *)INIT_CORE_INFO;
    const char *text = (const char *)core + (1 + core->log_pages + core->trace_pages) * PAGE_SIZE;
    uint64_t left = core->last_log_bytes;
    *total = left + last_bytes;
    if (offset >= *total)
        return 0;
    if (offset >= left) {
        offset -= left;
        left = last_bytes;
        text = (const char *)INIT_LAST_LOG_TEXT;
    }
    uint64_t part = left - offset < bytes ? left - offset : bytes;
    memcpy(to, text + offset, part);
    return part;
}
