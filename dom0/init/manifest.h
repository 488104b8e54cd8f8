// The manifest (etc/manifest in the archive): which servers there are, and exactly what each is given. Pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_SERVERS 16u
#define MANIFEST_GRANTS  16u

enum grant_kind {
    GRANT_PORTS,     // ports BASE COUNT            hexadecimal base, count a power of two
    GRANT_IRQ,       // irq GSI BIT                 edge-triggered line, capability "irq", event bit of its thread
    GRANT_CHANNEL,   // channel log|shell           window and capabilities of lib/channel.h
    GRANT_PORTAL,    // portal init|SERVER          capability of that name
    GRANT_DIRECTORY, // directory                   window "directory", and all channels: for the console
    GRANT_CORE_INFO, // core-info                   window "core.info"
    GRANT_EXCHANGE,  // exchange                    window "exchange" shared with init: for the domain manager
    GRANT_UART,      // uart                        the core prints to COM1 no more
    GRANT_KINDS
};

struct manifest_grant {
    enum grant_kind kind;
    uint64_t a, b;
    char name[32];
};

struct manifest_server {
    char name[32], file[64];
    unsigned priority, cpu;
    uint64_t heap_bytes;
    bool is_template; // started by init for each domain, not at boot: "template NAME"
    unsigned grants;
    struct manifest_grant grant[MANIFEST_GRANTS];
};

struct manifest {
    unsigned servers;
    struct manifest_server server[MANIFEST_SERVERS];
};

// Parses; returns true, or false with a message "etc/manifest:LINE: ..." that says what is wrong and what would be
// right.
bool manifest_parse(const char *text, size_t size, struct manifest *manifest, char *message, size_t message_size);
