// The servers of the manifest: start, supervision, restart.
#pragma once
#include "dom0/init/manifest.h"
#include "dom0/init/process.h"

// Reads the manifest and starts all servers in its order.
void servers_start(void);
// Looks which have ended: reports, and starts them again.
void servers_supervise(void);
// The plan that the manifest's template makes for a domain's VMM; null if there is none.
const struct manifest_server *servers_template(const char *name);
// Makes a server fault. False: no server of that name runs.
bool servers_crash(const char *name);
bool servers_get(uint64_t index, struct init_server *server);
uint64_t servers_memory_bytes(uint64_t *run_tsc);
