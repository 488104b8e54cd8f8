// Calls to the console server.
#include "dom0/domain/console_call.h"

#include <string.h>

#include "dom0/domain/manager.h"
#include "lib/server.h"

#define TIMEOUT_MS 5000u

static uint64_t answer[MESSAGE_WORDS];

static bool call(const uint64_t *request, size_t words) {
    return manager_call(capability_required("console"), request, words, answer, MESSAGE_WORDS, TIMEOUT_MS) == OK &&
           answer[0] == CONSOLE_OK;
}

bool console_connect(uint64_t channel) {
    return call((uint64_t[]){CONSOLE_CONNECT, channel}, 2);
}

void console_release(uint64_t channel) {
    call((uint64_t[]){CONSOLE_RELEASE, channel}, 2);
}

size_t console_read(uint64_t channel, uint64_t *position, char *to, size_t size) {
    uint64_t at = *position;
    size_t used = 0;
    while (used < size && call((uint64_t[]){CONSOLE_READ, channel, at}, 3)) {
        size_t got = answer[2] < CONSOLE_READ_BYTES ? answer[2] : CONSOLE_READ_BYTES;
        if (!used)
            *position = at = answer[1];
        if (answer[1] != at) // lines were lost in between
            break;
        got = got < size - used ? got : size - used;
        memcpy(to + used, answer + 4, got);
        used += got;
        at += got;
        if (!got || at >= answer[3])
            break;
    }
    return used;
}

size_t console_type(uint64_t channel, const char *bytes, size_t length) {
    uint64_t request[3 + CONSOLE_TYPE_BYTES / 8] = {CONSOLE_TYPE, channel};
    size_t part = length < CONSOLE_TYPE_BYTES ? length : CONSOLE_TYPE_BYTES;
    request[2] = part;
    memcpy(request + 3, bytes, part);
    if (!call(request, 3 + (part + 7) / 8))
        return 0;
    return answer[1] < part ? answer[1] : part;
}
