// The end: a broken invariant of the core stops the machine with a report. Asserts ship.
#pragma once

struct registers;

_Noreturn void panic(const char *file, int line, const char *message, ...) __attribute__((format(printf, 3, 4)));

// Report of an exception inside the core, with its registers.
_Noreturn void panic_exception(const struct registers *regs);

#define PANIC(...)        panic(__FILE__, __LINE__, __VA_ARGS__)
#define ASSERT(condition) ((condition) ? (void)0 : panic(__FILE__, __LINE__, "broken invariant: %s", #condition))
