// The core's last words: what is broken, where, the registers and a backtrace, then a stop of all CPUs.
#include "kernel/panic.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/trap.h"
#include "lib/format.h"
#include "lib/lines.h"
#include <stdarg.h>

#define BACKTRACE_DEPTH 16u

extern char kernel_text_start[], kernel_text_end[], kernel_lines[];

// The functions of an address, a line each. For a return address that is the call, so what lies before it.
static void print_place(const char *what, uint64_t address, uint64_t before) {
    struct lines_place place[LINES_DEPTH];
    char text[160];
    const struct lines_header *header = (const void *)kernel_lines;
    unsigned places = lines_find(header, header->bytes, address - before, place);
    if (!places)
        log_print("  %s %#llx", what, (unsigned long long)address);
    for (unsigned i = 0; i < places; i++) {
        lines_text(&place[i], text, sizeof(text));
        if (i == 0)
            log_print("  %s %#llx %s", what, (unsigned long long)address, text);
        else
            log_print("    inlined in %s", text);
    }
}

// Follows frame pointers through the core's own stacks.
static void backtrace(uint64_t frame) {
    for (unsigned depth = 0; depth < BACKTRACE_DEPTH; depth++) {
        if (frame % 8 || (frame < STACK_WINDOW && frame < KERNEL_BASE))
            return;
        const uint64_t *at = (const uint64_t *)frame;
        if (at[1] < (uint64_t)(uintptr_t)kernel_text_start || at[1] >= (uint64_t)(uintptr_t)kernel_text_end)
            return;
        print_place("called from", at[1], 1);
        if (at[0] <= frame)
            return;
        frame = at[0];
    }
}

_Noreturn static void stop(void) {
    log_print("The core has stopped. All domains are lost; their disks are as after a power cut.");
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void begin(void) {
    static uint32_t panicking;
    if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST))
        for (;;)
            __asm__ volatile("cli; hlt");
    log_panic_mode();
    trap_stop_others();
}

void panic(const char *file, int line, const char *message, ...) {
    begin();
    char text[200];
    va_list arguments;
    va_start(arguments, message);
    vformat(text, sizeof(text), message, arguments);
    va_end(arguments);
    log_print("PANIC on CPU %u: %s (%s:%d)", cpu_self()->id, text, file, line);
    backtrace((uint64_t)(uintptr_t)__builtin_frame_address(0));
    stop();
}

void panic_exception(const struct registers *regs) {
    begin();
    log_print("PANIC on CPU %u: exception %llu in the core, error code %#llx, address %#llx", cpu_self()->id,
              (unsigned long long)regs->vector, (unsigned long long)regs->error, (unsigned long long)read_cr2());
    print_place("at", regs->rip, 0);
    log_print("  RIP %#llx CS %#llx RFLAGS %#llx RSP %#llx", (unsigned long long)regs->rip,
              (unsigned long long)regs->cs, (unsigned long long)regs->rflags, (unsigned long long)regs->rsp);
    static const char *const names[16] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                          "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    for (unsigned i = 0; i < 16; i += 4)
        log_print("  %s %016llx %s %016llx %s %016llx %s %016llx", names[i], (unsigned long long)regs->gpr[i],
                  names[i + 1], (unsigned long long)regs->gpr[i + 1], names[i + 2],
                  (unsigned long long)regs->gpr[i + 2], names[i + 3], (unsigned long long)regs->gpr[i + 3]);
    backtrace(regs->gpr[RBP]);
    stop();
}
