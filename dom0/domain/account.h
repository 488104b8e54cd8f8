// Domains' accounts at init: it holds their memory, VMM and configuration, so that all of it outlives the domain
// manager. Calls of lib/protocol_init.h.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "dom0/domain/domain_config.h"
#include "dom0/domain/domains.h"

struct account {
    uint32_t id;
    uint64_t control; // selector of the VMM's control portal
    const volatile struct domain_page *page;
};

// Has init reserve all that the configuration asks for and start the VMM. False with ERROR, and nothing is reserved.
bool account_create(const struct domain_config *config, bool paused, struct account *account,
                    char error[DOMAIN_ERROR_SIZE]);

// Ends the VMM if it lives, and frees all. When it returns the memory can be given to another domain.
void account_destroy(uint32_t id);

// False once the VMM has ended or died, as far as init has told.
bool account_is_alive(uint32_t id);

bool account_rename(uint32_t id, const char *name, char error[DOMAIN_ERROR_SIZE]);
