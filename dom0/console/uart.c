// The console's UART. When nobody takes what is typed, the receiver is not read any more and RTS falls, so that the
// other side waits; nothing is dropped here.
#include "dom0/console/uart.h"
#include "lib/ports.h"

#define SEND_BYTES    UART_SEND_BYTES
#define RECEIVE_BYTES UART_RECEIVE_BYTES
#define FIFO_BYTES    16u

enum uart_register { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };
#define IER_RECEIVE      0x01u
#define IER_SEND         0x02u
#define IER_LINE         0x04u
#define IIR_NONE         0x01u
#define FCR_ENABLE       0x01u
#define FCR_CLEAR        0x06u
#define LCR_8N1          0x03u
#define LCR_DLAB         0x80u
#define MCR_DTR          0x01u
#define MCR_RTS          0x02u
#define MCR_OUT2         0x08u // connects the interrupt line on PCs
#define LSR_DATA         0x01u
#define LSR_OVERRUN      0x02u
#define LSR_THRE         0x20u
#define DIVISOR_115200   1u
#define INTERRUPT_ROUNDS 256u

static struct {
    uint16_t base;
    bool present;
    uint8_t ier;
    uint64_t send_in, send_out, receive_in, receive_out, overruns;
    uint8_t send[SEND_BYTES], receive[RECEIVE_BYTES];
} uart;

static uint8_t get(enum uart_register reg) {
    return port_in8((uint16_t)(uart.base + reg));
}

static void put(enum uart_register reg, unsigned value) {
    port_out8((uint16_t)(uart.base + reg), (uint8_t)value);
}

static void enable(unsigned ier) {
    if (uart.ier != ier)
        put(IER, ier);
    uart.ier = (uint8_t)ier;
}

bool uart_start(uint16_t base) {
    uart.base = base;
    put(SCR, 0x5a);
    uart.present = get(SCR) == 0x5a;
    if (!uart.present)
        return false;
    put(IER, 0);
    put(LCR, LCR_DLAB);
    put(RBR_THR, DIVISOR_115200);
    put(IER, DIVISOR_115200 >> 8);
    put(LCR, LCR_8N1);
    // Trigger level 1: an interrupt at the first byte leaves the time of 15 more until one is lost.
    put(IIR_FCR, FCR_ENABLE | FCR_CLEAR);
    put(MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    (void)get(LSR);
    (void)get(IIR_FCR);
    (void)get(MSR);
    enable(IER_RECEIVE | IER_LINE);
    return true;
}

static bool receive_full(void) {
    return uart.receive_in - uart.receive_out == RECEIVE_BYTES;
}

// The reading ends a line-status interrupt.
static uint8_t line_status(void) {
    uint8_t status = get(LSR);
    uart.overruns += (status & LSR_OVERRUN) != 0;
    return status;
}

static void take_received(void) {
    uint8_t status = line_status(); // also without room
    while (!receive_full() && (status & LSR_DATA)) {
        uart.receive[uart.receive_in++ % RECEIVE_BYTES] = get(RBR_THR);
        status = line_status();
    }
    if (receive_full()) {
        enable(uart.ier & ~IER_RECEIVE);
        put(MCR, MCR_DTR | MCR_OUT2);
    }
}

static void fill_sender(void) {
    if (uart.send_in != uart.send_out && (line_status() & LSR_THRE))
        for (unsigned i = 0; i < FIFO_BYTES && uart.send_in != uart.send_out; i++)
            put(RBR_THR, uart.send[uart.send_out++ % SEND_BYTES]);
    // Switching the interrupt on while the sender is empty raises it, so none is missed.
    enable(uart.send_in != uart.send_out ? uart.ier | IER_SEND : uart.ier & ~IER_SEND);
}

void uart_service(void) {
    if (!uart.present)
        return;
    for (unsigned i = 0; i < INTERRUPT_ROUNDS; i++) {
        uint8_t cause = get(IIR_FCR);
        if (cause & IIR_NONE)
            return;
        (void)get(MSR);
        take_received();
        fill_sender();
    }
    // A device that does not fall silent, as real ones do within a few rounds: a new edge asks to be served later.
    put(IER, 0);
    put(IER, uart.ier);
}

uint64_t uart_overruns(void) {
    return uart.overruns;
}

size_t uart_room(void) {
    return uart.present ? SEND_BYTES - (uart.send_in - uart.send_out) : SEND_BYTES;
}

void uart_write(const void *from, size_t bytes) {
    const uint8_t *byte = from;
    if (!uart.present)
        return;
    for (size_t i = 0; i < bytes; i++)
        uart.send[uart.send_in++ % SEND_BYTES] = byte[i];
    if (!(uart.ier & IER_SEND))
        fill_sender();
}

bool uart_peek(uint8_t *byte) {
    *byte = uart.receive[uart.receive_out % RECEIVE_BYTES];
    return uart.receive_in != uart.receive_out;
}

static void receive_again(void) {
    if (uart.ier & IER_RECEIVE)
        return;
    put(MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    enable(uart.ier | IER_RECEIVE);
}

void uart_next(void) {
    uart.receive_out++;
    receive_again();
}

bool uart_skip_to(uint8_t byte) {
    for (uint64_t at = uart.receive_out; at != uart.receive_in; at++) {
        if (uart.receive[at % RECEIVE_BYTES] != byte)
            continue;
        uart.receive_out = at + 1;
        receive_again();
        return true;
    }
    return false;
}

size_t uart_drop_full(void) {
    if (!receive_full())
        return 0;
    uart.receive_out = uart.receive_in;
    receive_again();
    return RECEIVE_BYTES;
}
