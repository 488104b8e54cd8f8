/* musl's way to the operating system: every system call of Linux becomes one function call of the server's runtime. */
#pragma once

#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

/* The server's runtime: Linux' system call N (numbers of bits/syscall.h), a result or a negative errno. */
long bulkhead_syscall(long n, long a, long b, long c, long d, long e, long f);

static inline long __syscall0(long n) {
    return bulkhead_syscall(n, 0, 0, 0, 0, 0, 0);
}

static inline long __syscall1(long n, long a) {
    return bulkhead_syscall(n, a, 0, 0, 0, 0, 0);
}

static inline long __syscall2(long n, long a, long b) {
    return bulkhead_syscall(n, a, b, 0, 0, 0, 0);
}

static inline long __syscall3(long n, long a, long b, long c) {
    return bulkhead_syscall(n, a, b, c, 0, 0, 0);
}

static inline long __syscall4(long n, long a, long b, long c, long d) {
    return bulkhead_syscall(n, a, b, c, d, 0, 0);
}

static inline long __syscall5(long n, long a, long b, long c, long d, long e) {
    return bulkhead_syscall(n, a, b, c, d, e, 0);
}

static inline long __syscall6(long n, long a, long b, long c, long d, long e, long f) {
    return bulkhead_syscall(n, a, b, c, d, e, f);
}

#define IPC_64 0
