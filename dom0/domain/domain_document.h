// A domain's configuration as JSON, with the keys of the configuration file: for list -l and create -n.
#pragma once
#include "dom0/domain/domain_config.h"
#include "dom0/domain/table.h"

void domain_document(const struct text_sink *sink, const struct domain_config *config);
