// What is known of the host, from init and the core.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi.h"

#define HOST_VERSION "0.1"

struct host_facts {
    char cpu_name[48];
    char virtualization[160]; // "SVM", or why there is none
    uint32_t cpus;
    bool has_iommu;
    uint64_t tsc_hz;
    uint64_t memory_bytes, free_bytes; // of the machine, and what init could give to a domain
    uint64_t kernel_pool_pages, kernel_pool_used;
    uint64_t dom0_bytes, dom0_cpu_ns; // of init and the servers together
};

bool host_facts(struct host_facts *facts);

// A page of the core's counters; NULL if the domain manager was not given it.
const volatile struct core_info *host_core_info(void);

// The names of dom0's servers.
bool host_server_next(uint64_t *cursor, const char **name);

// Powers the host off or restarts it. Returns only if init refuses.
void host_end(bool restart);
