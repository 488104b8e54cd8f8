// The 16550A: FIFOs, interrupt identification, modem lines with loopback.
#include "dom0/vmm/uart.h"
#include "dom0/vmm/isa_bytes.h"
#include "lib/string.h"

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_ERBFI    0x01
#define IER_ETBEI    0x02
#define IER_ELSI     0x04
#define IER_EDSSI    0x08
#define IIR_NONE     0x01
#define IIR_MODEM    0x00
#define IIR_THRE     0x02
#define IIR_RECEIVED 0x04
#define IIR_LINE     0x06
#define IIR_TIMEOUT  0x0c
#define IIR_FIFOS    0xc0
#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04
#define FCR_STORED   0xc9
#define LCR_DLAB     0x80
#define MCR_DTR      0x01
#define MCR_RTS      0x02
#define MCR_OUT1     0x04
#define MCR_OUT2     0x08
#define MCR_LOOP     0x10
#define LSR_DR       0x01
#define LSR_OE       0x02
#define LSR_ERRORS   0x1e
#define LSR_THRE     0x20
#define LSR_TEMT     0x40
#define MSR_DELTAS   0x0f
#define MSR_TERI     0x04
#define MSR_CTS      0x10
#define MSR_DSR      0x20
#define MSR_RI       0x40
#define MSR_DCD      0x80

// --- FIFOs -----------------------------------------------------------------------------------------------------------

static unsigned depth(const struct uart_state *s) {
    return s->fcr & FCR_ENABLE ? UART_FIFO_BYTES : 1;
}

static void fifo_put(struct uart_fifo *fifo, uint8_t byte) {
    fifo->bytes[(fifo->head + fifo->used++) % UART_FIFO_BYTES] = byte;
}

static uint8_t fifo_take(struct uart_fifo *fifo) {
    uint8_t byte = fifo->bytes[fifo->head % UART_FIFO_BYTES];
    fifo->head = (uint8_t)((fifo->head + 1) % UART_FIFO_BYTES);
    fifo->used--;
    return byte;
}

// --- Interrupts ------------------------------------------------------------------------------------------------------

static unsigned trigger_level(const struct uart_state *s) {
    static const uint8_t levels[] = {1, 4, 8, 14};
    return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

// The pending interrupt of highest priority (PC16550D table IV). Data below the trigger level has timed out at once.
static uint8_t identify(const struct uart_state *s) {
    if (s->ier & IER_ELSI && s->lsr & LSR_ERRORS)
        return IIR_LINE;
    if (s->ier & IER_ERBFI && s->receive.used > 0)
        return s->receive.used >= trigger_level(s) ? IIR_RECEIVED : IIR_TIMEOUT;
    if (s->ier & IER_ETBEI && s->thre_interrupt)
        return IIR_THRE;
    if (s->ier & IER_EDSSI && s->msr & MSR_DELTAS)
        return IIR_MODEM;
    return IIR_NONE;
}

// On a PC, OUT2 connects the interrupt to the bus; in loopback it is disconnected from the pin.
static void line_update(struct uart *uart) {
    struct uart_state *s = &uart->s;
    bool level = identify(s) != IIR_NONE && (s->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    if (level == (s->line != 0))
        return;
    s->line = level;
    uart->host->irq_set(uart->host->machine, uart->irq, level);
}

// --- Transmission and reception --------------------------------------------------------------------------------------

static void receive_byte(struct uart_state *s, uint8_t byte) {
    if (s->receive.used >= depth(s)) {
        s->lsr |= LSR_OE;
        if (s->fcr & FCR_ENABLE)
            return; // the FIFO stays, the shift register is overwritten
        s->receive.used = 0;
    }
    fifo_put(&s->receive, byte);
    s->lsr |= LSR_DR;
}

static bool backend_writable(const struct uart *uart) {
    return uart->s.mcr & MCR_LOOP || !uart->backend.writable || uart->backend.writable(uart->backend.backend);
}

// Sends what the far end takes. THRE rises when the FIFO is empty.
static void transmit(struct uart *uart) {
    struct uart_state *s = &uart->s;
    while (s->transmit.used > 0 && backend_writable(uart)) {
        uint8_t byte = fifo_take(&s->transmit);
        if (s->mcr & MCR_LOOP)
            receive_byte(s, byte);
        else
            uart->backend.transmit(uart->backend.backend, byte);
    }
    if (s->transmit.used > 0 || s->lsr & LSR_THRE)
        return;
    s->lsr |= LSR_THRE | LSR_TEMT;
    s->thre_interrupt = 1;
}

static void thr_write(struct uart *uart, uint8_t byte) {
    struct uart_state *s = &uart->s;
    s->thre_interrupt = 0;
    s->lsr &= (uint8_t) ~(LSR_THRE | LSR_TEMT);
    line_update(uart); // the line falls, so that THRE's rise is an edge
    if (s->transmit.used >= depth(s))
        s->transmit.used = (uint8_t)(depth(s) - 1); // the last one is overwritten
    fifo_put(&s->transmit, byte);
    transmit(uart);
}

static uint8_t rbr_read(struct uart *uart) {
    struct uart_state *s = &uart->s;
    if (s->receive.used == 0)
        return 0;
    uint8_t byte = fifo_take(&s->receive);
    if (s->receive.used == 0)
        s->lsr &= (uint8_t)~LSR_DR;
    line_update(uart);
    if (uart->backend.readable && !(s->mcr & MCR_LOOP))
        uart->backend.readable(uart->backend.backend);
    return byte;
}

size_t uart_receive(struct uart *uart, const uint8_t *bytes, size_t count) {
    struct uart_state *s = &uart->s;
    size_t taken = 0;
    while (taken < count && s->receive.used < depth(s) && !(s->mcr & MCR_LOOP))
        receive_byte(s, bytes[taken++]);
    line_update(uart);
    return taken;
}

void uart_drained(struct uart *uart) {
    transmit(uart);
    line_update(uart);
}

// --- Registers -------------------------------------------------------------------------------------------------------

// The modem inputs: carrier and a ready far end, or in loopback the modem outputs. Deltas are noted (TERI: RI fell).
static void modem_update(struct uart_state *s) {
    uint8_t now = MSR_DCD | MSR_DSR | MSR_CTS;
    if (s->mcr & MCR_LOOP)
        now = (uint8_t)((s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
                        (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
    uint8_t changed = (uint8_t)((now ^ s->msr) >> 4);
    if (now & MSR_RI)
        changed &= (uint8_t)~MSR_TERI;
    s->msr = (uint8_t)(now | (s->msr & MSR_DELTAS) | changed);
}

static void fcr_write(struct uart *uart, uint8_t value) {
    struct uart_state *s = &uart->s;
    bool switched = (s->fcr ^ value) & FCR_ENABLE;
    s->fcr = value & FCR_ENABLE ? value & FCR_STORED : 0;
    if (switched || value & FCR_CLEAR_RX) {
        s->receive.used = 0;
        s->lsr &= (uint8_t) ~(LSR_DR | LSR_OE);
    }
    if (switched || value & FCR_CLEAR_TX)
        s->transmit.used = 0;
    transmit(uart);
}

static void ier_write(struct uart_state *s, uint8_t value) {
    if (value & ~s->ier & IER_ETBEI && s->lsr & LSR_THRE)
        s->thre_interrupt = 1;
    s->ier = value & 0x0f;
}

static void register_write(struct uart *uart, unsigned at, uint8_t value) {
    struct uart_state *s = &uart->s;
    bool divisor = s->lcr & LCR_DLAB;
    switch (at) {
    case RBR_THR:
        if (divisor)
            s->dll = value;
        else
            thr_write(uart, value);
        break;
    case IER:
        if (divisor)
            s->dlm = value;
        else
            ier_write(s, value);
        break;
    case IIR_FCR:
        fcr_write(uart, value);
        break;
    case LCR:
        s->lcr = value;
        break;
    case MCR:
        s->mcr = value & 0x1f;
        modem_update(s);
        transmit(uart);
        break;
    case SCR:
        s->scr = value;
        break;
    default: // LSR and MSR are the chip's
        break;
    }
    line_update(uart);
}

static uint8_t iir_read(struct uart_state *s) {
    uint8_t value = identify(s);
    if (value == IIR_THRE)
        s->thre_interrupt = 0;
    return value | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t clear_on_read(uint8_t *reg, uint8_t bits) {
    uint8_t value = *reg;
    *reg &= (uint8_t)~bits;
    return value;
}

static uint8_t register_read(struct uart *uart, unsigned at) {
    struct uart_state *s = &uart->s;
    bool divisor = s->lcr & LCR_DLAB;
    switch (at) {
    case RBR_THR:
        return divisor ? s->dll : rbr_read(uart);
    case IER:
        return divisor ? s->dlm : s->ier;
    case IIR_FCR:
        return iir_read(s);
    case LCR:
        return s->lcr;
    case MCR:
        return s->mcr;
    case LSR:
        return clear_on_read(&s->lsr, LSR_ERRORS);
    case MSR:
        return clear_on_read(&s->msr, MSR_DELTAS);
    default:
        return s->scr;
    }
}

static uint8_t read_byte(void *device, uint16_t port) {
    struct uart *uart = device;
    if ((uint16_t)(port - uart->base) >= UART_PORTS)
        return 0xff;
    uint8_t value = register_read(uart, (uint16_t)(port - uart->base));
    line_update(uart);
    return value;
}

static void write_byte(void *device, uint16_t port, uint8_t value) {
    struct uart *uart = device;
    if ((uint16_t)(port - uart->base) < UART_PORTS)
        register_write(uart, (uint16_t)(port - uart->base), value);
}

uint32_t uart_port_read(void *device, uint16_t port, unsigned bytes) {
    return isa_read_bytes(read_byte, device, port, bytes);
}

void uart_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value) {
    isa_write_bytes(write_byte, device, port, bytes, value);
}

void uart_reset(struct uart *uart) {
    if (uart->s.line)
        uart->host->irq_set(uart->host->machine, uart->irq, false);
    memset(&uart->s, 0, sizeof uart->s);
    uart->s.lsr = LSR_THRE | LSR_TEMT;
    uart->s.msr = MSR_DCD | MSR_DSR | MSR_CTS;
    uart->s.dll = 12; // 9600 baud, as firmware leaves it
}

void uart_init(struct uart *uart, const struct device_host *host, uint16_t base, unsigned irq,
               const struct uart_backend *backend) {
    memset(uart, 0, sizeof *uart);
    uart->host = host;
    uart->backend = *backend;
    uart->base = base;
    uart->irq = irq;
    uart_reset(uart);
}
