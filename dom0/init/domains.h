// The accounts of domains: what each was made of, its VMM, and what the domain manager may know. They outlive the
// manager.
#pragma once
#include "dom0/init/process.h"

// INIT_DOMAIN_CREATE with the configuration in the exchange window. Missing file: its name in `missing`.
enum init_status domain_create(struct init_domain *out, char *missing, uint64_t *missing_bytes);
enum init_status domain_destroy(uint32_t domid);
bool domain_get(uint64_t index, struct init_domain *out);
bool domain_find(uint32_t domid, struct init_domain *out);
enum init_status domain_config_read(uint32_t domid);
enum init_status domain_config_update(uint32_t domid);
// Makes the VMM of a domain fault.
bool domain_crash(const char *name);
void domains_supervise(void);
uint32_t domains_count(void);

// The domain manager has been (re)made: gives it the exchange window and everything of the living domains.
bool domains_give_manager(struct process *manager);
void domains_manager_gone(const struct process *process);
