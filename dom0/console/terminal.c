// The terminal. All output lies in scrollbacks first; from there whole log lines, or as many bytes as the UART has room
// for, go to the terminal. What is to be shown is taken from its ring only as fast as the UART is: then its producer
// waits.
#include "dom0/console/terminal.h"
#include "dom0/console/terminal_line.h"
#include "dom0/console/uart.h"
#include "lib/format.h"
#include "lib/plain_text.h"
#include "lib/string.h"

#define NOBODY      UINT64_MAX
#define QUEUE_BYTES 512u // of a client's output wait for the UART, no more, so that Ctrl-] acts at once
#define QUIET_PART                                                                                                     \
    50u                     // of a second: logs wait until the shell has written nothing for so long, and for a whole
                            // second where it stopped within a line without waiting for a key
#define PATIENCE_S    2u    // typed bytes that a domain has no room for are dropped after that, when no more fit
#define LOG_LINE_MOST 1000u // longer lines are shown in parts
#define REPLAY_BYTES  2048u // of what a domain wrote before are shown again when the terminal connects
#define NOTE_BYTES    160u
#define WRAP_COLUMN   80u

static uint64_t domain = NOBODY; // slot that the terminal shows instead of the shell
static uint64_t domain_serial;   // of its entry when the terminal connected: another one is another domain
static char domain_name[48];
static bool announced;                 // what the shell wrote before is shown; now the domain is
static uint64_t shell_end;             // position up to which the shell had written when the terminal connected
static uint64_t leave_at = UINT64_MAX; // position of the domain's output at which the terminal leaves it
static struct terminal_line line;      // the shell's

static uint64_t present, second; // time of this pump, and ticks of a second
static uint64_t shell_shown_at;  // when the shell last wrote
static uint64_t blocked_since;   // when the domain first had no room for what was typed; 0: it has
static bool drop_told;           // that typed bytes are dropped meanwhile

static void say(const char *text) {
    size_t length = strlen(text), room = uart_room();
    uart_write(text, length < room ? length : room);
}

static uint64_t shell_slot(void) {
    for (uint64_t slot = 0; slot < CONSOLE_CHANNELS; slot = channels_after(slot)) {
        const struct console_channel *channel = channels_slot(slot);
        if (channel && channel->kind == CONSOLE_CHANNEL_SHELL && !channel->ended)
            return slot;
    }
    return NOBODY;
}

static struct console_channel *shell_channel(void) {
    uint64_t slot = shell_slot();
    return slot == NOBODY ? NULL : channels_slot(slot);
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

// A little of what the domain wrote before, from the start of a line.
static void choose_replay(struct console_channel *channel) {
    uint64_t end = channel->scrollback.end;
    channel->shown = end > REPLAY_BYTES ? scrollback_line_start(&channel->scrollback, end - REPLAY_BYTES) : 0;
}

bool terminal_connect(uint64_t slot) {
    struct console_channel *channel = slot < CONSOLE_CHANNELS ? channels_slot(slot) : NULL;
    if (!channel || channel->kind != CONSOLE_CHANNEL_DOMAIN || channel->ended)
        return false;
    const struct console_channel *shell = shell_channel();
    if (domain == NOBODY)
        shell_end = shell ? shell->scrollback.end : 0;
    set_connected(domain == NOBODY ? shell_slot() : domain, false);
    domain = slot;
    domain_serial = channel->serial;
    memcpy(domain_name, channel->name, sizeof(domain_name));
    announced = false;
    leave_at = UINT64_MAX;
    blocked_since = 0;
    drop_told = false;
    choose_replay(channel);
    channel_set_connected(channel, slot, true);
    return true;
}

// The domain that the terminal shows; null if it has gone.
static struct console_channel *domain_channel(void) {
    struct console_channel *channel = channels_slot(domain);
    return channel && channel->serial == domain_serial ? channel : NULL;
}

// The terminal may be within a sequence, in colour, without wrapping or cursor: the domain left it so.
static void leave(void) {
    const struct console_channel *channel = domain_channel();
    char note[NOTE_BYTES];
    uint64_t unseen = 0;
    if (channel)
        set_connected(domain, false);
    for (uint64_t slot = 0; slot < SLOTS; slot = channels_after(slot)) {
        struct console_channel *log = channels_slot(slot);
        if (log && log->kind == CONSOLE_CHANNEL_LOG) {
            unseen += log->unseen;
            log->unseen = 0;
        }
    }
    format(note, sizeof(note), "\x1b[0m\x1b[?7h\x1b[?25h\r\n[left %s%s]\r\n", domain_name,
           !channel || channel->ended ? ", which has ended" : "");
    say(note);
    if (unseen > 0) {
        format(note, sizeof(note), "[%llu log lines meanwhile: see log and dmesg]\r\n", (unsigned long long)unseen);
        say(note);
    }
    domain = NOBODY;
    redraw_shell_line();
    set_connected(shell_slot(), true);
}

void terminal_release(uint64_t slot) {
    const struct console_channel *channel = channels_slot(slot);
    if (slot == domain && channel)
        leave_at = channel->scrollback.end;
}

// A domain has no room for what was typed. It must not keep the terminal: Ctrl-] acts even behind what waits, and is
// seen even if more was typed than can wait.
static bool pass_blockade(void) {
    if (uart_skip_to(TERMINAL_LEAVE)) {
        leave();
        return true;
    }
    if (blocked_since == 0)
        blocked_since = present;
    if (present - blocked_since < PATIENCE_S * second || uart_drop_full() == 0)
        return false;
    if (!drop_told) {
        char note[NOTE_BYTES];
        format(note, sizeof(note), "\r\n[%s reads no input, what is typed is dropped; Ctrl-] leaves it]\r\n",
               domain_name);
        say(note);
    }
    drop_told = true;
    return false;
}

// Typed bytes wait in the UART's queue while their client has no room.
static void pump_typed(void) {
    uint8_t byte;
    while (uart_peek(&byte)) {
        uint64_t slot = domain == NOBODY ? shell_slot() : domain;
        struct console_channel *channel = slot == NOBODY ? NULL : channels_slot(slot);
        bool leaves = domain != NOBODY && byte == TERMINAL_LEAVE;
        if (!leaves && channel && !channel->ended && channel_type(channel, slot, &byte, 1) == 0) {
            if (domain != NOBODY && pass_blockade())
                continue;
            return;
        }
        blocked_since = 0;
        drop_told = false;
        uart_next();
        if (leaves)
            leave();
    }
}

// Sends what has not been shown up to a position, as much as the UART should have.
static void show_bytes(struct console_channel *channel, uint64_t end, struct terminal_line *follow) {
    uint8_t bytes[QUEUE_BYTES];
    for (;;) {
        size_t room = uart_room(), busy = UART_SEND_BYTES - room;
        size_t most = busy < QUEUE_BYTES ? QUEUE_BYTES - busy : 0;
        most = most < end - channel->shown ? most : end - channel->shown;
        size_t got = scrollback_read(&channel->scrollback, &channel->shown, bytes, most);
        if (got == 0)
            return;
        uart_write(bytes, got);
        channel->shown += got;
        for (size_t i = 0; follow && i < got; i++)
            terminal_line_put(follow, bytes[i]);
    }
}

static void show_shell(struct console_channel *channel, uint64_t end) {
    uint64_t before = channel->shown;
    show_bytes(channel, end, &line);
    if (channel->shown != before)
        shell_shown_at = present;
}

static void show_log_line(struct console_channel *channel, size_t length) {
    uint8_t bytes[LOG_LINE_MOST];
    char prefix[NOTE_BYTES];
    scrollback_read(&channel->scrollback, &channel->shown, bytes, length);
    channel->shown += length;
    if (bytes[length - 1] == '\n')
        length--;
    plain_text((char *)bytes, length); // a log line moves no cursor
    int size = format(prefix, sizeof(prefix), "[%s] ", channel->name);
    uart_write(prefix, (size_t)size);
    uart_write(bytes, length);
    uart_write("\r\n", 2);
}

static struct console_channel *log_at(uint64_t slot) {
    struct console_channel *channel = channels_slot(slot);
    return channel && channel->kind == CONSOLE_CHANNEL_LOG ? channel : NULL;
}

// Length of the log's next complete line; 0 for none. Lines that are gone before the terminal came to them count as
// held back.
static size_t next_line(struct console_channel *log) {
    uint64_t first = scrollback_first(&log->scrollback);
    if (log->shown < first) {
        log->shown = scrollback_line_start(&log->scrollback, first);
        log_rate_skip(&log->rate, present);
    }
    return scrollback_line(&log->scrollback, log->shown, LOG_LINE_MOST);
}

// The next line of any log that may be shown; its channel, or null.
static struct console_channel *next_log_line(size_t *length) {
    for (uint64_t slot = 0; slot < SLOTS; slot = channels_after(slot)) {
        struct console_channel *log = log_at(slot);
        while (log && (*length = next_line(log)) > 0) {
            if (log_rate_take(&log->rate, present, second))
                return log;
            log->shown += *length;
        }
    }
    return NULL;
}

static void make_way(bool *made) {
    // A line that the terminal has wrapped cannot be cleared as a whole: it stays, and is drawn again below.
    if (!*made && !terminal_line_is_empty(&line))
        say(line.length < WRAP_COLUMN ? "\r\x1b[K" : "\r\n");
    *made = true;
}

static bool has_log_room(void) {
    return uart_room() > LOG_LINE_MOST + 2 * NOTE_BYTES + TERMINAL_REDRAW_BYTES;
}

static void show_held(bool *made) {
    for (uint64_t slot = 0; slot < SLOTS && has_log_room(); slot = channels_after(slot)) {
        struct console_channel *log = log_at(slot);
        uint64_t held = log ? log_rate_report(&log->rate, present, second) : 0;
        char note[NOTE_BYTES];
        if (held == 0)
            continue;
        make_way(made);
        format(note, sizeof(note),
               slot == CORE_LOG_SLOT ? "[%s] %llu lines not shown, see 'dmesg'\r\n"
                                     : "[%s] %llu lines not shown, see 'log %s'\r\n",
               log->name, (unsigned long long)held, log->name);
        say(note);
    }
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

// When there is something to tell of lines held back. What is due and still there waits for the UART.
static uint64_t logs_deadline(void) {
    uint64_t deadline = NO_DEADLINE;
    for (uint64_t slot = 0; slot < SLOTS; slot = channels_after(slot)) {
        const struct console_channel *log = log_at(slot);
        uint64_t due = log ? log_rate_deadline(&log->rate, second) : NO_DEADLINE;
        deadline = due > present ? earlier(deadline, due) : deadline;
    }
    return deadline;
}

// For how long the shell has to be silent before a log's line comes between.
static uint64_t quiet_time(void) {
    const struct console_channel *shell = shell_channel();
    bool between = !shell || terminal_line_is_empty(&line) || channel_reads(shell);
    return between ? second / QUIET_PART : second;
}

// Shows log lines between the shell's. Returns when to look again.
static uint64_t show_logs(void) {
    bool made = false;
    size_t length;
    struct console_channel *log;
    if (!terminal_line_can_interrupt(&line))
        return NO_DEADLINE;
    if (present - shell_shown_at < quiet_time())
        return shell_shown_at + quiet_time();
    while (has_log_room() && (log = next_log_line(&length))) {
        make_way(&made);
        show_log_line(log, length);
    }
    show_held(&made);
    if (made)
        redraw_shell_line();
    return logs_deadline();
}

// Logs are passed over while a domain is shown; they stay in their scrollback.
static void pass_over(struct console_channel *log) {
    for (size_t length; (length = next_line(log)) > 0; log->shown += length)
        log->unseen++;
}

// Only what the terminal shows byte by byte waits for it in its ring.
static void take_all(void) {
    for (uint64_t slot = 0; slot < CONSOLE_CHANNELS; slot = channels_after(slot)) {
        struct console_channel *channel = channels_slot(slot);
        if (!channel)
            continue;
        channel_take(channel, slot, slot == domain || channel->kind == CONSOLE_CHANNEL_SHELL);
    }
    (void)channels_take_core_log();
    for (uint64_t slot = 0; slot < SLOTS && domain != NOBODY; slot = channels_after(slot))
        if (log_at(slot))
            pass_over(log_at(slot));
}

static void announce(void) {
    struct console_channel *shell = shell_channel();
    char note[NOTE_BYTES];
    if (shell && shell->shown < shell_end)
        show_shell(shell, shell_end);
    if (shell && shell->shown < shell_end)
        return;
    format(note, sizeof(note), "\r\n[console of %s; Ctrl-] leaves it]\r\n", domain_name);
    say(note);
    announced = true;
}

static void show_domain(void) {
    struct console_channel *channel = domain_channel();
    if (!announced)
        announce();
    if (!announced)
        return;
    show_bytes(channel, earlier(leave_at, channel->scrollback.end), NULL);
    if (channel->shown >= leave_at || (channel->ended && channel->shown == channel->scrollback.end))
        leave();
}

static uint64_t pump_shell(void) {
    struct console_channel *shell = shell_channel();
    if (!shell)
        return show_logs();
    show_shell(shell, shell->scrollback.end);
    set_connected(shell_slot(), true);
    return shell->shown == shell->scrollback.end ? show_logs() : NO_DEADLINE;
}

static uint64_t pump(void) {
    if (domain != NOBODY && !domain_channel())
        leave(); // before what is typed goes to whoever has its slot now
    pump_typed();
    if (domain != NOBODY)
        show_domain();
    if (domain == NOBODY)
        return pump_shell();
    uint64_t impatient = blocked_since + PATIENCE_S * second;
    return blocked_since != 0 && impatient > present ? impatient : NO_DEADLINE;
}

uint64_t terminal_pump(uint64_t now, uint64_t ticks_per_second) {
    present = now;
    second = ticks_per_second;
    take_all();
    uint64_t deadline = pump();
    const struct console_channel *shell = shell_channel();
    if (shell)
        channel_tell_shown(shell, UART_SEND_BYTES - uart_room());
    return deadline;
}
