// The core's last words: what is broken, where, the registers and a backtrace, and what the other CPUs were at. They go
// to the log, which the next boot reads, and to the UART. Then the machine is reset, or stays.
#include "kernel/panic.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/instructions.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/options.h"
#include "kernel/trap.h"
#include "kernel/vendor.h"
#include "lib/format.h"
#include "lib/lines.h"
#include "lib/string.h"
#include <stdarg.h>

#define BACKTRACE_DEPTH 16u
#define RESET_SECONDS   5u
#define TSC_HZ_UNKNOWN  3000000000ull
#define RESET_CONTROL   0xcf9 // of the chipset
#define RESET_FULL      6
#define KEYBOARD        0x64
#define KEYBOARD_RESET  0xfe

extern char kernel_text_start[], kernel_text_end[], kernel_lines[];

static bool stays;

void panic_init(const char *command_line) {
    stays = option_find(command_line, "noreboot") != NULL;
}

static bool in_text(uint64_t address) {
    return address >= (uint64_t)(uintptr_t)kernel_text_start && address < (uint64_t)(uintptr_t)kernel_text_end;
}

// The functions of an address, a line each. For a return address that is the call, so what lies before it. False if no
// line is known: in assembly.
static bool print_place(const char *what, uint64_t address, uint64_t before) {
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
    return places && *place[0].file;
}

// Can the word be read? Registers may hold anything by now. The image holds the stack of the first moments.
static bool on_core_stack(uint64_t address) {
    bool held = address >= (uint64_t)(uintptr_t)kernel_text_end && address < (uint64_t)(uintptr_t)kernel_lines - 8;
    for (uint32_t i = 0; i < cpu_count; i++)
        held = held || cpu_stack_holds(cpus[i], address);
    return held && address % 8 == 0;
}

// Follows frame pointers through the core's own stacks.
static void backtrace(uint64_t frame) {
    for (unsigned depth = 0; depth < BACKTRACE_DEPTH; depth++) {
        if (!on_core_stack(frame) || !on_core_stack(frame + 8))
            return;
        const uint64_t *at = (const uint64_t *)frame;
        if (!in_text(at[1]))
            return;
        print_place("called from", at[1], 1);
        if (at[0] <= frame)
            return;
        frame = at[0];
    }
}

// Where registers of the core point. Assembly makes no frame: its caller is what lies on the stack.
static void print_where(const struct registers *regs) {
    if (!print_place("at", regs->rip, 0) && on_core_stack(regs->rsp) && in_text(*(const uint64_t *)regs->rsp))
        print_place("called from", *(const uint64_t *)regs->rsp, 1);
}

static void print_control_registers(void) {
    log_print("  CR0 %llx CR2 %llx CR3 %llx CR4 %llx", (unsigned long long)read_cr0(), (unsigned long long)read_cr2(),
              (unsigned long long)read_cr3(), (unsigned long long)read_cr4());
}

static void print_registers(const struct registers *regs) {
    static const char *const names[16] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                          "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    uint64_t gpr[16];
    memcpy(gpr, regs->gpr, sizeof(gpr));
    gpr[RSP] = regs->rsp;
    log_print("  RIP %#llx CS %#llx SS %#llx RFLAGS %#llx", (unsigned long long)regs->rip, (unsigned long long)regs->cs,
              (unsigned long long)regs->ss, (unsigned long long)regs->rflags);
    for (unsigned i = 0; i < 16; i += 4)
        log_print("  %s %016llx %s %016llx %s %016llx %s %016llx", names[i], (unsigned long long)gpr[i], names[i + 1],
                  (unsigned long long)gpr[i + 1], names[i + 2], (unsigned long long)gpr[i + 2], names[i + 3],
                  (unsigned long long)gpr[i + 3]);
}

static void print_other_cpus(void) {
    for (uint32_t i = 0; i < cpu_count; i++) {
        const struct registers *regs = __atomic_load_n(&cpus[i]->stopped, __ATOMIC_ACQUIRE);
        if (cpus[i] == cpu_self())
            continue;
        uint32_t aborted = 0;
        if (vendor)
            VENDOR_RESULT(aborted =, aborted, cpus[i]);
        log_print("CPU %u %s", i,
                  aborted                  ? "has shut down: VMX abort"
                  : !regs                  ? "does not answer"
                  : cpus[i]->running_guest ? "ran a guest"
                  : regs->cs & 3           ? "was in user level"
                                           : "was in the core");
        if (regs && !(regs->cs & 3) && !cpus[i]->running_guest) {
            print_where(regs);
            backtrace(regs->gpr[RBP]);
        }
    }
}

static void wait_seconds(uint64_t seconds) {
    uint64_t start = rdtsc(), hz = tsc_hz ? tsc_hz : TSC_HZ_UNKNOWN;
    while (rdtsc() - start < seconds * hz)
        cpu_relax();
}

_Noreturn static void halt(void) {
    for (;;)
        __asm__ volatile("cli; hlt");
}

_Noreturn static void finish(void) {
    log_print("The core has stopped. All domains are lost; their disks are as after a power cut.");
    if (stays)
        halt();
    log_print("The machine is reset in %u s (not with the option noreboot).", RESET_SECONDS);
    wait_seconds(RESET_SECONDS);
    outb(RESET_CONTROL, RESET_FULL & ~4);
    outb(RESET_CONTROL, RESET_FULL);
    outb(KEYBOARD, KEYBOARD_RESET);
    halt();
}

// A CPU that fails in the midst of its report goes on behind it; others have stopped, or do so here.
static void begin(void) {
    static uint32_t panicking; // 0, or 1 and the CPU
    uint32_t self = cpu_self()->id + 1, nobody = 0;
    if (!__atomic_compare_exchange_n(&panicking, &nobody, self, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        if (nobody != self)
            halt();
        log_print("a fault within the report, which ends here");
        finish();
    }
    log_panic_mode();
    trap_stop_others();
}

static void print_reason(const char *text) {
    log_finish(KEPT_LOG_PANIC, text);
    log_print("PANIC on CPU %u: %s", cpu_self()->id, text);
}

void panic(const char *file, int line, const char *message, ...) {
    begin();
    char text[KEPT_LOG_REASON];
    va_list arguments;
    va_start(arguments, message);
    int length = vformat(text, sizeof(text), message, arguments);
    va_end(arguments);
    if ((size_t)length < sizeof(text))
        format(text + length, sizeof(text) - (size_t)length, " (%s:%d)", file, line);
    print_reason(text);
    const uint64_t *frame = __builtin_frame_address(0);
    print_place("at", frame[1], 1);
    print_control_registers();
    backtrace(frame[0]);
    print_other_cpus();
    finish();
}

void panic_exception(const struct registers *regs, const char *message, ...) {
    begin();
    char text[KEPT_LOG_REASON];
    va_list arguments;
    va_start(arguments, message);
    vformat(text, sizeof(text), message, arguments);
    va_end(arguments);
    print_reason(text);
    if (regs->cs == SELECTOR_KERNEL_CODE)
        print_where(regs);
    print_registers(regs);
    print_control_registers();
    if (regs->cs == SELECTOR_KERNEL_CODE)
        backtrace(regs->gpr[RBP]);
    print_other_cpus();
    finish();
}
