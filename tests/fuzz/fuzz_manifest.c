// Any text as a manifest: what is accepted obeys all bounds, what is refused has a message.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/init/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
    if (!good)
        abort();
}

static void check_server(const struct manifest_server *server) {
    check(memchr(server->name, 0, sizeof(server->name)) && memchr(server->file, 0, sizeof(server->file)));
    check(server->file[0] && server->priority <= 255 && server->cpu < 64 && server->grants <= MANIFEST_GRANTS);
    for (unsigned i = 0; i < server->grants; i++) {
        const struct manifest_grant *grant = &server->grant[i];
        check(grant->kind < GRANT_KINDS && memchr(grant->name, 0, sizeof(grant->name)));
        check(grant->kind != GRANT_PORTS || (grant->a + grant->b <= 65536 && grant->b > 0));
        check(grant->kind != GRANT_IRQ || (grant->a <= 255 && grant->b <= 63));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct manifest manifest;
    char message[200];
    memset(message, 'x', sizeof(message));
    bool good = manifest_parse((const char *)data, size, &manifest, message, sizeof(message));
    check(memchr(message, 0, sizeof(message)) != NULL);
    check(good == (message[0] == 0));
    check(manifest.servers <= MANIFEST_SERVERS);
    for (unsigned i = 0; good && i < manifest.servers; i++)
        check_server(&manifest.server[i]);
    return 0;
}
