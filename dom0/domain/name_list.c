// Lists of names for messages, see name_list.h.
#include "dom0/domain/name_list.h"

#include <string.h>

#include "lib/format.h"

#define END_BYTES sizeof(" ... and 4294967295 more") // there is always room for the end

struct name_list name_list_begin(char *to, size_t size, const char *empty) {
    format(to, size, "%s", empty);
    return (struct name_list){.to = to, .size = size};
}

void name_list_add(struct name_list *list, const char *name) {
    const char *separator = list->used ? ", " : "";
    char *end = list->to + list->used;
    size_t room = list->size - list->used;
    if (list->left_out || strlen(separator) + strlen(name) + END_BYTES > room)
        format(end, room, "%s... and %u more", list->used ? " " : "", ++list->left_out);
    else
        list->used += (size_t)format(end, room, "%s%s", separator, name);
}
