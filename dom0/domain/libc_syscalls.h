// The C library's system calls, carried out by the domain manager itself.
#pragma once
#include <stdint.h>

// Gives the C library its heap: BYTES at BASE, zeroed, page-aligned. Before the first allocation.
void libc_heap_begin(uint64_t base, uint64_t bytes);

// Linux' system call N, as musl is built to make it. A result, or a negative errno; -ENOSYS for all that a process
// without files and other processes has no use for.
long bulkhead_syscall(long n, long a, long b, long c, long d, long e, long f);
