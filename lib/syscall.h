// System calls of the core, one function each. Arguments and errors: docs/abi.md.
#pragma once
#include "kernel/abi.h"

struct syscall_result {
    int64_t status; // enum status
    uint64_t value; // RDX
};

static inline struct syscall_result syscall6(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                             uint64_t e, uint64_t f) {
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    struct syscall_result result;
    __asm__ volatile("syscall"
                     : "=a"(result.status), "=d"(result.value)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

// The core looks at no more registers than the call has arguments.
static inline struct syscall_result syscall2(uint64_t number, uint64_t a, uint64_t b) {
    struct syscall_result result;
    __asm__ volatile("syscall"
                     : "=a"(result.status), "=d"(result.value)
                     : "a"(number), "D"(a), "S"(b)
                     : "rcx", "r11", "memory");
    return result;
}

static inline struct syscall_result sys_call(uint64_t portal, uint64_t words, uint64_t deadline_tsc) {
    return syscall6(SYS_CALL, portal, words, deadline_tsc, 0, 0, 0);
}

static inline struct syscall_result sys_reply_wait(uint64_t words, uint64_t event_mask, uint64_t deadline_tsc) {
    return syscall6(SYS_REPLY_WAIT, words, event_mask, deadline_tsc, 0, 0, 0);
}

static inline int64_t sys_run(uint64_t vcpu, uint64_t event_mask) {
    return syscall2(SYS_RUN, vcpu, event_mask).status;
}

static inline int64_t sys_create_pd(uint64_t selector, uint64_t slots, uint64_t quota_bytes, uint64_t supervisor) {
    return syscall6(SYS_CREATE_PD, selector, slots, quota_bytes, supervisor, 0, 0).status;
}

static inline int64_t sys_create_space(uint64_t selector, uint64_t pd, enum space_kind kind) {
    return syscall6(SYS_CREATE_SPACE, selector, pd, kind, 0, 0, 0).status;
}

static inline int64_t sys_create_thread(uint64_t selector, uint64_t pd, uint64_t page, uint64_t cpu, uint64_t entry,
                                        uint64_t stack) {
    return syscall6(SYS_CREATE_THREAD, selector, pd, page, cpu, entry, stack).status;
}

static inline int64_t sys_create_portal(uint64_t selector, uint64_t thread, uint64_t badge) {
    return syscall6(SYS_CREATE_PORTAL, selector, thread, badge, 0, 0, 0).status;
}

static inline int64_t sys_create_semaphore(uint64_t selector, uint64_t pd, uint64_t count, uint64_t thread,
                                           uint64_t bit) {
    return syscall6(SYS_CREATE_SEMAPHORE, selector, pd, count, thread, bit, 0).status;
}

static inline int64_t sys_create_page(uint64_t selector, uint64_t pd, uint64_t address) {
    return syscall6(SYS_CREATE_PAGE, selector, pd, address, 0, 0, 0).status;
}

static inline int64_t sys_create_vcpu(uint64_t selector, uint64_t space, uint64_t state_page, uint64_t apic_page,
                                      uint64_t cpu) {
    return syscall6(SYS_CREATE_VCPU, selector, space, state_page, apic_page, cpu, 0).status;
}

static inline int64_t sys_destroy(uint64_t selector) {
    return syscall6(SYS_DESTROY, selector, 0, 0, 0, 0, 0).status;
}

static inline int64_t sys_delegate(uint64_t source, uint64_t source_address, uint64_t target, uint64_t target_address,
                                   uint64_t attributes) {
    return syscall6(SYS_DELEGATE, source, source_address, target, target_address, attributes, 0).status;
}

static inline int64_t sys_thread_control(uint64_t thread, enum thread_operation operation, uint64_t a, uint64_t b,
                                         uint64_t c) {
    return syscall6(SYS_THREAD_CONTROL, thread, operation, a, b, c, 0).status;
}

static inline struct syscall_result sys_semaphore_control(uint64_t semaphore, enum semaphore_operation operation,
                                                          uint64_t deadline_tsc) {
    return syscall6(SYS_SEMAPHORE_CONTROL, semaphore, operation, deadline_tsc, 0, 0, 0);
}

static inline struct syscall_result sys_pd_control(uint64_t pd, enum pd_operation operation, uint64_t a) {
    return syscall6(SYS_PD_CONTROL, pd, operation, a, 0, 0, 0);
}

static inline int64_t sys_vcpu_control(uint64_t vcpu, enum vcpu_operation operation, uint64_t a) {
    return syscall6(SYS_VCPU_CONTROL, vcpu, operation, a, 0, 0, 0).status;
}

static inline int64_t sys_hardware_control(uint64_t hardware, enum hardware_operation operation, uint64_t a,
                                           uint64_t b) {
    return syscall6(SYS_HARDWARE_CONTROL, hardware, operation, a, b, 0, 0).status;
}

static inline struct syscall_result sys_assign_interrupt(uint64_t hardware, uint64_t semaphore, uint64_t what,
                                                         uint64_t cpu) {
    return syscall6(SYS_ASSIGN_INTERRUPT, hardware, semaphore, what, cpu, 0, 0);
}
