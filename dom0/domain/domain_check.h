// Checks of a configuration against the files aboard, before anything is created.
#pragma once
#include "dom0/domain/domain_config.h"

// A name as the key `name` accepts it, for rename.
bool domain_name_is_valid(const char *name);

// NULL if all that the configuration names is aboard and is what it should be; else what is wrong, in ERROR.
const char *domain_check(const struct domain_config *config, char *error, size_t size);
