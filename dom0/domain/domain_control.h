// Calls of the domain manager to a VMM: lib/protocol_vmm.h.
#pragma once
#include "dom0/domain/domains.h"

// Sends REQUEST (its first word is an enum vmm_operation) and waits for the reply, at most 5 seconds. Returns the words of the
// reply with the first, a status, being VMM_OK; or 0 with ERROR.
size_t domain_call(struct domain *domain, const uint64_t *request, size_t words, uint64_t *reply, size_t reply_words,
                   char error[DOMAIN_ERROR_SIZE]);
