// The domain manager: takes up the domains that there are, runs the command file, then serves the shell.
#include <stdlib.h>
#include <string.h>

#include "dom0/domain/aboard.h"
#include "dom0/domain/domains.h"
#include "dom0/domain/host.h"
#include "dom0/domain/libc_syscalls.h"
#include "dom0/domain/shell.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb.h"
#include "lib/server.h"

// A copy: creating domains maps other files where this one is.
static char *read_commands(void) {
    struct aboard_file file;
    if (!aboard_find(SHELL_COMMANDS, &file))
        return NULL;
    char *text = malloc(file.size + 1);
    if (!text) {
        terminal_print("%s is too large\n", SHELL_COMMANDS);
        return NULL;
    }
    memcpy(text, file.data, file.size);
    text[file.size] = '\0';
    return text;
}

// The status line is what scripts/run looks for.
static void run_commands(void) {
    char *text = read_commands();
    if (!text)
        return;
    int status = STATUS_FAILED;
    if (startup->incarnation) // where they stood is not known any more
        terminal_print("[commands] the domain manager was started again while they ran\n");
    else
        status = shell_run_echoed(text);
    free(text);
    terminal_print("[commands] exit status %d\n", status);
    terminal_drain();
    host_end(false);
}

int main(void) {
    SERVER_ASSERT(startup->magic == STARTUP_MAGIC && startup->version == STARTUP_VERSION);
    libc_heap_begin(startup->heap_base, startup->heap_size); // the C library has not allocated anything yet
    domains_recover();
    if (startup->incarnation)
        terminal_print("\nThe domain manager was started again (%llu); its domains run on.\n",
                       (unsigned long long)startup->incarnation);
    else
        terminal_print("\nBulkhead %s. help lists the verbs, files what is aboard; create NAME starts a domain.\n",
                       HOST_VERSION);
    run_commands();
    shell_interact();
}
