// init's log: lines into its channel; before the console runs also to the UART, which init may use until then.
#include "dom0/init/channels.h"
#include "dom0/init/init.h"
#include "lib/format.h"
#include "lib/string.h"

#define UART_DATA 0x3f8u
#define UART_LSR  0x3fdu
#define LSR_THRE  0x20u

static bool console_runs;

static void uart_put(char c) {
    uint8_t status;
    do
        __asm__ volatile("inb %1, %0" : "=a"(status) : "d"((uint16_t)UART_LSR));
    while (!(status & LSR_THRE));
    __asm__ volatile("outb %0, %1" : : "a"(c), "d"((uint16_t)UART_DATA));
}

static void uart_text(const char *text) {
    while (*text)
        uart_put(*text++);
}

void init_log_console_runs(void) {
    console_runs = true;
    channel_log_init_printed();
}

void init_log_console_gone(void) {
    if (console_runs)
        uart_text("\r\n"); // whatever the console was writing
    console_runs = false;
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
    channel_log_init(line, (size_t)length);
    if (console_runs)
        return;
    uart_text("[init] ");
    for (int i = 0; i < length; i++) {
        if (line[i] == '\n')
            uart_put('\r');
        uart_put(line[i]);
    }
}
