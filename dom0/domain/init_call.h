// Calls to init, by the portal "init": lib/protocol_init.h.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/protocol_init.h"

struct init_reply {
    int64_t call;                      // enum status of the call itself
    uint64_t status;                   // enum init_status
    uint64_t words[MESSAGE_WORDS - 1]; // from data[1] on
};

// True if init answered INIT_OK.
bool init_call(enum init_operation operation, const uint64_t *words, size_t count, struct init_reply *reply);

// The same with NAME, terminated, from data[1] on.
bool init_call_name(enum init_operation operation, const char *name, struct init_reply *reply);

// What a reply that is not INIT_OK means, for a person.
const char *init_reply_text(const struct init_reply *reply);
