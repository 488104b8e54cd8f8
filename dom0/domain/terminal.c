// The shell's terminal over its channel to the console server.
#include "dom0/domain/terminal.h"

#include <stdarg.h>
#include <string.h>

#include "dom0/domain/manager.h"
#include "lib/format.h"
#include "lib/server.h"

#define INTERRUPT_KEY     3     // Ctrl-C
#define DRAIN_PATIENCE_MS 5000u // without a byte shown: the terminal shows something else, or there is none

static struct channel shell;

// What was typed, taken from the ring to be looked through for Ctrl-C.
static char typed[CHANNEL_IN_BYTES];
static size_t typed_length;

static bool open_shell(void) {
    if (shell.header)
        return true;
    const struct startup_window *window = startup_window(startup, "shell");
    if (window)
        channel_open(&shell, (void *)window->address, startup_capability(startup, "shell.kick"));
    return shell.header != NULL;
}

static void kick(void) {
    sys_semaphore_control(shell.kick, SEMAPHORE_UP, 0);
}

// Waits for room. The flag is set before looking again, so that the console's wake-up cannot fall between.
static void wait_for_room(void) {
    __atomic_store_n(&shell.header->out_waiting, 1, __ATOMIC_SEQ_CST);
    kick();
    if (!ring_writable(&shell.out))
        manager_wait_for_terminal(NO_DEADLINE);
}

static void put(const char *text, size_t length) {
    while (length) {
        size_t written = ring_write(&shell.out, text, length);
        text += written;
        length -= written;
        if (length)
            wait_for_room();
    }
}

void terminal_write(const char *text, size_t length) {
    if (!open_shell())
        return;
    while (length) {
        const char *feed = memchr(text, '\n', length);
        size_t part = feed ? (size_t)(feed - text) : length;
        put(text, part);
        if (feed)
            put("\r\n", 2);
        part += feed ? 1 : 0;
        text += part;
        length -= part;
    }
    kick();
}

void terminal_print(const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    int length = vformat(text, sizeof text, fmt, args);
    va_end(args);
    terminal_write(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

static void put_to_sink(void *to, const char *text, size_t length) {
    (void)to;
    terminal_write(text, length);
}

const struct text_sink terminal_sink = {put_to_sink, NULL};

static void take_typed(void) {
    size_t got = ring_read(&shell.in, typed + typed_length, sizeof typed - typed_length);
    typed_length += got;
    if (got)
        kick();
}

static void drop_typed(size_t bytes) {
    typed_length -= bytes;
    memmove(typed, typed + bytes, typed_length);
}

// While it waits for a key the console may draw the line again, behind those of logs.
static void wait_for_key(uint64_t deadline) {
    __atomic_store_n(&shell.header->reading, 1, __ATOMIC_RELEASE);
    kick();
    manager_wait(deadline);
    __atomic_store_n(&shell.header->reading, 0, __ATOMIC_RELEASE);
}

size_t terminal_read(char *to, size_t size, uint64_t deadline) {
    if (!open_shell())
        server_exit(1);
    for (;;) {
        take_typed();
        size_t got = typed_length < size ? typed_length : size;
        if (got) {
            memcpy(to, typed, got);
            drop_typed(got);
            return got;
        }
        if (manager_now_tsc() >= deadline)
            return 0;
        wait_for_key(deadline);
    }
}

bool terminal_interrupted(void) {
    if (!open_shell())
        return false;
    take_typed();
    const char *key = memchr(typed, INTERRUPT_KEY, typed_length);
    if (key)
        drop_typed((size_t)(key - typed) + 1);
    return key != NULL;
}

bool terminal_connected(void) {
    return open_shell() && __atomic_load_n(&shell.header->connected, __ATOMIC_ACQUIRE);
}

// The console takes more than the terminal has shown: an empty ring says nothing.
void terminal_drain(void) {
    uint64_t before = 0, deadline = manager_deadline_ms(DRAIN_PATIENCE_MS);
    while (open_shell() && manager_now_tsc() < deadline) {
        uint64_t shown = __atomic_load_n(&shell.header->out_shown, __ATOMIC_ACQUIRE);
        if (shown == shell.header->out.written)
            return;
        if (shown != before)
            deadline = manager_deadline_ms(DRAIN_PATIENCE_MS);
        before = shown;
        kick();
        manager_wait_for_terminal(manager_deadline_ms(5));
    }
}

struct terminal_size terminal_size(void) {
    struct terminal_size size = {80, 25};
    if (open_shell() && shell.header->columns && shell.header->rows)
        size = (struct terminal_size){shell.header->columns, shell.header->rows};
    if (size.columns < 20 || size.columns > 1000)
        size.columns = 80;
    if (size.rows < 5 || size.rows > 1000)
        size.rows = 25;
    return size;
}
