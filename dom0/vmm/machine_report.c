// What becomes known of the machine outside: its state, its screen, its log; and how its end comes about.
#include "dom0/domain/policy.h"
#include "dom0/vmm/control.h"
#include "dom0/vmm/machine.h"
#include "dom0/vmm/vga_text.h"
#include "lib/format.h"
#include "lib/server.h"
#include "lib/string.h"

#define LOG_REFILL_NS 200000000ull // one more line

static void log_append(struct domain_page *page, const char *text, size_t bytes) {
    uint64_t at = page->log_written;
    for (size_t i = 0; i < bytes; i++)
        page->log[(at + i) % DOMAIN_LOG_BYTES] = text[i];
    __atomic_store_n(&page->log_written, at + bytes, __ATOMIC_RELEASE);
}

static void log_text(struct machine *machine, const char *text) {
    log_append(machine->page, text, strlen(text));
    log_append(machine->page, "\n", 1);
    log_line("%s", text);
}

// May a line be logged now? A guest can cause lines at will: a few at once pass, then five a second.
static bool log_allowed(struct machine *machine, struct machine_log_limit *limit, unsigned burst) {
    uint64_t now = machine_now_ns(machine);
    while (limit->used && now - limit->refill_ns >= LOG_REFILL_NS) {
        limit->used--;
        limit->refill_ns += LOG_REFILL_NS;
    }
    if (limit->used == 0)
        limit->refill_ns = now;
    if (limit->used == burst) {
        limit->lost++;
        return false;
    }
    limit->used++;
    return true;
}

// What was not logged, to stand before the next line that is.
static int log_gap(char *line, size_t size, struct machine_log_limit *limit) {
    int bytes = limit->lost ? format(line, size, "(%u lines left out) ", limit->lost) : 0;
    limit->lost = 0;
    return bytes;
}

void machine_firmware_line(void *context, const char *line) {
    struct machine *machine = context;
    char gap[40];
    if (!log_allowed(machine, &machine->firmware_limit, MACHINE_FIRMWARE_BURST))
        return;
    log_append(machine->page, gap, (size_t)log_gap(gap, sizeof gap, &machine->firmware_limit));
    log_append(machine->page, line, strlen(line));
    log_append(machine->page, "\n", 1);
}

void machine_log(void *context, const char *message, ...) {
    struct machine *machine = context;
    char line[240];
    va_list arguments;
    if (!log_allowed(machine, &machine->log_limit, MACHINE_LOG_BURST))
        return;
    int at = log_gap(line, sizeof line, &machine->log_limit);
    va_start(arguments, message);
    vformat(line + at, sizeof line - (size_t)at, message, arguments);
    va_end(arguments);
    log_text(machine, line);
}

void machine_set_state(struct machine *machine, enum vmm_state state, enum vmm_reason reason, const char *message) {
    struct domain_page *page = machine->page;
    format(page->message, sizeof page->message, "%s", message);
    page->reason = reason;
    __atomic_store_n(&page->state, state, __ATOMIC_RELEASE);
    if (machine->changed != NO_SELECTOR)
        sys_semaphore_control(machine->changed, SEMAPHORE_UP, 0);
}

void machine_end(struct machine *machine, enum vmm_state state, enum vmm_reason reason, const char *message) {
    if (machine->hold & HOLD_ENDED)
        return;
    machine_update_screen(machine);
    log_text(machine, message);
    machine_hold(machine, HOLD_ENDED);
    machine_update_statistics(machine);
    machine_set_state(machine, state, reason, message);
}

void machine_crash(struct machine *machine, const char *message, ...) {
    char line[160];
    va_list arguments;
    va_start(arguments, message);
    vformat(line, sizeof line, message, arguments);
    va_end(arguments);
    machine_end(machine, VMM_CRASHED, VMM_REASON_EMULATION, line);
}

void machine_power_off(void *context) {
    machine_end(context, VMM_POWERED_OFF, VMM_REASON_ACPI_S5, "the guest powered off");
}

// Resets here as long as the guest lives a while between them; one that does not is the domain manager's to judge.
static void guest_reset(struct machine *machine, enum vmm_reason reason, const char *message) {
    uint64_t lived_ms = (machine_now_ns(machine) - machine->reset_ns) / 1000000;
    machine->short_lives = lived_ms < POLICY_SHORT_LIFE_MS ? machine->short_lives + 1 : 0;
    if (machine->config->on_reboot != DOMAIN_RESTART || machine->short_lives > POLICY_SHORT_LIVES) {
        machine_end(machine, VMM_REBOOTING, reason, message);
        return;
    }
    log_text(machine, message);
    machine->page->resets++;
    machine_hold(machine, HOLD_RESET);
}

void machine_reset_wanted(void *context) {
    guest_reset(context, VMM_REASON_RESET, "the guest asked for a reset");
}

void machine_triple_fault(struct machine *machine) {
    const struct vcpu *vcpu = machine->current;
    char line[160];
    format(line, sizeof line, "triple fault on vCPU %u: RIP %llx, RSP %llx, CR0 %llx, CR2 %llx, CR3 %llx", vcpu->index,
           (unsigned long long)vcpu->page->rip, (unsigned long long)vcpu->page->gpr[RSP],
           (unsigned long long)vcpu->page->cr0, (unsigned long long)vcpu->page->cr2,
           (unsigned long long)vcpu->page->cr3);
    guest_reset(machine, VMM_REASON_TRIPLE_FAULT, line);
}

void machine_update_screen(struct machine *machine) {
    struct domain_page *page = machine->page;
    struct vga_graphics_info graphics = {0};
    page->screen_updates++;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (vga_text_mode(&machine->vga)) {
        vga_text_screen(&machine->vga, &page->screen);
    } else {
        page->screen.columns = page->screen.rows = 0;
        vga_graphics_info(&machine->vga, &graphics);
    }
    page->graphics_width = graphics.width;
    page->graphics_height = graphics.height;
    page->graphics_depth = graphics.depth;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    page->screen_updates++;
}
