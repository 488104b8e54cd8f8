// Calls to init about domains' accounts.
#include "dom0/domain/account.h"

#include <string.h>

#include "dom0/domain/host.h"
#include "dom0/domain/init_call.h"
#include "lib/format.h"
#include "lib/server.h"

_Static_assert(sizeof(struct domain_config) <= PAGE_SIZE, "the exchange window is a page");

static void *exchange(void) {
    return window_required("exchange", NULL);
}

static void explain_no_virtualization(char error[DOMAIN_ERROR_SIZE]) {
    struct init_host host;
    bool why = host_get(&host) && host.vendor_reason[0];
    format(error, DOMAIN_ERROR_SIZE, "this machine has no virtualization that can be used: %s",
           why ? host.vendor_reason : "its CPU has neither AMD-V nor VT-x");
}

static void explain(const struct domain_config *config, const struct init_reply *reply, char error[DOMAIN_ERROR_SIZE]) {
    switch (reply->status) {
    case INIT_NO_MEMORY:
        format(error, DOMAIN_ERROR_SIZE, "too little memory: of its %u MiB %llu MiB are missing; see info",
               config->memory_mib, (unsigned long long)((reply->words[0] + 0xfffff) >> 20));
        break;
    case INIT_NO_KERNEL_MEMORY:
        format(error, DOMAIN_ERROR_SIZE, "the core's pool of kernel memory is used up");
        break;
    case INIT_TOO_MANY:
        format(error, DOMAIN_ERROR_SIZE, "there are %u domains, and there cannot be more", INIT_DOMAINS);
        break;
    case INIT_NO_FILE:
        format(error, DOMAIN_ERROR_SIZE, "no such file aboard: %.128s", (const char *)reply->words);
        break;
    case INIT_NO_VIRTUALIZATION:
        explain_no_virtualization(error);
        break;
    default:
        format(error, DOMAIN_ERROR_SIZE, "%s", init_reply_text(reply));
    }
}

bool account_create(const struct domain_config *config, struct init_domain *account, char error[DOMAIN_ERROR_SIZE]) {
    static struct init_reply reply;
    memcpy(exchange(), config, sizeof *config);
    if (!init_call(INIT_DOMAIN_CREATE, NULL, 0, &reply)) {
        explain(config, &reply, error);
        return false;
    }
    memcpy(account, reply.words, sizeof *account);
    return true;
}

void account_destroy(uint32_t id) {
    static struct init_reply reply;
    const uint64_t word = id;
    init_call(INIT_DOMAIN_DESTROY, &word, 1, &reply);
}

bool account_get(uint64_t index, struct init_domain *account) {
    static struct init_reply reply;
    if (!init_call(INIT_DOMAIN_GET, &index, 1, &reply))
        return false;
    memcpy(account, reply.words, sizeof *account);
    return true;
}

bool account_find(uint32_t id, struct init_domain *account) {
    static struct init_reply reply;
    const uint64_t word = id;
    if (!init_call(INIT_DOMAIN_FIND, &word, 1, &reply))
        return false;
    memcpy(account, reply.words, sizeof *account);
    return true;
}

bool account_is_alive(uint32_t id) {
    struct init_domain account;
    return account_find(id, &account) && account.state == INIT_DOMAIN_ALIVE;
}

bool account_read_config(uint32_t id, struct domain_config *config) {
    static struct init_reply reply;
    const uint64_t word = id;
    if (!init_call(INIT_DOMAIN_CONFIG, &word, 1, &reply))
        return false;
    memcpy(config, exchange(), sizeof *config);
    return config->version == DOMAIN_CONFIG_VERSION;
}

bool account_write_config(uint32_t id, const struct domain_config *config) {
    static struct init_reply reply;
    const uint64_t word = id;
    memcpy(exchange(), config, sizeof *config);
    return init_call(INIT_DOMAIN_UPDATE, &word, 1, &reply);
}
