// Driver of a 16550 UART, interrupt-driven both ways (National Semiconductor PC16550D). The terminal hangs on it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_SEND_BYTES    8192u // of its queue of bytes to send; powers of two
#define UART_RECEIVE_BYTES 1024u

// Sets it to 115200 baud, 8N1, with its FIFOs. False if there is none; then what is written vanishes.
bool uart_start(uint16_t base);

// Serves all that the UART asks for. After its interrupt, which is an edge: the next one comes only if none is left.
void uart_service(void);

// How often bytes came while the UART's own FIFO was full, and were lost.
uint64_t uart_overruns(void);

// Room in the queue of bytes to send.
size_t uart_room(void);
// Queues bytes; requires room for them.
void uart_write(const void *from, size_t bytes);

// The next byte that was received, and stays; false if there is none.
bool uart_peek(uint8_t *byte);
// Drops the byte that uart_peek gave.
void uart_next(void);
// Drops all received bytes up to and with the first such byte; false if there is none.
bool uart_skip_to(uint8_t byte);
// Drops all received bytes if there is room for no more; how many they were.
size_t uart_drop_full(void);
