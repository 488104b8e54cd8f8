// The terminal. All output lies in scrollbacks first; from there whole log lines, or as many bytes as the UART has room
// for, go to the terminal. What is to be shown is taken from its ring only as fast as the UART is: then its producer waits.
#include "dom0/console/terminal.h"
#include "dom0/console/terminal_line.h"
#include "dom0/console/uart.h"
#include "lib/format.h"
#include "lib/string.h"

#define NOBODY        UINT64_MAX
#define LOG_LINE_MOST 1000u // longer lines are shown in parts
#define REPLAY_BYTES  2048u // of what a domain wrote before are shown again when the terminal connects
#define NOTE_BYTES    160u

static uint64_t domain = NOBODY; // slot that the terminal shows instead of the shell
static bool leaving;
static struct terminal_line line; // the shell's

static void say(const char *text) {
    size_t length = strlen(text), room = uart_room();
    uart_write(text, length < room ? length : room);
}

static uint64_t shell_slot(void) {
    for (uint64_t slot = 0; slot < CONSOLE_CHANNELS; slot++) {
        const struct console_channel *channel = channels_slot(slot);
        if (channel && channel->kind == CONSOLE_CHANNEL_SHELL && !channel->ended)
            return slot;
    }
    return NOBODY;
}

static void set_connected(uint64_t slot, bool connected) {
    struct console_channel *channel = channels_slot(slot);
    if (slot != NOBODY && channel)
        channel_set_connected(channel, slot, connected);
}

static void redraw_shell_line(void) {
    char bytes[TERMINAL_REDRAW_BYTES];
    size_t size = terminal_line_redraw(&line, bytes);
    if (uart_room() >= size)
        uart_write(bytes, size);
}

// Starts a little before where the terminal was when it last showed this channel, at the start of a line.
static void choose_replay(struct console_channel *channel) {
    uint64_t end = channel->scrollback.end, recent = end > REPLAY_BYTES ? end - REPLAY_BYTES : 0;
    uint64_t from = channel->shown < recent ? channel->shown : recent, first = scrollback_first(&channel->scrollback);
    if (from < first) {
        char note[NOTE_BYTES];
        format(note, sizeof(note), "[.. %llu bytes lost ..]\r\n", (unsigned long long)(first - from));
        say(note);
    }
    channel->shown = scrollback_line_start(&channel->scrollback, from);
}

bool terminal_connect(uint64_t slot) {
    struct console_channel *channel = slot < CONSOLE_CHANNELS ? channels_slot(slot) : NULL;
    char note[NOTE_BYTES];
    if (!channel || channel->kind != CONSOLE_CHANNEL_DOMAIN || channel->ended)
        return false;
    set_connected(domain == NOBODY ? shell_slot() : domain, false);
    domain = slot;
    leaving = false;
    format(note, sizeof(note), "\r\n[console of %s; Ctrl-] leaves it]\r\n", channel->name);
    say(note);
    choose_replay(channel);
    channel_set_connected(channel, slot, true);
    return true;
}

static void leave(void) {
    const struct console_channel *channel = channels_slot(domain);
    char note[NOTE_BYTES];
    uint64_t unseen = 0;
    set_connected(domain, false);
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        struct console_channel *log = channels_slot(slot);
        if (log && log->kind == CONSOLE_CHANNEL_LOG) {
            unseen += log->unseen;
            log->unseen = 0;
        }
    }
    format(note, sizeof(note), "\x1b[0m\r\n[left %s%s]\r\n", channel ? channel->name : "the domain",
           channel && channel->ended ? ", which has ended" : "");
    say(note);
    if (unseen > 0) {
        format(note, sizeof(note), "[%llu log lines meanwhile: see log and dmesg]\r\n", (unsigned long long)unseen);
        say(note);
    }
    domain = NOBODY;
    leaving = false;
    redraw_shell_line();
    set_connected(shell_slot(), true);
}

void terminal_release(uint64_t slot) {
    if (slot == domain)
        leaving = true;
}

// Typed bytes wait in the UART's queue while their client has no room.
static void pump_typed(void) {
    uint8_t byte;
    while (uart_peek(&byte)) {
        uint64_t slot = domain == NOBODY ? shell_slot() : domain;
        struct console_channel *channel = slot == NOBODY ? NULL : channels_slot(slot);
        if (domain != NOBODY && byte == TERMINAL_LEAVE)
            leave();
        else if (channel && !channel->ended && channel_type(channel, slot, &byte, 1) == 0)
            return;
        uart_next();
    }
}

// Sends what has not been shown, as much as the UART has room for.
static void show_bytes(struct console_channel *channel, bool follow) {
    uint8_t bytes[512];
    for (;;) {
        size_t room = uart_room();
        size_t got = scrollback_read(&channel->scrollback, &channel->shown, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
        if (got == 0)
            return;
        uart_write(bytes, got);
        channel->shown += got;
        for (size_t i = 0; follow && i < got; i++)
            terminal_line_put(&line, bytes[i]);
    }
}

static void show_log_line(struct console_channel *channel, size_t length) {
    uint8_t bytes[LOG_LINE_MOST];
    char prefix[NOTE_BYTES];
    scrollback_read(&channel->scrollback, &channel->shown, bytes, length);
    channel->shown += length;
    if (bytes[length - 1] == '\n')
        length--;
    for (size_t i = 0; i < length; i++)
        if ((bytes[i] < 0x20 && bytes[i] != '\t') || bytes[i] == 0x7f)
            bytes[i] = '?'; // a log line moves no cursor
    int size = format(prefix, sizeof(prefix), "[%s] ", channel->name);
    uart_write(prefix, (size_t)size);
    uart_write(bytes, length);
    uart_write("\r\n", 2);
}

// The next complete line of any log; its channel, or null.
static struct console_channel *next_log_line(size_t *length) {
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        struct console_channel *channel = channels_slot(slot);
        if (!channel || channel->kind != CONSOLE_CHANNEL_LOG)
            continue;
        if (channel->shown < scrollback_first(&channel->scrollback))
            channel->shown = scrollback_first(&channel->scrollback);
        *length = scrollback_line(&channel->scrollback, channel->shown, LOG_LINE_MOST);
        if (*length > 0)
            return channel;
    }
    return NULL;
}

static void show_logs(void) {
    bool cleared = false;
    size_t length;
    struct console_channel *channel;
    if (!terminal_line_can_interrupt(&line))
        return;
    while (uart_room() > LOG_LINE_MOST + NOTE_BYTES + TERMINAL_REDRAW_BYTES && (channel = next_log_line(&length))) {
        if (!cleared && !terminal_line_is_empty(&line))
            say("\r\x1b[K");
        cleared = true;
        show_log_line(channel, length);
    }
    if (cleared)
        redraw_shell_line();
}

// Logs are passed over while a domain is shown; they stay in their scrollback.
static bool take_all(void) {
    bool more = false;
    for (uint64_t slot = 0; slot < CONSOLE_CHANNELS; slot++) {
        struct console_channel *channel = channels_slot(slot);
        if (!channel)
            continue;
        bool is_log = channel->kind == CONSOLE_CHANNEL_LOG;
        bool shown = slot == domain || channel->kind == CONSOLE_CHANNEL_SHELL || (is_log && domain == NOBODY);
        more |= channel_take(channel, slot, shown);
        if (is_log && !shown)
            channel->shown = channel->scrollback.end;
    }
    return more;
}

static void show_domain(void) {
    struct console_channel *channel = channels_slot(domain);
    if (channel)
        show_bytes(channel, false);
    if (!channel || ((leaving || channel->ended) && channel->shown == channel->scrollback.end))
        leave();
}

bool terminal_pump(void) {
    bool more = take_all();
    more |= channels_take_core_log();
    pump_typed();
    if (domain != NOBODY)
        show_domain();
    uint64_t shell = shell_slot();
    struct console_channel *channel = shell == NOBODY ? NULL : channels_slot(shell);
    if (domain == NOBODY && channel) {
        show_bytes(channel, true);
        set_connected(shell, true);
    }
    if (domain == NOBODY && (!channel || channel->shown == channel->scrollback.end))
        show_logs();
    return more && uart_room() > 0;
}
