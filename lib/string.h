/* Memory and string functions for freestanding code; hosted code gets the C library's, under the same names. */
#pragma once

#include <stddef.h>

#if __STDC_HOSTED__
#include <string.h>
#else

/* ISO C17 7.24 and POSIX strnlen. Contracts and results are those of the standards. */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *in, int byte, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *wanted);

#endif
