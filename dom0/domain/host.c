// What is known of the host, and its end.
#include "dom0/domain/host.h"

#include <string.h>

#include "dom0/domain/init_call.h"
#include "lib/server.h"

static struct init_reply reply;

bool host_get(struct init_host *host) {
    if (!init_call(INIT_HOST, NULL, 0, &reply))
        return false;
    memcpy(host, reply.words, sizeof *host);
    host->vendor_reason[sizeof host->vendor_reason - 1] = '\0';
    host->cpu_name[sizeof host->cpu_name - 1] = '\0';
    return true;
}

const volatile struct core_info *host_core_info(void) {
    const struct startup_window *window = startup_window(startup, "core.info");
    return window ? (const volatile struct core_info *)window->address : NULL;
}

bool host_server_get(uint64_t index, struct init_server *server) {
    if (!init_call(INIT_SERVER_GET, &index, 1, &reply))
        return false;
    memcpy(server, reply.words, sizeof *server);
    server->name[sizeof server->name - 1] = '\0';
    return true;
}

bool host_server_find(const char *name, struct init_server *server) {
    for (uint64_t index = 0; host_server_get(index, server); index++)
        if (!strcmp(server->name, name))
            return true;
    return false;
}

const char *host_crash(const char *name) {
    return init_call_name(INIT_CRASH, name, &reply) ? NULL : init_reply_text(&reply);
}

size_t host_last_log(uint64_t offset, const char **text, uint64_t *total, uint64_t *end) {
    *total = 0;
    if (!init_call(INIT_LAST_LOG, &offset, 1, &reply) || reply.words[0] > INIT_LAST_LOG_BYTES)
        return 0;
    *text = (const char *)&reply.words[3];
    *total = reply.words[1];
    *end = reply.words[2];
    return (size_t)reply.words[0];
}

const char *host_debug_key(char key) {
    uint64_t word = (unsigned char)key;
    return init_call(INIT_DEBUG_KEY, &word, 1, &reply) ? NULL : init_reply_text(&reply);
}

void host_end(bool restart) {
    init_call(restart ? INIT_RESTART : INIT_POWER_OFF, NULL, 0, &reply);
}
