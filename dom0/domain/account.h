// Domains' accounts at init: it holds their memory, VMM and configuration, so that all of it outlives the domain
// manager. Calls of lib/protocol_init.h.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "dom0/domain/domain_config.h"
#include "dom0/domain/domains.h"
#include "lib/protocol_init.h"

// Has init reserve all that the configuration asks for and load the VMM, which waits paused. False with ERROR, and
// nothing is reserved.
bool account_create(const struct domain_config *config, struct init_domain *account, char error[DOMAIN_ERROR_SIZE]);

// Ends the VMM if it lives, and frees all. When it returns the memory can be given to another domain.
void account_destroy(uint32_t id);

// The account of number INDEX, from 0; false past the last.
bool account_get(uint64_t index, struct init_domain *account);
bool account_find(uint32_t id, struct init_domain *account);
bool account_is_alive(uint32_t id);

// The configuration as init keeps it.
bool account_read_config(uint32_t id, struct domain_config *config);
bool account_write_config(uint32_t id, const struct domain_config *config);
