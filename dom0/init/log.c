// init's log: lines into its channel, which the console shows. Where no console runs they go to the UART, which init
// may use as long as nobody else does.
#include "dom0/init/channels.h"
#include "dom0/init/init.h"
#include "dom0/init/last_log.h"
#include "dom0/init/ports.h"
#include "lib/format.h"
#include "lib/string.h"

#define UART_DATA  0x3f8u
#define UART_LCR   0x3fbu
#define UART_LSR   0x3fdu
#define LCR_8N1    0x03u
#define LSR_THRE   0x20u
#define UART_TRIES 100000u

static enum { KEPT, TO_CONSOLE, TO_UART } lines_go; // KEPT in the channel: a console is to be started

// A UART that is never ready does not hold init for ever.
static void uart_put(char c) {
    for (unsigned tries = 0; tries < UART_TRIES && !(port_in8(UART_LSR) & LSR_THRE); tries++)
        ;
    port_out8(UART_DATA, (uint8_t)c);
}

static void uart_lines(const char *text, size_t bytes) {
    static bool inside_line;
    for (size_t i = 0; i < bytes; i++) {
        for (const char *prefix = "[init] "; !inside_line && *prefix; prefix++)
            uart_put(*prefix);
        inside_line = text[i] != '\n';
        if (!inside_line)
            uart_put('\r');
        uart_put(text[i]);
    }
}

static void go_to_uart(void) {
    char bytes[128];
    uint64_t at = 0;
    lines_go = TO_UART;
    for (size_t got; (got = channel_log_init_unread(&at, bytes, sizeof(bytes))) > 0;)
        uart_lines(bytes, got);
    channel_log_init_printed();
}

void init_log_console_runs(void) {
    lines_go = TO_CONSOLE;
}

void init_log_console_gone(void) {
    if (lines_go == TO_UART)
        return;
    port_out8(UART_LCR, LCR_8N1); // it may have ended while it set the divisor
    uart_put('\r');               // and in the middle of a line
    uart_put('\n');
    go_to_uart();
}

void init_log_servers_started(void) {
    if (lines_go == KEPT)
        go_to_uart();
}

void init_log(const char *message, ...) {
    char line[320];
    va_list arguments;
    va_start(arguments, message);
    int length = vformat(line, sizeof(line) - 1, message, arguments);
    va_end(arguments);
    if (length > (int)sizeof(line) - 2)
        length = sizeof(line) - 2;
    line[length++] = '\n';
    last_log_write(line, (size_t)length);
    bool kept = channel_log_init(line, (size_t)length);
    if (lines_go == TO_UART || (lines_go == KEPT && !kept))
        uart_lines(line, (size_t)length);
    if (lines_go == TO_UART)
        channel_log_init_printed();
}
