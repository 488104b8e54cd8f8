/* Memory and string functions for freestanding code (ISO C17 7.24); -mgeneral-regs-only leaves REP as the fast copy. */
#include "lib/string.h"

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    void *d = to;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(size) : : "memory");
    return to;
}

/* Backwards only where a forward copy would overwrite what it has yet to read: STD makes REP slow. */
void *memmove(void *to, const void *from, size_t size) {
    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(to, from, size);
    unsigned char *d = (unsigned char *)to + size - 1;
    const unsigned char *s = (const unsigned char *)from + size - 1;
    __asm__ volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(size) : : "memory", "cc");
    return to;
}

void *memset(void *to, int byte, size_t size) {
    void *d = to;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(size) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

void *memchr(const void *in, int byte, size_t size) {
    const unsigned char *s = in;
    for (size_t i = 0; i < size; i++)
        if (s[i] == (unsigned char)byte)
            return (void *)(uintptr_t)(s + i);
    return NULL;
}

size_t strlen(const char *s) {
    size_t length = 0;
    while (s[length])
        length++;
    return length;
}

size_t strnlen(const char *s, size_t max) {
    size_t length = 0;
    while (length < max && s[length])
        length++;
    return length;
}

int strcmp(const char *a, const char *b) {
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t max) {
    for (size_t i = 0; i < max; i++) {
        unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
        if (x != y || !x)
            return x - y;
    }
    return 0;
}

char *strchr(const char *s, int c) {
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}

char *strrchr(const char *s, int c) {
    const char *last = NULL;
    do {
        if (*s == (char)c)
            last = s;
    } while (*s++);
    return (char *)(uintptr_t)last;
}

char *strstr(const char *s, const char *wanted) {
    size_t length = strlen(wanted);
    for (; strncmp(s, wanted, length) != 0; s++)
        if (!*s)
            return NULL;
    return (char *)(uintptr_t)s;
}
