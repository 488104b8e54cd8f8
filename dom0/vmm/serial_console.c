// COM1 and its channel. The console is woken once a line, or a moment after the last byte, not for each byte.
#include "dom0/vmm/serial_console.h"
#include "lib/server.h"

#define FLUSH_DELAY_NS 1000000ull
#define INPUT_BYTES    64u

static uint64_t flush_ns = DEVICE_NO_DEADLINE; // guest time
static uint8_t input[INPUT_BYTES];             // taken from the channel, not yet by the UART
static size_t input_at, input_end;

uint64_t serial_console_deadline_ns(const struct machine *machine) {
    return flush_ns;
}

void serial_console_flush(struct machine *machine) {
    flush_ns = DEVICE_NO_DEADLINE;
    if (machine->console.kick != NO_SELECTOR)
        sys_semaphore_control(machine->console.kick, SEMAPHORE_UP, 0);
}

void serial_console_transmit(void *backend, uint8_t byte) {
    struct machine *machine = backend;
    if (!machine->console_open)
        return;
    ring_write(&machine->console.out, &byte, 1);
    if (byte == '\n' || ring_writable(&machine->console.out) < CHANNEL_OUT_BYTES / 2) {
        serial_console_flush(machine);
    } else if (flush_ns == DEVICE_NO_DEADLINE) {
        flush_ns = machine_now_ns(machine) + FLUSH_DELAY_NS;
        machine_timer_changed(machine);
    }
}

bool serial_console_writable(void *backend) {
    struct machine *machine = backend;
    if (!machine->console_open || ring_writable(&machine->console.out) > 0)
        return true;
    machine->console.header->out_waiting = 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (ring_writable(&machine->console.out) > 0)
        return true;
    serial_console_flush(machine);
    return false;
}

void serial_console_readable(void *backend) {
    struct machine *machine = backend;
    while (machine->console_open) {
        if (input_at == input_end) {
            input_at = 0;
            input_end = ring_read(&machine->console.in, input, sizeof input);
            if (input_end == 0)
                return;
            // The console may wait for room in the ring.
            sys_semaphore_control(machine->console.kick, SEMAPHORE_UP, 0);
        }
        size_t taken = uart_receive(&machine->uart, input + input_at, input_end - input_at);
        input_at += taken;
        if (input_at < input_end)
            return;
    }
}

void serial_console_event(struct machine *machine) {
    if (!machine->console_open)
        return;
    uart_drained(&machine->uart);
    serial_console_readable(machine);
}
