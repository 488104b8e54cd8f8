// Channels and their directory.
#include "dom0/init/channels.h"
#include "lib/string.h"

// The frames of an entry are the console's for ever: it may be at work on a channel at the moment it ends, and what it
// was ever shown must not become anybody else's. Some entries have theirs from the start, others when all those are
// used.
static struct entry {
    bool used;
    uint64_t first;         // frame, 0: none yet
    struct process *client; // null: init, or a server that does not run
    uint64_t wake;          // semaphore, in init's table; NO_SELECTOR for init's own
    uint64_t kick_at;       // selector of NAME.kick in the client's table
} entries[CONSOLE_CHANNELS];

#define FRAMES_EACH     (CONSOLE_WINDOW_BYTES / PAGE_SIZE)
#define ENTRIES_AT_ONCE 63u

static struct console_directory *directory;
static uint64_t directory_first; // frame
static struct process *console;
static uint64_t kick = NO_SELECTOR; // semaphore that wakes the console
static uint64_t serials;
static unsigned next_entry; // they are used in turn, so that the console has long seen the end of the one before

static void changed(void) {
    __atomic_store_n(&directory->changes, directory->changes + 1, __ATOMIC_RELEASE);
    if (kick != NO_SELECTOR)
        (void)sys_semaphore_control(kick, SEMAPHORE_UP, 0);
}

static bool map_for_console(unsigned index) {
    return !console ||
           physical_map(console->pd, CONSOLE_WINDOWS + index * CONSOLE_WINDOW_STRIDE, entries[index].first * PAGE_SIZE,
                        CONSOLE_WINDOW_BYTES, DELEGATE_READ | DELEGATE_WRITE, false);
}

static bool show_to_console(unsigned index) {
    struct entry *entry = &entries[index];
    if (!entry->first)
        return true;
    if (!map_for_console(index))
        return false;
    // A client that ended gets a new semaphore when it is started again.
    return !entry->used || !entry->client || entry->wake == NO_SELECTOR ||
           process_give_at(console, CONSOLE_WAKE + index, entry->wake, RIGHT_USE);
}

static void copy_title(char *to, const char *from) {
    size_t length = strnlen(from, sizeof(directory->entry[0].name) - 1);
    memset(to, 0, sizeof(directory->entry[0].name));
    memcpy(to, from, length);
}

// Frames for an entry that has none. False: no memory.
static bool equip(unsigned index) {
    uint64_t first = ledger_take(&ledger, FRAMES_EACH, 1, ACCOUNT_INIT);
    if (first == LEDGER_NONE)
        return false;
    entries[index].first = first;
    if (map_for_console(index))
        return true;
    ledger_give(first, FRAMES_EACH);
    entries[index].first = 0;
    return false;
}

static bool allocate(unsigned index, enum console_channel_kind kind, const char *title, uint32_t domid) {
    struct entry *entry = &entries[index];
    if (!directory || (!entry->first && !equip(index)) || !physical_zero(entry->first, CHANNEL_BYTES / PAGE_SIZE))
        return false;
    *entry = (struct entry){.used = true, .first = entry->first, .wake = NO_SELECTOR};
    struct console_directory_entry *shown = &directory->entry[index];
    shown->domid = domid;
    shown->serial = ++serials;
    copy_title(shown->name, title);
    __atomic_store_n(&shown->kind, kind, __ATOMIC_RELEASE);
    return true;
}

void channels_init(void) {
    for (unsigned i = 0; i < ENTRIES_AT_ONCE; i++)
        if (!equip(i))
            return;
    directory_first = physical_take(CONSOLE_DIRECTORY_PAGES, ACCOUNT_INIT);
    if (directory_first == LEDGER_NONE ||
        !physical_map(SELECTOR_SELF, INIT_DIRECTORY, directory_first * PAGE_SIZE, CONSOLE_DIRECTORY_PAGES * PAGE_SIZE,
                      DELEGATE_READ | DELEGATE_WRITE, false))
        return;
    directory = (struct console_directory *)INIT_DIRECTORY;
    if (!allocate(CONSOLE_CHANNEL_INIT, CONSOLE_CHANNEL_LOG, "init", 0) ||
        !physical_map(SELECTOR_SELF, INIT_LOG, entries[CONSOLE_CHANNEL_INIT].first * PAGE_SIZE, CHANNEL_BYTES,
                      DELEGATE_READ | DELEGATE_WRITE, false))
        entries[CONSOLE_CHANNEL_INIT].used = false;
}

bool channel_log_init(const char *line, size_t bytes) {
    struct channel channel;
    if (!directory || !entries[CONSOLE_CHANNEL_INIT].used)
        return false;
    channel_open(&channel, (void *)INIT_LOG, kick);
    // init waits for nobody: without room the line is lost, and the console's own restart is what filled the ring.
    bool fits = ring_writable(&channel.out) >= bytes;
    if (fits)
        ring_write(&channel.out, line, bytes);
    if (kick != NO_SELECTOR)
        (void)sys_semaphore_control(kick, SEMAPHORE_UP, 0);
    return fits;
}

size_t channel_log_init_unread(uint64_t *at, char *to, size_t bytes) {
    struct channel channel;
    if (!directory || !entries[CONSOLE_CHANNEL_INIT].used)
        return 0;
    channel_open(&channel, (void *)INIT_LOG, kick);
    uint64_t end = channel.header->out.written, begin = end - ring_readable(&channel.out);
    size_t got = 0;
    for (*at = *at < begin || *at > end ? begin : *at; *at < end && got < bytes; ++*at)
        to[got++] = (char)channel.out.data[*at % CHANNEL_OUT_BYTES];
    return got;
}

void channel_log_init_printed(void) {
    struct channel_header *header = (struct channel_header *)INIT_LOG;
    if (directory && entries[CONSOLE_CHANNEL_INIT].used)
        header->out_printed = header->out.written;
}

static bool give_named(struct process *client, const char *window, const char *suffix, uint64_t selector,
                       unsigned rights, uint64_t *at) {
    char name[24];
    size_t length = strnlen(window, sizeof(name) - 6);
    memset(name, 0, sizeof(name));
    memcpy(name, window, length);
    memcpy(name + length, suffix, strlen(suffix));
    *at = client->next_selector;
    if (selector != NO_SELECTOR)
        return process_give(client, name, selector, rights);
    if (client->startup->capabilities == STARTUP_CAPABILITIES)
        return false;
    struct startup_capability *capability = &client->startup->capability[client->startup->capabilities++];
    memcpy(capability->name, name, sizeof(name));
    capability->selector = client->next_selector++; // filled when the console starts
    return true;
}

bool channel_reopen(unsigned index, struct process *client, const char *window, unsigned event_bit) {
    struct entry *entry = &entries[index];
    uint64_t at;
    if (entry->wake != NO_SELECTOR)
        selector_give(entry->wake);
    entry->client = client;
    entry->wake = selector_take();
    if (sys_create_semaphore(entry->wake, SELECTOR_SELF, 0, client->thread, event_bit) != OK)
        return false;
    if (console && console != client) {
        (void)sys_delegate(SELECTOR_SELF, 0, console->pd, CONSOLE_WAKE + index, DELEGATE_CAPABILITY);
        if (!process_give_at(console, CONSOLE_WAKE + index, entry->wake, RIGHT_USE))
            return false;
    }
    return process_map_window(client, window, entry->first * PAGE_SIZE, CHANNEL_BYTES,
                              DELEGATE_READ | DELEGATE_WRITE) != 0 &&
           give_named(client, window, ".kick", kick, RIGHT_USE, &entry->kick_at) &&
           give_named(client, window, ".wake", entry->wake, RIGHT_CONTROL, &at);
}

// The next one that has frames, else the next without.
static unsigned choose_entry(void) {
    unsigned bare = CONSOLE_CHANNELS;
    for (unsigned n = 0; n < CONSOLE_CHANNELS; n++) {
        unsigned i = (next_entry + n) % CONSOLE_CHANNELS;
        if (!entries[i].used && entries[i].first)
            return i;
        if (!entries[i].used && bare == CONSOLE_CHANNELS)
            bare = i;
    }
    return bare;
}

unsigned channel_create(struct process *client, const char *window, enum console_channel_kind kind, const char *title,
                        uint32_t domid, unsigned event_bit) {
    unsigned i = choose_entry();
    if (i == CONSOLE_CHANNELS || !allocate(i, kind, title, domid))
        return CONSOLE_CHANNELS;
    if (!channel_reopen(i, client, window, event_bit)) {
        channel_destroy(i);
        return CONSOLE_CHANNELS;
    }
    next_entry = i + 1;
    changed();
    return i;
}

void channel_rename(unsigned channel, const char *title) {
    if (channel >= CONSOLE_CHANNELS)
        return;
    copy_title(directory->entry[channel].name, title);
    changed();
}

void channel_destroy(unsigned channel) {
    if (channel >= CONSOLE_CHANNELS || !entries[channel].used)
        return;
    struct entry *entry = &entries[channel];
    directory->entry[channel].kind = CONSOLE_CHANNEL_NONE;
    changed();
    if (console)
        (void)sys_delegate(SELECTOR_SELF, 0, console->pd, CONSOLE_WAKE + channel, DELEGATE_CAPABILITY);
    if (entry->wake != NO_SELECTOR)
        selector_give(entry->wake);
    entry->used = false;
}

bool channels_give_console(struct process *new_console) {
    console = new_console;
    if (kick != NO_SELECTOR)
        selector_give(kick);
    kick = selector_take();
    if (sys_create_semaphore(kick, SELECTOR_SELF, 0, console->thread, CONSOLE_EVENT_KICK) != OK ||
        !process_give(console, "kick", kick, RIGHT_CONTROL) ||
        !process_map_window(console, "directory", directory_first * PAGE_SIZE, CONSOLE_DIRECTORY_PAGES * PAGE_SIZE,
                            DELEGATE_READ))
        return false;
    for (unsigned i = 0; i < CONSOLE_CHANNELS; i++) {
        struct entry *entry = &entries[i];
        if (!show_to_console(i))
            return false;
        if (!entry->used || !entry->client || entry->client == console)
            continue;
        (void)sys_delegate(SELECTOR_SELF, 0, entry->client->pd, entry->kick_at, DELEGATE_CAPABILITY);
        if (!process_give_at(entry->client, entry->kick_at, kick, RIGHT_USE))
            return false;
    }
    return true;
}

void channels_process_gone(const struct process *process) {
    if (process == console)
        console = NULL;
    for (unsigned i = 0; i < CONSOLE_CHANNELS; i++)
        if (entries[i].client == process)
            entries[i].client = NULL;
}
