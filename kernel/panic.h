// The end: a broken invariant of the core stops the machine with a report. Asserts ship.
#pragma once

struct registers;

// Reads the core's options: with `noreboot` the machine stays after a panic, else it is reset after some seconds.
void panic_init(const char *command_line);

_Noreturn void panic(const char *file, int line, const char *message, ...) __attribute__((format(printf, 3, 4)));

// Report of an exception inside the core, or of a machine check, with its registers.
_Noreturn void panic_exception(const struct registers *regs, const char *message, ...)
    __attribute__((format(printf, 2, 3)));

#define PANIC(...)        panic(__FILE__, __LINE__, __VA_ARGS__)
#define ASSERT(condition) ((condition) ? (void)0 : panic(__FILE__, __LINE__, "broken invariant: %s", #condition))
