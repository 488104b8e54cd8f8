/* Formatted text without the C library: snprintf without floating point. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Write FMT with its arguments to TO, at most SIZE bytes including the terminating NUL, which is always written if SIZE
 * > 0. Returns the length that the whole text has, without NUL: a result >= SIZE means that it was cut. Understands %d
 * %i %u %x %X %o %p %c %s %%, the flags - 0 # + and space, width and precision (also *), and hh h l ll z j t. An
 * unknown conversion is copied as it stands. ISO C17 7.21.6.5.
 */
int format(char *to, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vformat(char *to, size_t size, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
