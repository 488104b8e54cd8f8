// The console server: owns the UART and shows shell, logs and domains' consoles on it.
#include "dom0/console/calls.h"
#include "dom0/console/channels.h"
#include "dom0/console/terminal.h"
#include "dom0/console/uart.h"
#include "lib/server.h"

#define UART_BASE  0x3f8u // COM1
#define EVENT(bit) (1ull << (bit))

static void tell_overruns(void) {
    static uint64_t told;
    if (uart_overruns() == told)
        return;
    told = uart_overruns();
    log_line("typed bytes were lost: the UART's FIFO was full, %llu times since the start", (unsigned long long)told);
}

int server_main(void) {
    channels_start();
    if (!uart_start(UART_BASE))
        log_line("no UART at %#x: nobody sees what is shown", UART_BASE);
    channels_follow_directory();
    if (startup->incarnation > 0)
        log_line("restarted, scrollback before this is lost");
    uint64_t reply = WAIT_NO_REPLY;
    for (;;) {
        uint64_t deadline = terminal_pump(now_tsc(), startup->tsc_hz);
        struct syscall_result wait =
            sys_reply_wait(reply, EVENT(CONSOLE_EVENT_KICK) | EVENT(CONSOLE_EVENT_UART), deadline);
        reply = WAIT_NO_REPLY;
        uart_service();
        tell_overruns();
        channels_follow_directory();
        if (wait.status != OK || wait.value != WAIT_MESSAGE)
            continue;
        (void)terminal_pump(now_tsc(), startup->tsc_hz); // a call sees all that was written before it
        reply = call_serve(message_buffer());
    }
}
