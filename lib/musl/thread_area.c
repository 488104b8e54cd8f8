/* musl's thread pointer, set through the runtime's arch_prctl(ARCH_SET_FS) instead of a system call instruction. */
#include <sys/syscall.h>

#define ARCH_SET_FS 0x1002

long bulkhead_syscall(long n, long a, long b, long c, long d, long e, long f);
int __set_thread_area(void *thread);

int __set_thread_area(void *thread) {
    return (int)bulkhead_syscall(SYS_arch_prctl, ARCH_SET_FS, (long)thread, 0, 0, 0, 0);
}
