// What is known of the host, from init.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/protocol_init.h"

#define HOST_VERSION "0.1"

bool host_get(struct init_host *host);

// The core's counters; NULL if the domain manager was not given their window.
const volatile struct core_info *host_core_info(void);

// The servers of dom0, from number 0; false past the last.
bool host_server_get(uint64_t index, struct init_server *server);
bool host_server_find(const char *name, struct init_server *server);

// Makes a server, or a domain's VMM ("domain NAME"), fault. NULL, or what is wrong.
const char *host_crash(const char *name);

// Up to INIT_LAST_LOG_BYTES of the last run's log from an offset on, in *text until the next call to init; how many.
// *total: how many there are, 0: none is known; *end: enum kept_log_end.
size_t host_last_log(uint64_t offset, const char **text, uint64_t *total, uint64_t *end);

// Does what a debug key of the core stands for. NULL, or what is wrong.
const char *host_debug_key(char key);

// Powers the host off or restarts it. Returns only if init refuses.
void host_end(bool restart);
