// Channels to the console: their memory, their directory, and who holds which end.
#pragma once
#include "dom0/init/process.h"

void channels_init(void);
// init's own line. False if it could not be kept: no channel yet, or no room.
bool channel_log_init(const char *line, size_t bytes);
// Copies what the console has not read of init's lines, from position *at on, which advances.
size_t channel_log_init_unread(uint64_t *at, char *to, size_t bytes);
// The UART has shown all of init's lines so far: the console need not show them again.
void channel_log_init_printed(void);

// Makes a channel and gives it to a client as window NAME, capabilities NAME.kick and NAME.wake. Its index, or
// CONSOLE_CHANNELS if there is none left.
unsigned channel_create(struct process *client, const char *window, enum console_channel_kind kind, const char *title,
                        uint32_t domid, unsigned event_bit);
// Gives an existing channel to a client that was started again.
bool channel_reopen(unsigned channel, struct process *client, const char *window, unsigned event_bit);
void channel_rename(unsigned channel, const char *title);
void channel_destroy(unsigned channel);

// The console has been (re)made, but not started: gives it all channels. False: no memory.
bool channels_give_console(struct process *console);
// A server is about to be destroyed: the console, or a client whose channels stay for its next start.
void channels_process_gone(const struct process *process);
