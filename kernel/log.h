// The core's log: a ring that init can read, and the UART while the core owns it.
#pragma once
#include "kernel/abi.h"
#include "lib/kept_log.h"

// One line or part of one, of lib/format.h's format. Any context, also a panic; never blocks on a lock for long.
void log_print(const char *message, ...) __attribute__((format(printf, 1, 2)));
void log_uart_release(void);
// From now on the log lies there, with all that there was so far; KEPT_LOG_PAGES of text, behind the head's page.
void log_keep(struct kept_log *log);
// What is said of this run's end when its log is read after it.
void log_finish(enum kept_log_end end, const char *reason);
// From now on the log goes to the UART without locks.
void log_panic_mode(void);

// An entry of the trace ring.
void trace(uint16_t event, uint32_t a, uint64_t b, uint64_t c);
enum trace_event { TRACE_EXIT = 1, TRACE_FAULT, TRACE_DESTROY, TRACE_SHOOTDOWN };

extern struct core_info core_info;
extern char last_log_text[KEPT_LOG_TEXT];
#define INFO_TRACE_PAGES 16u
#define INFO_PAGES       (1u + KEPT_LOG_PAGES + INFO_TRACE_PAGES + KEPT_LOG_PAGES)
// Host-physical address of one of the pages that HARDWARE_MAP_INFO shows.
uint64_t info_page_hpa(unsigned page);
static inline void count(enum core_counter counter) {
    core_info.counters[counter]++;
}
