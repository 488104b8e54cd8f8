// Calls to init.
#include "dom0/domain/init_call.h"

#include <string.h>

#include "dom0/domain/manager.h"
#include "lib/server.h"

#define TIMEOUT_MS 60000u // creating and destroying clear a domain's memory

bool init_call(enum init_operation operation, const uint64_t *words, size_t count, struct init_reply *reply) {
    uint64_t request[MESSAGE_WORDS] = {operation};
    static uint64_t answer[MESSAGE_WORDS];
    if (count >= MESSAGE_WORDS)
        count = MESSAGE_WORDS - 1;
    if (count)
        memcpy(request + 1, words, count * 8);
    reply->call = manager_call(capability_required("init"), request, 1 + count, answer, MESSAGE_WORDS, TIMEOUT_MS);
    reply->status = answer[0];
    memcpy(reply->words, answer + 1, sizeof reply->words);
    ((char *)reply->words)[sizeof reply->words - 1] = '\0';
    return reply->call == OK && reply->status == INIT_OK;
}

bool init_call_name(enum init_operation operation, const char *name, struct init_reply *reply) {
    uint64_t words[32] = {0};
    size_t length = strlen(name);
    if (length >= sizeof words) {
        *reply = (struct init_reply){.call = OK, .status = INIT_ABSENT};
        return false;
    }
    memcpy(words, name, length);
    return init_call(operation, words, length / 8 + 1, reply);
}

const char *init_reply_text(const struct init_reply *reply) {
    static const char *const texts[] = {
        [INIT_OK] = "done",
        [INIT_BAD_REQUEST] = "init refused the request",
        [INIT_ABSENT] = "init knows no such thing",
        [INIT_NO_MEMORY] = "too little memory",
        [INIT_NO_KERNEL_MEMORY] = "the core's pool of kernel memory is used up",
        [INIT_TOO_MANY] = "too many domains",
        [INIT_NO_FILE] = "no such file aboard",
        [INIT_NO_VIRTUALIZATION] = "this machine has no virtualization that can be used",
    };
    if (reply->call != OK)
        return reply->call == ERROR_TIMEOUT ? "init did not answer in time" : "init could not be called";
    return reply->status < sizeof texts / sizeof *texts ? texts[reply->status] : "init refused the request";
}
