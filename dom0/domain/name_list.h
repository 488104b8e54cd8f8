// The names that there are, for a message: "a, b, c", and where they are too many "a, b ... and 12 more": never a part
// of a name. Pure.
#pragma once
#include <stddef.h>

#define NAME_LIST_BYTES 512 // enough for the names of most hosts

struct name_list {
    char *to; // always terminated
    size_t size, used;
    unsigned left_out;
};

// TO, of at least 32 bytes, holds EMPTY until a name comes.
struct name_list name_list_begin(char *to, size_t size, const char *empty);
void name_list_add(struct name_list *list, const char *name);
