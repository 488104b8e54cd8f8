// XSAVE, XCR0 and debug address registers (SDM 1 13; APM 2 11.5).
#include "kernel/fpu.h"
#include "kernel/features.h"
#include "kernel/instructions.h"
#include "kernel/pd.h"
#include "lib/string.h"

// Legacy region and header of a new area: FCW and MXCSR as after reset (SDM 1 13.4.1).
#define FCW_RESET    0x37fu
#define XCR0_GUEST   (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)
#define MXCSR_RESET  0x1f80u
#define MXCSR_OFFSET 24u

void *fpu_create(struct pd *pd) {
    uint8_t *area = pages_allocate(pd, 1);
    if (!area)
        return NULL;
    *(uint16_t *)(void *)area = FCW_RESET;
    *(uint32_t *)(void *)(area + MXCSR_OFFSET) = MXCSR_RESET;
    return area;
}

void fpu_destroy(struct pd *pd, void *area) {
    pages_free(pd, area, 1);
}

static void save_registers(struct thread *thread) {
    thread->dr[0] = read_dr0();
    thread->dr[1] = read_dr1();
    thread->dr[2] = read_dr2();
    thread->dr[3] = read_dr3();
    if (host.xsave)
        thread->xcr0 = xgetbv0();
}

void fpu_peek(struct thread *thread) {
    if (cpu_self()->fpu_owner == thread)
        save_registers(thread);
}

static void save(struct thread *thread) {
    save_registers(thread);
    if (host.xsave) {
        if (thread->xcr0 != host.xcr0)
            xsetbv0(host.xcr0);
        thread->xcr0 &= host.xcr0; // where XSETBV does not exit (QEMU), a guest may have set more
        __asm__ volatile("xsave64 (%0)" : : "r"(thread->fpu), "a"(~0u), "d"(~0u) : "memory");
    } else {
        __asm__ volatile("fxsave64 (%0)" : : "r"(thread->fpu) : "memory");
    }
}

// `before`: whose state was saved right before this, and is still in the debug registers; null: nobody's.
static void restore(const struct thread *thread, const struct thread *before) {
    static const int32_t zero;
    if (host.x87_pointers_stay) // with our own instead of another domain's (CVE-2006-1056)
        __asm__ volatile("fnclex; emms; fildl %0" : : "m"(zero));
    if (host.xsave) {
        __asm__ volatile("xrstor64 (%0)" : : "r"(thread->fpu), "a"(~0u), "d"(~0u) : "memory");
        if (thread->xcr0 != host.xcr0)
            xsetbv0(thread->xcr0);
    } else {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(thread->fpu) : "memory");
    }
    if (before && memcmp(before->dr, thread->dr, sizeof(thread->dr)) == 0)
        return; // nearly always: all zero
    write_dr0(thread->dr[0]);
    write_dr1(thread->dr[1]);
    write_dr2(thread->dr[2]);
    write_dr3(thread->dr[3]);
}

void fpu_load(struct thread *thread) {
    struct cpu *cpu = cpu_self();
    if (cpu->fpu_owner == thread)
        return;
    if (cpu->fpu_owner)
        save(cpu->fpu_owner);
    else if (host.xsave)
        xsetbv0(host.xcr0);
    restore(thread, cpu->fpu_owner);
    cpu->fpu_owner = thread;
}

void fpu_release(struct thread *thread) {
    struct cpu *cpu = cpu_self();
    if (cpu->fpu_owner != thread)
        return;
    save(thread);
    cpu->fpu_owner = NULL;
}

void fpu_forget(const struct thread *thread) {
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpus[i]->fpu_owner == thread)
            cpus[i]->fpu_owner = NULL;
}

void fpu_set_guest_xcr0(uint64_t xcr0) {
    xsetbv0(features_xcr0(xcr0 & host.xcr0 & XCR0_GUEST));
}
