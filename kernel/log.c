// The core's log ring, polled UART output, and the trace ring.
#include "kernel/log.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "lib/format.h"
#include "lib/string.h"
#include <stdarg.h>

// Pages that init maps read-only, in this order (HARDWARE_MAP_INFO).
__attribute__((section(".bss.info"), aligned(4096))) struct {
    union {
        struct core_info info;
        char page[PAGE_SIZE];
    } first;
    char log[INFO_LOG_PAGES * PAGE_SIZE];
    struct trace_entry trace[INFO_TRACE_PAGES * PAGE_SIZE / sizeof(struct trace_entry)];
} info_pages = {.first.info = {.log_pages = 0}};
extern struct core_info core_info __attribute__((alias("info_pages")));

#define UART_PORT     0x3f8
#define UART_LSR      5
#define UART_LSR_THRE 0x20

static bool uart_owned = true;

static void uart_put(char c) {
    if (inb(UART_PORT + UART_LSR) == 0xff)
        return;
    for (unsigned tries = 0; tries < 1000000 && !(inb(UART_PORT + UART_LSR) & UART_LSR_THRE); tries++)
        cpu_relax();
    outb(UART_PORT, (uint8_t)c);
}

static void log_put(char c) {
    info_pages.log[core_info.log_written % sizeof(info_pages.log)] = c;
    core_info.log_written++;
    if (!uart_owned)
        return;
    if (c == '\n')
        uart_put('\r');
    uart_put(c);
}

void log_print(const char *message, ...) {
    char line[320];
    uint64_t us = clock_ns_since_start() / 1000;
    int stamp = format(line, sizeof(line), "[%5llu.%06llu] ", (unsigned long long)(us / 1000000),
                       (unsigned long long)(us % 1000000));
    va_list arguments;
    va_start(arguments, message);
    vformat(line + stamp, sizeof(line) - (size_t)stamp, message, arguments);
    va_end(arguments);
    for (const char *c = line; *c; c++)
        log_put(*c);
    log_put('\n');
}

void log_uart_release(void) {
    uart_owned = false;
}

void log_panic_mode(void) {
    uart_owned = true;
}

void trace(uint16_t event, uint32_t a, uint64_t b, uint64_t c) {
    const uint64_t entries = sizeof(info_pages.trace) / sizeof(info_pages.trace[0]);
    struct trace_entry *entry =
        &info_pages.trace[__atomic_fetch_add(&core_info.trace_written, 1, __ATOMIC_RELAXED) % entries];
    *entry = (struct trace_entry){rdtsc(), event, (uint16_t)cpu_self()->id, a, b, c};
}
