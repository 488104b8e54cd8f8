// Runtime of a server.
#include "lib/server.h"
#include "lib/format.h"
#include "lib/string.h"

#define LOG_LINE_BYTES 320u

const struct startup *const startup = (const struct startup *)STARTUP_ADDRESS;

uint64_t now_tsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

// x * multiplier / divisor without overflow on the way
static uint64_t scale(uint64_t x, uint64_t multiplier, uint64_t divisor) {
    return x / divisor * multiplier + x % divisor * multiplier / divisor; // both below 1.8e10: the product fits
}

uint64_t tsc_of_ns(uint64_t ns) {
    return scale(ns, startup->tsc_hz, 1000000000);
}

uint64_t ns_of_tsc(uint64_t ticks) {
    return scale(ticks, 1000000000, startup->tsc_hz);
}

uint64_t wall_seconds(void) {
    return startup->wall_seconds + (now_tsc() - startup->wall_tsc) / startup->tsc_hz;
}

static bool log_put(const struct channel *channel, const char *line, size_t bytes, uint64_t deadline) {
    while (ring_writable(&channel->out) < bytes) {
        if (now_tsc() > deadline)
            return false;
        sys_semaphore_control(channel->kick, SEMAPHORE_UP, 0);
        sys_reply_wait(WAIT_NO_CALL, 0, deadline_in_ms(10)); // an empty mask: only time passes
    }
    ring_write(&channel->out, line, bytes);
    sys_semaphore_control(channel->kick, SEMAPHORE_UP, 0);
    return true;
}

void log_vline(const char *message, va_list arguments) {
    static struct channel channel;
    static uint64_t lost;
    if (!channel.header) {
        const struct startup_window *window = startup_window(startup, "log");
        if (!window)
            return;
        channel_open(&channel, (void *)window->address, startup_capability(startup, "log.kick"));
    }
    char line[LOG_LINE_BYTES];
    int at = lost ? format(line, sizeof(line), "(%llu lines lost) ", (unsigned long long)lost) : 0;
    int bytes = vformat(line + at, sizeof(line) - (size_t)at - 1, message, arguments) + at;
    if (bytes > (int)sizeof(line) - 2)
        bytes = sizeof(line) - 2;
    line[bytes++] = '\n';
    uint64_t deadline = lost ? 0 : deadline_in_ms(1000); // who has lost a line waits no more for the next
    lost = log_put(&channel, line, (size_t)bytes, deadline) ? 0 : lost + 1;
}

void log_line(const char *message, ...) {
    va_list arguments;
    va_start(arguments, message);
    log_vline(message, arguments);
    va_end(arguments);
}

void server_exit(int status) {
    sys_pd_control(SELECTOR_SELF, PD_EXIT, (uint64_t)(int64_t)status);
    for (;;)
        __asm__ volatile("ud2");
}

void server_fail(const char *file, int line, const char *condition) {
    log_line("%s:%d: broken invariant: %s", file, line, condition);
    __asm__ volatile("ud2"); // so that the report has the registers and a backtrace
    server_exit(255);
}

uint64_t selector_new(void) {
    static uint64_t next = SELECTOR_OWN;
    return __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
}

void *pages_new(uint64_t pages) {
    static uint64_t used;
    uint64_t bytes = pages * PAGE_SIZE;
    if (pages > startup->heap_size / PAGE_SIZE || used + bytes > startup->heap_size)
        return NULL;
    void *memory = (void *)(startup->heap_base + used);
    used += bytes;
    return memory;
}

uint64_t capability_required(const char *name) {
    uint64_t selector = startup_capability(startup, name);
    if (selector == NO_SELECTOR) {
        log_line("the manifest gives this server no capability '%s', which it needs", name);
        server_exit(2);
    }
    return selector;
}

void *window_required(const char *name, uint64_t *size) {
    const struct startup_window *window = startup_window(startup, name);
    if (!window) {
        log_line("the manifest gives this server no window '%s', which it needs", name);
        server_exit(2);
    }
    if (size)
        *size = window->size;
    return (void *)window->address;
}
