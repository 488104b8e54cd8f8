// The shell: lines to verbs, from the terminal with editing, history and completion, or from the file of commands
// that is run at start.
#pragma once
#include <stddef.h>

#define SHELL_PROMPT   "bulkhead> "
#define SHELL_COMMANDS "etc/commands" // aboard

// Runs the commands of TEXT one after the other, up to the first that fails. Returns its exit status, or 0.
int shell_run(const char *text);

// The same, each command echoed behind the prompt.
int shell_run_echoed(const char *text);

// Reads and runs lines from the terminal, for ever.
_Noreturn void shell_interact(void);
