// A channel between a client and the console server: a ring each way in one shared window, and a semaphore each way.
// Clients find window "NAME" and capabilities "NAME.kick" (up: the console looks) and "NAME.wake" (the console ups it
// when input came, room was made, or `connected` changed; it signals the client's first thread with an event bit).
#pragma once
#include "kernel/abi.h"
#include "lib/ring.h"

#define CHANNEL_OUT_BYTES 65536u
#define CHANNEL_IN_BYTES  4096u
#define CHANNEL_BYTES     (PAGE_SIZE + CHANNEL_OUT_BYTES + CHANNEL_IN_BYTES)

// Event bits of a client's first thread that init binds the wake semaphores to.
#define CHANNEL_EVENT_LOG     0 // channel "log"
#define CHANNEL_EVENT_SHELL   1 // channel "shell"
#define CHANNEL_EVENT_CONSOLE 2 // channel "console": a domain's serial line

// First page of the window.
struct channel_header {
    struct ring_header out __attribute__((aligned(64))); // client to console
    struct ring_header in __attribute__((aligned(64)));  // console to client
    uint32_t connected __attribute__((aligned(64)));     // by the console: the terminal shows this channel
    uint32_t out_waiting;                                // by the client: wake me when `out` has room
    uint32_t columns, rows;                              // by the console: size of the terminal
    uint32_t reading;     // by the shell: it waits for what is typed, and writes nothing before
    uint64_t out_printed; // by the client of a log: position in `out` up to which it has printed lines itself
    uint64_t out_shown;   // by the console, of the shell: position in `out` up to which the terminal has it
};

struct channel {
    struct channel_header *header;
    struct ring out, in;
    uint64_t kick; // semaphore selector, NO_SELECTOR where there is none
};

static inline void channel_open(struct channel *channel, void *window, uint64_t kick) {
    channel->header = window;
    channel->out = (struct ring){&channel->header->out, (uint8_t *)window + PAGE_SIZE, CHANNEL_OUT_BYTES};
    channel->in =
        (struct ring){&channel->header->in, (uint8_t *)window + PAGE_SIZE + CHANNEL_OUT_BYTES, CHANNEL_IN_BYTES};
    channel->kick = kick;
}
