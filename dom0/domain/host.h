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

// Powers the host off or restarts it. Returns only if init refuses.
void host_end(bool restart);
