// The terminal: shell, log lines between, a domain's console. Channels and UART are the test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/console/terminal.h"
#include "dom0/console/uart.h"

#define SECOND 1000000u
enum { SHELL, DOMAIN, LOG, CHANNELS };

static struct console_channel slots[CHANNELS];
static uint8_t memory[CHANNELS][CONSOLE_SCROLLBACK];
static bool connected[CHANNELS];
static size_t input_room[CHANNELS];
static char input[CHANNELS][256];
static char sent[1 << 18];
static size_t sent_size, uart_busy;
static uint64_t told_shown; // to the shell: of what it wrote
static uint8_t typed[UART_RECEIVE_BYTES];
static size_t typed_at, typed_end;
static uint64_t now = 100 * SECOND;
static bool reading = true; // the shell

uint64_t channels_after(uint64_t slot) {
    return slot + 1;
}

struct console_channel *channels_slot(uint64_t slot) {
    return slot < CHANNELS && slots[slot].kind != CONSOLE_CHANNEL_NONE ? &slots[slot] : NULL;
}

void channel_take(struct console_channel *channel, uint64_t slot, bool keep_unshown) {
    (void)channel, (void)slot, (void)keep_unshown;
}

bool channels_take_core_log(void) {
    return false;
}

size_t channel_type(struct console_channel *channel, uint64_t slot, const void *bytes, size_t size) {
    (void)channel;
    if (input_room[slot] < size)
        return 0;
    input_room[slot] -= size;
    strncat(input[slot], bytes, size);
    return size;
}

bool channel_reads(const struct console_channel *channel) {
    assert_ptr_equal(channel, &slots[SHELL]);
    return reading;
}

void channel_set_connected(struct console_channel *channel, uint64_t slot, bool on) {
    (void)channel;
    connected[slot] = on;
}

void channel_tell_shown(const struct console_channel *channel, uint64_t queued) {
    assert_ptr_equal(channel, &slots[SHELL]);
    told_shown = channel->shown - queued;
}

size_t uart_room(void) {
    return UART_SEND_BYTES - uart_busy;
}

void uart_write(const void *from, size_t bytes) {
    assert_true(bytes <= uart_room());
    assert_true(sent_size + bytes < sizeof(sent));
    memcpy(sent + sent_size, from, bytes);
    sent_size += bytes;
    uart_busy += bytes;
}

bool uart_peek(uint8_t *byte) {
    *byte = typed[typed_at % sizeof(typed)];
    return typed_at < typed_end;
}

void uart_next(void) {
    typed_at++;
}

bool uart_skip_to(uint8_t byte) {
    const uint8_t *found = memchr(typed + typed_at, byte, typed_end - typed_at);
    if (found)
        typed_at = (size_t)(found - typed) + 1;
    return found != NULL;
}

size_t uart_drop_full(void) {
    size_t waiting = typed_end - typed_at;
    if (waiting < sizeof(typed))
        return 0;
    typed_at = typed_end = 0;
    return waiting;
}

static void put(int slot, const char *text) {
    scrollback_write(&slots[slot].scrollback, (const uint8_t *)text, strlen(text));
}

static void type(const char *text) {
    typed_at = 0;
    typed_end = strlen(text);
    memcpy(typed, text, typed_end);
}

// Lets the UART send all, and time pass, until nothing moves any more; gives what was sent.
static const char *pump(void) {
    sent_size = 0;
    for (size_t before = SIZE_MAX; before != sent_size || uart_busy;) {
        before = sent_size;
        uart_busy = 0;
        now += SECOND / 20;
        (void)terminal_pump(now, SECOND);
    }
    sent[sent_size] = 0;
    return sent;
}

static void open_slot(int slot, uint32_t kind, const char *name) {
    static uint64_t serial;
    slots[slot] = (struct console_channel){.kind = kind, .serial = ++serial};
    slots[slot].scrollback = (struct scrollback){.data = memory[slot], .size = CONSOLE_SCROLLBACK};
    strcpy(slots[slot].name, name);
    connected[slot] = false;
    input_room[slot] = 200;
    input[slot][0] = 0;
}

static int set_up(void **state) {
    (void)state;
    memset(slots, 0, sizeof(slots));
    reading = true;
    typed_at = typed_end = 0;
    (void)pump(); // a domain that was shown has gone
    open_slot(SHELL, CONSOLE_CHANNEL_SHELL, "domain");
    open_slot(DOMAIN, CONSOLE_CHANNEL_DOMAIN, "deb");
    open_slot(LOG, CONSOLE_CHANNEL_LOG, "init");
    put(SHELL, "\r\n> ");
    (void)pump();
    return 0;
}

static void log_lines_leave_the_shells_line_as_it_was(void **state) {
    (void)state;
    put(SHELL, "li\b");
    assert_string_equal(pump(), "li\b");
    put(LOG, "half");
    assert_string_equal(pump(), "");
    put(LOG, " whole\nnext\n");
    assert_string_equal(pump(), "\r\x1b[K[init] half whole\r\n[init] next\r\n> li\r\x1b[3C");
}

static void log_lines_wait_until_the_shell_is_quiet(void **state) {
    (void)state;
    put(SHELL, "a");
    put(LOG, "line\n");
    sent_size = uart_busy = 0;
    uint64_t deadline = terminal_pump(now, SECOND);
    assert_int_equal(sent_size, 1);
    assert_true(deadline > now && deadline <= now + SECOND / 10);
    now = deadline;
    (void)terminal_pump(now, SECOND);
    sent[sent_size] = 0;
    assert_string_equal(sent, "a\r\x1b[K[init] line\r\n> a");
}

static void log_lines_do_not_cut_an_answer(void **state) {
    (void)state;
    reading = false;
    put(SHELL, "list\r\n{\"name\":");
    put(LOG, "line\n");
    assert_string_equal(pump(), "list\r\n{\"name\":");
    put(SHELL, " 1}\r\n");
    assert_string_equal(pump(), " 1}\r\n[init] line\r\n");
    put(SHELL, "silent for long");
    put(LOG, "more\n");
    (void)pump();
    now += SECOND;
    assert_string_equal(pump(), "\r\x1b[K[init] more\r\nsilent for long");
}

static void log_lines_do_not_break_sequences(void **state) {
    (void)state;
    put(SHELL, "\x1b[3");
    put(LOG, "line\n");
    assert_string_equal(pump(), "\x1b[3");
    put(SHELL, "1m");
    assert_string_equal(pump(), "1m\r\x1b[K[init] line\r\n> ");
}

static void logs_move_no_cursor(void **state) {
    (void)state;
    put(LOG, "a\x1b[2Jb\r\n");
    assert_string_equal(pump(), "\r\x1b[K[init] a?[2Jb?\r\n> ");
}

static void chatty_logs_are_held_back_and_counted(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++)
        put(LOG, "line\n");
    (void)pump();
    now += 2 * SECOND;
    const char *text = pump();
    assert_non_null(strstr(text, "[init] 940 lines not shown, see 'log init'\r\n"));
}

static void a_console_is_replayed_then_followed_and_left(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++)
        put(DOMAIN, "0123456\n");
    put(DOMAIN, "# ");
    put(SHELL, "console deb\r\n");
    assert_true(terminal_connect(DOMAIN));
    assert_true(connected[DOMAIN] && !connected[SHELL]);
    const char *text = pump();
    assert_int_equal(strncmp(text, "console deb\r\n", 13), 0); // the shell's comes first
    const char *replay = strstr(text, "leaves it]\r\n");
    assert_non_null(replay);
    assert_int_equal(strncmp(replay + 12, "0123456\n", 8), 0);
    assert_in_range(strlen(replay), 2000, 2100);
    put(LOG, "unseen\n");
    put(DOMAIN, "output");
    type("ls\x1d"
         "x");
    text = pump();
    assert_string_equal(input[DOMAIN], "ls");
    assert_string_equal(input[SHELL], "x");
    assert_null(strstr(text, "unseen"));
    assert_non_null(strstr(text, "[left deb]"));
    assert_non_null(strstr(text, "[1 log lines meanwhile"));
    assert_true(connected[SHELL] && !connected[DOMAIN]);
}

static void nothing_of_a_console_is_lost_or_sent_twice(void **state) {
    (void)state;
    assert_true(terminal_connect(DOMAIN));
    (void)pump();
    char wanted[40000], line[16];
    wanted[0] = 0;
    size_t used = 0;
    for (int i = 0; i < 3000; i++) {
        snprintf(line, sizeof(line), "%d\n", i);
        put(DOMAIN, line);
        used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "%s", line);
    }
    assert_string_equal(pump(), wanted);
}

static void the_queue_to_the_uart_stays_short(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++)
        put(SHELL, "0123456789");
    sent_size = uart_busy = 0;
    for (int i = 0; i < 100; i++)
        (void)terminal_pump(now, SECOND);
    assert_true(uart_busy <= 512);
}

// What ends the machine waits for that.
static void the_shell_is_told_what_the_terminal_has(void **state) {
    (void)state;
    char text[2000];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    put(SHELL, text);
    uint64_t end = slots[SHELL].scrollback.end;
    (void)terminal_pump(now, SECOND);
    assert_true(told_shown < end - 1000);
    while (slots[SHELL].shown != end) {
        uart_busy = 0;
        (void)terminal_pump(now, SECOND);
    }
    assert_true(uart_busy > 0 && told_shown == end - uart_busy);
    uart_busy = 0;
    (void)terminal_pump(now, SECOND);
    assert_true(told_shown == end);
}

static void the_end_of_a_domain_gives_the_terminal_back(void **state) {
    (void)state;
    assert_true(terminal_connect(DOMAIN));
    (void)pump();
    put(DOMAIN, "last words");
    slots[DOMAIN].ended = true;
    const char *text = pump();
    assert_non_null(strstr(text, "last words\x1b[0m"));
    assert_non_null(strstr(text, "[left deb, which has ended]"));
    assert_true(connected[SHELL]);
    assert_false(terminal_connect(DOMAIN));
}

static void another_domain_in_the_same_slot_is_not_shown(void **state) {
    (void)state;
    assert_true(terminal_connect(DOMAIN));
    (void)pump();
    open_slot(DOMAIN, CONSOLE_CHANNEL_DOMAIN, "other");
    put(DOMAIN, "secret");
    type("q");
    const char *text = pump();
    assert_null(strstr(text, "secret"));
    assert_string_equal(input[DOMAIN], "");
    assert_string_equal(input[SHELL], "q");
    assert_non_null(strstr(text, "[left deb, which has ended]"));
    assert_false(connected[DOMAIN]);
}

static void a_release_acts_though_the_domain_writes_on(void **state) {
    (void)state;
    assert_true(terminal_connect(DOMAIN));
    (void)pump();
    put(DOMAIN, "before");
    terminal_release(DOMAIN);
    put(DOMAIN, "after");
    const char *text = pump();
    assert_non_null(strstr(text, "before\x1b[0m"));
    assert_null(strstr(text, "after"));
    assert_true(connected[SHELL]);
}

static void a_domain_that_reads_nothing_cannot_keep_the_terminal(void **state) {
    (void)state;
    assert_true(terminal_connect(DOMAIN));
    input_room[DOMAIN] = 1;
    type("abc\x1d");
    const char *text = pump();
    assert_non_null(strstr(text, "[left deb]"));
    assert_string_equal(input[DOMAIN], "a");

    assert_true(terminal_connect(DOMAIN));
    memset(typed, 'x', sizeof(typed));
    typed_at = 0;
    typed_end = sizeof(typed);
    uart_busy = 0;
    uint64_t deadline = terminal_pump(now, SECOND);
    assert_true(deadline > now && deadline < now + 10 * SECOND);
    now = deadline;
    sent_size = 0;
    (void)terminal_pump(now, SECOND);
    sent[sent_size] = 0;
    assert_non_null(strstr(sent, "[deb reads no input"));
    assert_int_equal(typed_end, 0);
}

static void only_domains_can_be_connected(void **state) {
    (void)state;
    assert_false(terminal_connect(SHELL));
    assert_false(terminal_connect(LOG));
    assert_false(terminal_connect(CHANNELS));
    assert_false(terminal_connect(UINT64_MAX));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(log_lines_leave_the_shells_line_as_it_was, set_up),
        cmocka_unit_test_setup(log_lines_wait_until_the_shell_is_quiet, set_up),
        cmocka_unit_test_setup(log_lines_do_not_cut_an_answer, set_up),
        cmocka_unit_test_setup(log_lines_do_not_break_sequences, set_up),
        cmocka_unit_test_setup(logs_move_no_cursor, set_up),
        cmocka_unit_test_setup(chatty_logs_are_held_back_and_counted, set_up),
        cmocka_unit_test_setup(a_console_is_replayed_then_followed_and_left, set_up),
        cmocka_unit_test_setup(nothing_of_a_console_is_lost_or_sent_twice, set_up),
        cmocka_unit_test_setup(the_queue_to_the_uart_stays_short, set_up),
        cmocka_unit_test_setup(the_shell_is_told_what_the_terminal_has, set_up),
        cmocka_unit_test_setup(the_end_of_a_domain_gives_the_terminal_back, set_up),
        cmocka_unit_test_setup(another_domain_in_the_same_slot_is_not_shown, set_up),
        cmocka_unit_test_setup(a_release_acts_though_the_domain_writes_on, set_up),
        cmocka_unit_test_setup(a_domain_that_reads_nothing_cannot_keep_the_terminal, set_up),
        cmocka_unit_test_setup(only_domains_can_be_connected, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
