// The C library's system calls: a terminal as files 0 to 2, anonymous memory, the clock, the thread pointer, exit.
#include "dom0/domain/libc_syscalls.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>

#include "dom0/domain/manager.h"
#include "dom0/domain/page_heap.h"
#include "dom0/domain/terminal.h"
#include "lib/server.h"

#define ARCH_SET_FS 0x1002

static struct page_heap heap;

void libc_heap_begin(uint64_t base, uint64_t bytes) {
    page_heap_begin(&heap, base, bytes);
}

static bool is_terminal(long fd) {
    return fd >= 0 && fd <= 2;
}

static long do_read(long fd, long to, long size) {
    if (!is_terminal(fd))
        return -EBADF;
    return (long)terminal_read((char *)to, (size_t)size, NO_DEADLINE);
}

// One vector with room is enough: a read may be short.
static long do_readv(long fd, long vectors, long count) {
    const struct iovec *vector = (const struct iovec *)vectors;
    for (long i = 0; i < count; i++)
        if (vector[i].iov_len)
            return do_read(fd, (long)vector[i].iov_base, (long)vector[i].iov_len);
    return 0;
}

static long do_write(long fd, long from, long size) {
    if (!is_terminal(fd))
        return -EBADF;
    terminal_write((const char *)from, (size_t)size);
    return size;
}

static long do_writev(long fd, long vectors, long count) {
    const struct iovec *vector = (const struct iovec *)vectors;
    long written = 0;
    if (!is_terminal(fd))
        return -EBADF;
    for (long i = 0; i < count; i++)
        written += do_write(fd, (long)vector[i].iov_base, (long)vector[i].iov_len);
    return written;
}

static long do_ioctl(long fd, long request, long argument) {
    if (!is_terminal(fd))
        return -EBADF;
    switch (request) {
    case TIOCGWINSZ: {
        struct terminal_size size = terminal_size();
        *(struct winsize *)argument =
            (struct winsize){.ws_row = (unsigned short)size.rows, .ws_col = (unsigned short)size.columns};
        return 0;
    }
    case TCGETS:
        memset((void *)argument, 0, 36); // the kernel's struct termios, smaller than the C library's
        return 0;
    case TCSETS:
    case TCSETS + 1: // TCSETSW
    case TCSETS + 2: // TCSETSF
        return 0;    // the channel is raw at all times
    default:
        return -ENOTTY;
    }
}

static long do_mmap(long address, long size, long protection, long flags) {
    if (!(flags & MAP_ANONYMOUS) || (flags & MAP_FIXED) || (protection & PROT_EXEC))
        return -EINVAL;
    uint64_t found = page_heap_take(&heap, (uint64_t)size);
    if (!found)
        return -ENOMEM;
    memset((void *)found, 0, ((uint64_t)size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1));
    return (long)found;
}

static long do_munmap(long address, long size) {
    return page_heap_give(&heap, (uint64_t)address, (uint64_t)size) ? 0 : -EINVAL;
}

// Both clocks count from the host's start: there is no date yet.
static long do_clock(long to) {
    uint64_t ns = manager_ns_of_tsc(manager_now_tsc());
    *(struct timespec *)to = (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    return 0;
}

static long do_arch_prctl(long operation, long value) {
    return operation == ARCH_SET_FS ? sys_thread_control(SELECTOR_THREAD, THREAD_SET_FS_BASE, (uint64_t)value, 0, 0)
                                    : -EINVAL;
}

long bulkhead_syscall(long n, long a, long b, long c, long d, long e, long f) {
    switch (n) {
    case SYS_read:
        return do_read(a, b, c);
    case SYS_readv:
        return do_readv(a, b, c);
    case SYS_write:
        return do_write(a, b, c);
    case SYS_writev:
        return do_writev(a, b, c);
    case SYS_ioctl:
        return do_ioctl(a, b, c);
    case SYS_mmap:
        return do_mmap(a, b, c, d);
    case SYS_munmap:
        return do_munmap(a, b);
    case SYS_brk: // stays where it is: musl then takes all memory by mmap
    case SYS_mprotect:
    case SYS_madvise:
        return 0;
    case SYS_clock_gettime:
        return do_clock(b);
    case SYS_arch_prctl:
        return do_arch_prctl(a, b);
    case SYS_set_tid_address:
    case SYS_getpid:
    case SYS_gettid:
        return 1;
    case SYS_exit:
    case SYS_exit_group:
        server_exit((int)a);
    default:
        return -ENOSYS;
    }
}
