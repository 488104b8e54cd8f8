// The report of a server's or VMM's end: why, where, and by which calls.
#pragma once
#include "dom0/init/process.h"

// Logs it. The process still exists: its memory is read for the backtrace.
void report_end(const char *name, const struct process *process, const struct pd_fault *fault);
