// A configuration and the files aboard that it names, before anything is created.
#pragma once
#include "dom0/domain/domain_config.h"

// A name as the key `name` accepts it, for rename.
bool domain_name_is_valid(const char *name);

// Finds the files that the configuration names, puts their full names into it, and checks that they are what they
// should be. NULL if all is well; else what is wrong, in ERROR.
const char *domain_resolve(struct domain_config *config, char *error, size_t size);
