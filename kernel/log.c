// The core's log ring, polled UART output, and the trace ring.
#include "kernel/log.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/last_log.h"
#include "kernel/memory.h"
#include "lib/format.h"
#include "lib/string.h"
#include <stdarg.h>

// Pages that init maps read-only (HARDWARE_MAP_INFO): the information, the log's text, trace ring, the last run's log.
__attribute__((section(".bss.info"), aligned(PAGE_SIZE))) union {
    struct core_info info;
    char page[PAGE_SIZE];
} info_page = {.info = {.log_pages = 0}};
extern struct core_info core_info __attribute__((alias("info_page")));
static struct trace_entry trace_ring[INFO_TRACE_PAGES * PAGE_SIZE / sizeof(struct trace_entry)]
    __attribute__((section(".bss.info"), aligned(PAGE_SIZE)));
char last_log_text[KEPT_LOG_TEXT] __attribute__((section(".bss.info"), aligned(PAGE_SIZE)));

static struct kept_log *kept; // null: not yet
static char early[2048];      // what was said before

#define UART_PORT     0x3f8
#define UART_LSR      5
#define UART_LSR_THRE 0x20

#define UART_IER     1
#define UART_LCR     3
#define UART_LCR_8N1 3

static bool uart_owned = true;

static void uart_put(char c) {
    if (inb(UART_PORT + UART_LSR) == 0xff)
        return;
    for (unsigned tries = 0; tries < 1000000 && !(inb(UART_PORT + UART_LSR) & UART_LSR_THRE); tries++)
        cpu_relax();
    outb(UART_PORT, (uint8_t)c);
}

static void keep(const char *line, uint64_t bytes) {
    if (kept) {
        kept_log_write(kept, line, bytes);
        core_info.log_written = kept->written;
    } else if (bytes <= sizeof(early) - core_info.log_written) {
        memcpy(early + core_info.log_written, line, bytes);
        core_info.log_written += bytes;
    }
}

void log_keep(struct kept_log *log) {
    bool first = !kept;
    kept = log;
    if (first)
        kept_log_write(kept, early, core_info.log_written);
}

void log_finish(enum kept_log_end end, const char *reason) {
    if (kept)
        kept_log_finish(kept, end, reason);
}

void log_print(const char *message, ...) {
    char line[320];
    uint64_t us = clock_ns_since_start() / 1000;
    int stamp = format(line, sizeof(line), "[%5llu.%06llu] ", (unsigned long long)(us / 1000000),
                       (unsigned long long)(us % 1000000));
    va_list arguments;
    va_start(arguments, message);
    vformat(line + stamp, sizeof(line) - 1 - (size_t)stamp, message, arguments);
    va_end(arguments);
    size_t length = strlen(line);
    line[length++] = '\n';
    keep(line, length);
    for (size_t i = 0; uart_owned && i < length; i++) {
        if (line[i] == '\n')
            uart_put('\r');
        uart_put(line[i]);
    }
}

void log_uart_release(void) {
    uart_owned = false;
}

void log_panic_mode(void) {
    uart_owned = true;
    outb(UART_PORT + UART_LCR, UART_LCR_8N1); // its owner may have been about to set the divisor
    outb(UART_PORT + UART_IER, 0);
    uart_put('\r'); // or in the middle of a line
    uart_put('\n');
}

void trace(uint16_t event, uint32_t a, uint64_t b, uint64_t c) {
    const uint64_t entries = sizeof(trace_ring) / sizeof(trace_ring[0]);
    struct trace_entry *entry =
        &trace_ring[__atomic_fetch_add(&core_info.trace_written, 1, __ATOMIC_RELAXED) % entries];
    *entry = (struct trace_entry){rdtsc(), event, (uint16_t)cpu_self()->id, a, b, c};
}

uint64_t info_page_hpa(unsigned page) {
    const struct {
        uint64_t hpa;
        unsigned pages;
    } parts[] = {
        {(uint64_t)(uintptr_t)&core_info - KERNEL_BASE, 1},
        {last_log_hpa() + offsetof(struct kept_log, text), KEPT_LOG_PAGES},
        {(uint64_t)(uintptr_t)trace_ring - KERNEL_BASE, INFO_TRACE_PAGES},
        {(uint64_t)(uintptr_t)last_log_text - KERNEL_BASE, KEPT_LOG_PAGES},
    };
    unsigned part = 0;
    while (page >= parts[part].pages)
        page -= parts[part++].pages;
    return parts[part].hpa + page * PAGE_SIZE;
}
