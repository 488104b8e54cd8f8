// A 16550A serial port (PC16550D data sheet). Characters take no time; the far end is a backend that may be slow.
#pragma once
#include "dom0/vmm/device.h"

#define UART_PORTS      8u
#define UART_FIFO_BYTES 16u

// The conventional ports and IRQs are 3F8h with 4, 2F8h with 3, 3E8h with 4, 2E8h with 3.
struct uart_backend {
    void *backend;
    void (*transmit)(void *backend, uint8_t byte);
    bool (*writable)(void *backend); // room for one more byte; null: always. When there is again: uart_drained()
    void (*readable)(void *backend); // the guest has read: uart_receive() has room again; may be null
};

struct uart_fifo {
    uint8_t bytes[UART_FIFO_BYTES];
    uint8_t head, used;
};

struct uart_state {
    struct uart_fifo receive, transmit;
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr, dll, dlm;
    uint8_t thre_interrupt; // THRE has risen since IIR was read or THR written
    uint8_t line;           // level of the interrupt line
};

struct uart {
    const struct device_host *host;
    struct uart_backend backend;
    uint16_t base;
    unsigned irq;
    struct uart_state s;
};

void uart_init(struct uart *uart, const struct device_host *host, uint16_t base, unsigned irq,
               const struct uart_backend *backend);
void uart_reset(struct uart *uart);

// The eight ports from `base`.
uint32_t uart_port_read(void *device, uint16_t port, unsigned bytes);
void uart_port_write(void *device, uint16_t port, unsigned bytes, uint32_t value);

// Bytes from the far end. Returns how many were taken; the rest is to be offered again after readable().
size_t uart_receive(struct uart *uart, const uint8_t *bytes, size_t count);

// The backend has room again.
void uart_drained(struct uart *uart);
