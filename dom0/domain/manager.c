// The domain manager's event loop, clock and calls.
#include "dom0/domain/manager.h"

#include <stdarg.h>
#include <string.h>

#include "dom0/domain/domains.h"
#include "dom0/domain/terminal.h"
#include "lib/protocol_init.h"
#include "lib/server.h"

#define EVENT(bit) (1ull << (bit))
#define EVENTS     (EVENT(CHANNEL_EVENT_SHELL) | EVENT(INIT_EVENT_DOMAIN))

// Nobody has a portal to the domain manager: what wakes it are events.
void manager_wait(uint64_t deadline) {
    struct syscall_result result = sys_reply_wait(WAIT_NO_REPLY, EVENTS, deadline);
    if (result.status == OK && result.value == WAIT_EVENTS && (message_buffer()->events & EVENT(INIT_EVENT_DOMAIN)))
        domains_look();
}

void manager_wait_for_terminal(uint64_t deadline) {
    sys_reply_wait(WAIT_NO_REPLY, EVENT(CHANNEL_EVENT_SHELL), deadline);
}

uint64_t manager_now_tsc(void) {
    return now_tsc();
}

uint64_t manager_ns_of_tsc(uint64_t ticks) {
    return ns_of_tsc(ticks);
}

uint64_t manager_ms_of_tsc(uint64_t tsc) {
    return tsc > startup->boot_tsc ? ns_of_tsc(tsc - startup->boot_tsc) / 1000000 : 0;
}

struct domain_page_clock manager_page_clock(void) {
    return (struct domain_page_clock){startup->boot_tsc, now_tsc()};
}

uint64_t manager_now_ms(void) {
    return manager_ms_of_tsc(now_tsc());
}

uint64_t manager_deadline_ms(uint64_t from_now) {
    return deadline_in_ms(from_now);
}

bool manager_sleep_ms(uint64_t ms) {
    uint64_t deadline = deadline_in_ms(ms);
    while (now_tsc() < deadline) {
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
    memcpy(message_buffer()->data, request, words * 8);
    struct syscall_result result = sys_call(portal, words, deadline_in_ms(timeout_ms));
    if (result.status != OK)
        return result.status;
    size_t got = result.value < MESSAGE_WORDS ? result.value : MESSAGE_WORDS;
    memcpy(reply, message_buffer()->data, (got < reply_words ? got : reply_words) * 8);
    return OK;
}

void manager_log(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    log_vline(fmt, args);
    va_end(args);
}
