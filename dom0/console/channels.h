// The console's channels: which init's directory names, what came through them, and what of it the terminal has shown.
#pragma once
#include "dom0/console/scrollback.h"
#include "lib/log_rate.h"
#include "lib/protocol_console.h"

// Slot of the core's log, which is no channel but read like one.
#define CORE_LOG_SLOT CONSOLE_CHANNELS
#define SLOTS         (CONSOLE_CHANNELS + 1)

struct console_channel {
    uint32_t kind; // enum console_channel_kind; NONE: not in use
    uint64_t serial;
    char name[48];
    bool ended; // init has taken it out of the directory; what it left can still be read
    struct channel ring;
    struct scrollback scrollback;
    uint64_t shown;       // position up to which the terminal has shown it, or passed over it
    uint64_t unseen;      // lines of a log that came while the terminal showed a domain
    struct log_rate rate; // of a log's lines on the terminal
};

// Finds directory and core log; ends the server if they were not given.
void channels_start(void);

// Follows the directory. Called after each kick.
void channels_follow_directory(void);

// Null if the slot holds no channel.
struct console_channel *channels_slot(uint64_t slot);

// The next slot that may hold one, from 0 on; SLOTS ends. Most were never used on a host with few domains.
uint64_t channels_after(uint64_t slot);

// Moves what came from the ring to the scrollback. With `keep_unshown`, only as much as overwrites nothing that has not
// been shown, so that the ring fills and its producer waits. At most a ring of bytes: who wrote more meanwhile, or says
// so, kicks again.
void channel_take(struct console_channel *channel, uint64_t slot, bool keep_unshown);

// Bytes for the channel's client, as if typed; how many it had room for.
size_t channel_type(struct console_channel *channel, uint64_t slot, const void *bytes, size_t size);

// Tells the client whether the terminal shows its channel.
void channel_set_connected(struct console_channel *channel, uint64_t slot, bool connected);

// Tells the client how much of its output the terminal has: what came but for what is not shown yet, and for `queued`
// bytes on their way.
void channel_tell_shown(const struct console_channel *channel, uint64_t queued);

// Does the client, the shell, wait for what is typed?
bool channel_reads(const struct console_channel *channel);

// Wakes the channel's client (wake.c).
void channel_wake(uint64_t slot);

// Copies the newest of the core's log. True if there was something new.
bool channels_take_core_log(void);
