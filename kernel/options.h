// Words of the core's command line (GRUB's multiboot2 line).
#pragma once
#include "kernel/list.h"
#include "kernel/speculation.h"
#include <stddef.h>

// What stands behind NAME= of the first word NAME=TEXT, or the end of the word NAME; null if there is neither.
const char *option_find(const char *command_line, const char *name);

// Reads spec-ctrl's list, as Xen's (xen-command-line: `[no-]NAME`, `NAME=BOOL`, and `BOOL` for all), up to a blank. The
// first item that is not known, and its length; null if all are.
NODISCARD const char *option_read_speculation(const char *list, struct speculation_wishes *wishes, size_t *length);
