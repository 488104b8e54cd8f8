// The files of the boot archive, by calls to init.
#include "dom0/domain/aboard.h"

#include <string.h>

#include "dom0/domain/init_call.h"
#include "lib/format.h"

bool aboard_next(uint64_t *cursor, struct aboard_file *file) {
    static struct init_reply reply;
    if (!init_call(INIT_FILE_GET, cursor, 1, &reply))
        return false;
    *file = (struct aboard_file){.name = (const char *)(reply.words + 1), .size = reply.words[0]};
    ++*cursor;
    return true;
}

bool aboard_find(const char *name, struct aboard_file *file) {
    static struct init_reply reply;
    static char kept[256];
    size_t length = strlen(name);
    if (length >= sizeof kept || !init_call_name(INIT_FILE_MAP, name, &reply))
        return false;
    memmove(kept, name, length + 1);
    *file = (struct aboard_file){.name = kept, .data = (const void *)reply.words[0], .size = reply.words[1]};
    return true;
}
