// Channels of the console.
#include "dom0/console/channels.h"
#include "lib/server.h"
#include "lib/string.h"

static struct console_channel slots[SLOTS];
static uint64_t slots_used; // those from here on, but for the core's log, never were
static const struct console_directory *directory;
static const volatile struct core_info *core;
static uint64_t seen_changes = UINT64_MAX;

#define TERMINAL_COLUMNS 80u // nobody says otherwise on a serial line
#define TERMINAL_ROWS    24u

static void *window_of(uint64_t slot) {
    return (void *)(CONSOLE_WINDOWS + slot * CONSOLE_WINDOW_STRIDE);
}

// The console's own log is a window of its own.
static void *ring_window(uint64_t slot, const char *name) {
    const struct startup_window *own = startup_window(startup, "log");
    return own && strcmp(name, startup->name) == 0 ? (void *)own->address : window_of(slot);
}

// Takes what is on the terminal already, if the client says so and it can be.
static void take_printed(struct console_channel *channel) {
    uint8_t bytes[512];
    uint64_t printed = channel->ring.header->out_printed - channel->ring.header->out.read;
    if (printed > ring_readable(&channel->ring.out))
        return;
    for (size_t got; printed > 0; printed -= got) {
        got = ring_read(&channel->ring.out, bytes, printed < sizeof(bytes) ? printed : sizeof(bytes));
        if (got == 0)
            return;
        scrollback_write(&channel->scrollback, bytes, got);
    }
    channel->shown = channel->scrollback.end;
}

static void copy_name(struct console_channel *channel, const struct console_directory_entry *entry) {
    memcpy(channel->name, entry->name, sizeof(channel->name));
    channel->name[sizeof(channel->name) - 1] = 0;
}

static void open_channel(struct console_channel *channel, uint64_t slot, const struct console_directory_entry *entry) {
    channel->scrollback = (struct scrollback){(uint8_t *)window_of(slot) + CHANNEL_BYTES, CONSOLE_SCROLLBACK, 0};
    slots_used = slot < slots_used ? slots_used : slot + 1;
    channel->kind = entry->kind;
    channel->serial = entry->serial;
    channel->ended = false;
    channel->shown = channel->unseen = 0;
    channel->rate = (struct log_rate){0};
    copy_name(channel, entry);
    channel_open(&channel->ring, ring_window(slot, channel->name), NO_SELECTOR);
    channel->ring.header->columns = TERMINAL_COLUMNS;
    channel->ring.header->rows = TERMINAL_ROWS;
    if (entry->kind == CONSOLE_CHANNEL_LOG)
        take_printed(channel);
    else
        channel_set_connected(channel, slot, false); // a console before this one may have ended while it showed it
}

static void open_core_log(void) {
    struct console_channel *channel = &slots[CORE_LOG_SLOT];
    const struct startup_window *window = startup_window(startup, "core.info");
    uint8_t *kept = pages_new(CONSOLE_SCROLLBACK / PAGE_SIZE);
    if (!window || !kept)
        return;
    channel->scrollback = (struct scrollback){kept, CONSOLE_SCROLLBACK, 0};
    core = (const struct core_info *)window->address;
    channel->kind = CONSOLE_CHANNEL_LOG;
    memcpy(channel->name, "core", 5);
    (void)channels_take_core_log();
    channel->shown = channel->scrollback.end; // the core has printed it itself
}

void channels_start(void) {
    directory = window_required("directory", NULL);
    open_core_log();
}

// The last words of a client that has ended are in its ring still: init leaves the windows mapped.
static void end_channel(struct console_channel *channel, uint64_t slot) {
    if (channel->kind != CONSOLE_CHANNEL_NONE)
        channel_take(channel, slot, false);
    channel->ended = true;
}

void channels_follow_directory(void) {
    uint64_t changes = __atomic_load_n(&directory->changes, __ATOMIC_ACQUIRE);
    if (changes == seen_changes)
        return;
    seen_changes = changes;
    for (uint64_t slot = 0; slot < CONSOLE_CHANNELS; slot++) {
        const struct console_directory_entry *entry = &directory->entry[slot];
        struct console_channel *channel = &slots[slot];
        if (entry->kind == CONSOLE_CHANNEL_NONE)
            end_channel(channel, slot);
        else if (channel->kind == CONSOLE_CHANNEL_NONE || channel->ended || channel->serial != entry->serial)
            open_channel(channel, slot, entry);
        else
            copy_name(channel, entry); // a domain may have been renamed
    }
}

struct console_channel *channels_slot(uint64_t slot) {
    if (slot == CONSOLE_CORE_LOG)
        slot = CORE_LOG_SLOT;
    return slot < SLOTS && slots[slot].kind != CONSOLE_CHANNEL_NONE ? &slots[slot] : NULL;
}

uint64_t channels_after(uint64_t slot) {
    if (++slot < slots_used || slot > CORE_LOG_SLOT)
        return slot;
    return CORE_LOG_SLOT;
}

void channel_take(struct console_channel *channel, uint64_t slot, bool keep_unshown) {
    uint8_t bytes[4096];
    if (channel->ended || slot == CORE_LOG_SLOT)
        return;
    uint64_t unshown = channel->scrollback.end - channel->shown, room = CHANNEL_OUT_BYTES, taken = 0;
    if (keep_unshown)
        room = unshown < CONSOLE_SCROLLBACK ? CONSOLE_SCROLLBACK - unshown : 0;
    while (taken < room) {
        size_t most = room - taken < sizeof(bytes) ? room - taken : sizeof(bytes);
        size_t got = ring_read(&channel->ring.out, bytes, most);
        scrollback_write(&channel->scrollback, bytes, got);
        taken += got;
        if (got < most)
            break;
    }
    if (taken > 0 && __atomic_exchange_n(&channel->ring.header->out_waiting, 0, __ATOMIC_SEQ_CST))
        channel_wake(slot);
}

size_t channel_type(struct console_channel *channel, uint64_t slot, const void *bytes, size_t size) {
    if (channel->ended || slot >= CONSOLE_CHANNELS)
        return 0;
    size_t taken = ring_write(&channel->ring.in, bytes, size);
    if (taken > 0)
        channel_wake(slot);
    return taken;
}

void channel_tell_shown(const struct console_channel *channel, uint64_t queued) {
    struct channel_header *header = channel->ring.header;
    uint64_t unshown = channel->scrollback.end - channel->shown + queued;
    if (!channel->ended)
        __atomic_store_n(&header->out_shown, header->out.read - unshown, __ATOMIC_RELEASE);
}

bool channel_reads(const struct console_channel *channel) {
    return __atomic_load_n(&channel->ring.header->reading, __ATOMIC_ACQUIRE) != 0;
}

void channel_set_connected(struct console_channel *channel, uint64_t slot, bool connected) {
    if (channel->ended)
        return;
    uint32_t before = __atomic_exchange_n(&channel->ring.header->connected, connected, __ATOMIC_SEQ_CST);
    if (before != connected)
        channel_wake(slot);
}

bool channels_take_core_log(void) {
    struct console_channel *channel = &slots[CORE_LOG_SLOT];
    if (!core)
        return false;
    const volatile char *log = (const volatile char *)core + PAGE_SIZE;
    uint64_t size = core->log_pages * PAGE_SIZE, end = core->log_written, at = channel->scrollback.end;
    if (end == at)
        return false;
    // Positions are the core's: what it has overwritten meanwhile reads as blanks.
    for (; at < end; at++) {
        uint8_t byte = end - at > size ? ' ' : (uint8_t)log[at % size];
        scrollback_write(&channel->scrollback, &byte, 1);
    }
    return true;
}
