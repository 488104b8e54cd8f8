// The domain manager's event loop, clock and calls.
#include "dom0/domain/manager.h"

#include <stdarg.h>
#include <string.h>

#include "dom0/domain/domains.h"
#include "dom0/domain/terminal.h"
#include "lib/channel.h"
#include "lib/format.h"
#include "lib/protocol_init.h"
#include "lib/syscall.h"

#define EVENT(bit) (1ull << (bit))
#define EVENTS     (EVENT(CHANNEL_EVENT_LOG) | EVENT(CHANNEL_EVENT_SHELL) | EVENT(INIT_EVENT_DOMAIN))

const struct startup *manager_startup(void) {
    return (const struct startup *)STARTUP_ADDRESS;
}

static struct message_buffer *message(void) {
    return (struct message_buffer *)STARTUP_MESSAGE;
}

// Nobody has a portal to the domain manager: what wakes it are events.
void manager_wait(uint64_t deadline) {
    struct syscall_result result = sys_reply_wait(WAIT_NO_REPLY, EVENTS, deadline);
    if (result.status == OK && result.value == WAIT_EVENTS && (message()->events & EVENT(INIT_EVENT_DOMAIN)))
        domains_look();
}

uint64_t manager_now_tsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

// In two parts, for the product with 10^9 has to fit.
uint64_t manager_ns_of_tsc(uint64_t ticks) {
    uint64_t hz = manager_startup()->tsc_hz ? manager_startup()->tsc_hz : 1000000000;
    return ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz;
}

uint64_t manager_ms_of_tsc(uint64_t tsc) {
    uint64_t boot = manager_startup()->boot_tsc;
    return tsc > boot ? manager_ns_of_tsc(tsc - boot) / 1000000 : 0;
}

uint64_t manager_now_ms(void) {
    return manager_ms_of_tsc(manager_now_tsc());
}

uint64_t manager_deadline_ms(uint64_t from_now) {
    uint64_t hz = manager_startup()->tsc_hz ? manager_startup()->tsc_hz : 1000000000;
    return manager_now_tsc() + from_now / 1000 * hz + from_now % 1000 * hz / 1000;
}

bool manager_sleep_ms(uint64_t ms) {
    uint64_t deadline = manager_deadline_ms(ms);
    while (manager_now_tsc() < deadline) {
        if (terminal_interrupted())
            return false;
        manager_wait(deadline);
    }
    return true;
}

int64_t manager_call(uint64_t portal, const uint64_t *request, size_t words, uint64_t *reply, size_t reply_words,
                     uint64_t timeout_ms) {
    memset(reply, 0, reply_words * 8);
    if (words > MESSAGE_WORDS)
        return ERROR_ARGUMENT;
    memcpy(message()->data, request, words * 8);
    struct syscall_result result = sys_call(portal, words, manager_deadline_ms(timeout_ms));
    if (result.status != OK)
        return result.status;
    size_t got = result.value < MESSAGE_WORDS ? result.value : MESSAGE_WORDS;
    memcpy(reply, message()->data, (got < reply_words ? got : reply_words) * 8);
    return OK;
}

// The log's ring is large and drained by the console; what does not fit is dropped rather than waited for.
void manager_log(const char *fmt, ...) {
    static struct channel log;
    const struct startup_window *window = startup_window(manager_startup(), "log");
    char line[512];
    va_list args;
    va_start(args, fmt);
    int length = vformat(line, sizeof line - 1, fmt, args);
    va_end(args);
    if (!window)
        return;
    if (!log.header)
        channel_open(&log, (void *)window->address, startup_capability(manager_startup(), "log.kick"));
    size_t used = (size_t)length < sizeof line - 1 ? (size_t)length : sizeof line - 2;
    line[used++] = '\n';
    if (ring_writable(&log.out) >= used)
        ring_write(&log.out, line, used);
    sys_semaphore_control(log.kick, SEMAPHORE_UP, 0);
}

long manager_set_thread_pointer(uint64_t address) {
    return sys_thread_control(SELECTOR_THREAD, THREAD_SET_FS_BASE, address, 0, 0);
}

_Noreturn void manager_exit(uint64_t status) {
    for (;;)
        sys_pd_control(SELECTOR_SELF, PD_EXIT, status);
}
