// Reports of ends, with functions and lines from the table beside the program's file in the archive; from its symbols,
// where there is none.
#include "dom0/init/report.h"
#include "dom0/init/elf_file.h"
#include "lib/format.h"
#include "lib/lines.h"

#define DEPTH         12u
#define MACHINE_CHECK 18u

static const char *const vector_names[32] = {
    [0] = "division by zero", [1] = "debug exception", [3] = "breakpoint",
    [4] = "overflow",         [5] = "bound",           [6] = "invalid instruction",
    [7] = "no FPU",           [12] = "stack fault",    [13] = "general protection",
    [14] = "page fault",      [16] = "x87 error",      [17] = "misaligned access",
    [18] = "machine check",   [19] = "SIMD error",
};

// The file that lies beside a program with its functions and lines (lib/lines.h), where there is one.
static unsigned find_lines(const struct process *process, uint64_t address, struct lines_place place[LINES_DEPTH]) {
    char name[sizeof(process->file) + 8];
    struct archive_file file;
    format(name, sizeof(name), "%s.lines", process->file);
    return file_find(name, &file) ? lines_find(archive_data(&file), file.size, address, place) : 0;
}

static void log_symbol(const char *what, const struct process *process, uint64_t address) {
    struct archive_file file;
    uint64_t start = 0;
    const char *symbol = NULL;
    if (file_find(process->file, &file))
        symbol = elf_symbol(archive_data(&file), file.size, address, &start);
    if (symbol)
        init_log("  %s %#llx %s+%#llx", what, (unsigned long long)address, symbol,
                 (unsigned long long)(address - start));
    else
        init_log("  %s %#llx", what, (unsigned long long)address);
}

// The functions of an address, a line each. For a return address that is the call, so what lies before it.
static void log_place(const char *what, const struct process *process, uint64_t address, uint64_t before) {
    struct lines_place place[LINES_DEPTH];
    char text[160];
    unsigned places = find_lines(process, address - before, place);
    if (!places)
        log_symbol(what, process, address);
    for (unsigned i = 0; i < places; i++) {
        lines_text(&place[i], text, sizeof(text));
        if (i == 0)
            init_log("  %s %#llx %s", what, (unsigned long long)address, text);
        else
            init_log("    inlined in %s", text);
    }
}

// Reads a word of a protection domain's memory.
static bool peek(const struct process *process, uint64_t address, uint64_t *word) {
    if (address % sizeof(*word))
        return false;
    struct syscall_result found = sys_pd_control(process->pd, PD_LOOKUP, address & ~(PAGE_SIZE - 1));
    if (found.status != OK ||
        !physical_map(SELECTOR_SELF, INIT_PEEK, found.value & ~(PAGE_SIZE - 1), PAGE_SIZE, DELEGATE_READ, false))
        return false;
    *word = *(const uint64_t *)(INIT_PEEK + address % PAGE_SIZE);
    physical_unmap(SELECTOR_SELF, INIT_PEEK, PAGE_SIZE);
    return true;
}

void report_end(const char *name, const struct process *process, const struct pd_fault *fault) {
    if (fault->vector == PD_FAULT_EXIT) {
        init_log("%s has ended by itself with status %lld", name, (long long)fault->exit_status);
        return;
    }
    const char *vector = fault->vector < 32 && vector_names[fault->vector] ? vector_names[fault->vector] : "exception";
    init_log("%s has ended: %s (vector %llu, error code %#llx, address %#llx)", name, vector,
             (unsigned long long)fault->vector, (unsigned long long)fault->error_code,
             (unsigned long long)fault->address);
    if (fault->vector == MACHINE_CHECK) // its memory is bad, wherever it was
        return;
    log_place("at", process, fault->rip, 0);
    init_log("  RAX %llx RCX %llx RDX %llx RBX %llx RSI %llx RDI %llx RSP %llx RBP %llx",
             (unsigned long long)fault->gpr[0], (unsigned long long)fault->gpr[1], (unsigned long long)fault->gpr[2],
             (unsigned long long)fault->gpr[3], (unsigned long long)fault->gpr[6], (unsigned long long)fault->gpr[7],
             (unsigned long long)fault->rsp, (unsigned long long)fault->gpr[5]);
    init_log("  R8 %llx R9 %llx R10 %llx R11 %llx R12 %llx R13 %llx R14 %llx R15 %llx RFLAGS %llx",
             (unsigned long long)fault->gpr[8], (unsigned long long)fault->gpr[9], (unsigned long long)fault->gpr[10],
             (unsigned long long)fault->gpr[11], (unsigned long long)fault->gpr[12], (unsigned long long)fault->gpr[13],
             (unsigned long long)fault->gpr[14], (unsigned long long)fault->gpr[15], (unsigned long long)fault->rflags);
    uint64_t frame = fault->gpr[5], next, address;
    for (unsigned depth = 0; depth < DEPTH && peek(process, frame, &next) && peek(process, frame + 8, &address);
         depth++) {
        if (next == 0) // the outermost frame: nothing has called it
            return;
        log_place("called from", process, address, 1);
        if (next <= frame)
            return;
        frame = next;
    }
}
